/**
 * The safetensors container: 8 bytes of header length (little endian), a JSON header, then the tensors without gaps. Reads
 * stricter than the reference does, because a trace may come from anybody; what is written here the reference reads.
 */
import { TraceError } from './error';
import { parseHeaderText, type HeaderEntry } from './headertext';

export const LENGTH_BYTES = 8;
/** Ten thousand tensors need about 1 MiB; the reference allows 100 MB, which a hostile file could make us parse. */
export const MAX_HEADER_BYTES = 8 * 1024 * 1024;
/** Eight arms with a thousand planes each. */
export const MAX_TENSORS = 10_000;
/** No plane has more than four axes; more only serves to make products overflow. */
export const MAX_RANK = 8;

/** Bytes a value of each dtype that has whole bytes. */
const DTYPE_BYTES: ReadonlyMap<string, number> = new Map([
	['BOOL', 1],
	['U8', 1],
	['I8', 1],
	['F8_E5M2', 1],
	['F8_E4M3', 1],
	['F8_E8M0', 1],
	['F8_E5M2FNUZ', 1],
	['F8_E4M3FNUZ', 1],
	['I16', 2],
	['U16', 2],
	['F16', 2],
	['BF16', 2],
	['I32', 4],
	['U32', 4],
	['F32', 4],
	['I64', 8],
	['U64', 8],
	['F64', 8],
	['C64', 8],
]);

export interface TensorEntry {
	name: string;
	/** Safetensors' name of the type, for example `F32`. */
	dtype: string;
	shape: number[];
	/** Offset in the file, in bytes. */
	start: number;
	/** In bytes: the product of the shape times the size of a value. */
	length: number;
}

export interface TensorTable {
	metadata: Map<string, string>;
	/** In the order of the header. */
	tensors: Map<string, TensorEntry>;
}

function refuse(what: string): never {
	throw new TraceError(`This is not a valid safetensors file (${what}): write or download it again.`);
}

/** The length of the header from the file's first 8 bytes. */
export function headerLength(prefix: Uint8Array, fileSize: number): number {
	if (prefix.byteLength < LENGTH_BYTES || fileSize < LENGTH_BYTES) {
		refuse(`its ${fileSize} bytes cannot hold a header`);
	}
	const length = new DataView(prefix.buffer, prefix.byteOffset).getBigUint64(0, true);
	if (length > BigInt(MAX_HEADER_BYTES)) {
		refuse(`its header would have ${length} bytes, the limit is ${MAX_HEADER_BYTES}`);
	}
	if (LENGTH_BYTES + Number(length) > fileSize) {
		refuse(`it ends inside its header, after ${fileSize} of ${LENGTH_BYTES + Number(length)} bytes`);
	}
	return Number(length);
}

/** Parses the header that follows the first 8 bytes. What is returned lies inside the file, without overlap or gap. */
export function parseHeader(header: Uint8Array, fileSize: number): TensorTable {
	if (header.byteLength > MAX_HEADER_BYTES) {
		refuse(`its header has ${header.byteLength} bytes, the limit is ${MAX_HEADER_BYTES}`);
	}
	const { metadata, entries } = parseHeaderText(header, MAX_TENSORS, refuse);
	const dataStart = LENGTH_BYTES + header.byteLength;
	let end = 0;
	for (const entry of [...entries].sort((a, b) => a.offsets[0] - b.offsets[0] || a.offsets[1] - b.offsets[1])) {
		if (entry.offsets[0] !== end || entry.offsets[1] < end) {
			refuse(`tensor ${quote(entry.name)} does not begin where the one before it ends`);
		}
		if (byteLength(entry) !== entry.offsets[1] - entry.offsets[0]) {
			refuse(`the shape of tensor ${quote(entry.name)} does not match its length`);
		}
		end = entry.offsets[1];
	}
	if (dataStart + end !== fileSize) {
		refuse(`its tensors need ${dataStart + end} bytes, the file has ${fileSize}`);
	}
	const tensors = entries.map(
		({ name, dtype, shape, offsets }) =>
			[name, { name, dtype, shape, start: dataStart + offsets[0], length: offsets[1] - offsets[0] }] as const,
	);
	return { metadata, tensors: new Map(tensors) };
}

/** Bytes of a tensor, refused where the product is not exact. */
function byteLength({ name, dtype, shape }: Pick<HeaderEntry, 'name' | 'dtype' | 'shape'>): number {
	const bytes = DTYPE_BYTES.get(dtype) ?? refuse(`tensor ${quote(name)} has the unknown type ${quote(dtype)}`);
	if (shape.length > MAX_RANK) {
		refuse(`tensor ${quote(name)} has ${shape.length} axes, the limit is ${MAX_RANK}`);
	}
	let product = bytes;
	for (const extent of shape) {
		product *= extent;
		if (!Number.isSafeInteger(product)) {
			refuse(`tensor ${quote(name)} is larger than any file`);
		}
	}
	return product;
}

/**
 * The first bytes of a file: length and header, padded with spaces so that the data begins at a multiple of 8. Tensors lie in
 * the given order.
 */
export function encodeHeader(
	tensors: readonly { name: string; dtype: string; shape: readonly number[] }[],
	metadata: Readonly<Record<string, string>>,
): Uint8Array {
	let end = 0;
	const fields = [`"__metadata__":${JSON.stringify(metadata)}`];
	for (const { name, dtype, shape } of tensors) {
		const start = end;
		end += byteLength({ name, dtype, shape: [...shape] });
		fields.push(`${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: [start, end] })}`);
	}
	const text = new TextEncoder().encode(`{${fields.join(',')}}`);
	const length = Math.ceil(text.byteLength / 8) * 8;
	if (length > MAX_HEADER_BYTES || tensors.length > MAX_TENSORS) {
		throw new TraceError(
			`The trace has ${tensors.length} tensors, which is more than a trace can hold: analyse with fewer arms or probes.`,
			'cannot-write',
		);
	}
	const out = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
	new DataView(out.buffer).setBigUint64(0, BigInt(length), true);
	out.set(text, LENGTH_BYTES);
	return out;
}

/** Names come from the file: shortened, and with control characters escaped. */
function quote(text: string): string {
	return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
