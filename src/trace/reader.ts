import type { Range } from '../shared/range';
import { clamp } from '../shared/range';
import type { ByteSource } from './bytes';
import { checkDocument, checkTensor, DOCUMENT_TENSOR, parseTensorName } from './check';
import { headerLength, LENGTH_BYTES, parseHeader, type TensorEntry, type TensorTable } from './container';
import type { TraceDocument } from './document';
import { TraceError } from './error';
import { tooLarge, tooLong } from './extent';
import { migrate } from './migrations';
import type { PlaneData, PlaneName, TraceSource } from './planes';
import { parseDocument } from './schema';

export const FORMAT = 'neuralese-trace';

function refuse(what: string): never {
	throw new TraceError(`The trace is damaged (${what}): save or download it again.`);
}

function refuseIf(wrong: string | undefined): void {
	if (wrong !== undefined) {
		refuse(wrong);
	}
}

/** Reads the header and the document; planes are read when they are asked for. Takes over `bytes`, also when it fails. */
export async function openTrace(bytes: ByteSource): Promise<TraceFile> {
	try {
		const table = await readTable(bytes);
		const document = await readDocument(bytes, table);
		for (const tensor of table.tensors.values()) {
			const meaning = parseTensorName(tensor.name, document);
			refuseIf(meaning && checkTensor(tensor, meaning, document));
		}
		return new TraceFile(bytes, table, document);
	} catch (error) {
		bytes.dispose();
		throw error;
	}
}

/** Every tensor that the file holds, trace or not. */
export async function readTable(bytes: ByteSource): Promise<TensorTable> {
	const length = headerLength(await bytes.read(0, Math.min(LENGTH_BYTES, bytes.size)), bytes.size);
	return parseHeader(await bytes.read(LENGTH_BYTES, length), bytes.size);
}

async function readDocument(bytes: ByteSource, { metadata, tensors }: TensorTable): Promise<TraceDocument> {
	const entry = tensors.get(DOCUMENT_TENSOR);
	if (metadata.get('format') !== FORMAT || !entry || entry.dtype !== 'U8') {
		throw new TraceError('This safetensors file is not a trace: open one that Neuralese Inspector saved.');
	}
	refuseIf(tooLong(entry.length));
	const utf8 = await bytes.read(entry.start, entry.length);
	refuseIf(tooLarge(utf8));
	let parsed: unknown;
	try {
		parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(utf8));
	} catch {
		refuse('its document is not JSON');
	}
	const result = parseDocument(migrate(parsed));
	if (!result.ok) {
		refuse(result.wrong);
	}
	refuseIf(checkDocument(result.document));
	return result.document;
}

/** A trace in a file, read lazily by byte range. */
export class TraceFile implements TraceSource {
	constructor(
		private readonly bytes: ByteSource,
		private readonly table: TensorTable,
		readonly document: TraceDocument,
	) {}

	/** All tensors of the file, in its order. */
	get tensors(): readonly TensorEntry[] {
		return [...this.table.tensors.values()];
	}

	get metadata(): ReadonlyMap<string, string> {
		return this.table.metadata;
	}

	read(arm: string, plane: PlaneName, rows: Range): Promise<PlaneData | undefined> {
		return this.rows(`${arm}/${plane}`, rows);
	}

	/** Rows of a stored mip: each stands for 4^level rows of the plane, see `Mip`. Undefined where the file has no such level. */
	readMip(arm: string, plane: PlaneName, level: number, rows: Range): Promise<PlaneData | undefined> {
		return this.rows(`${arm}/${plane}.mip${level}`, rows);
	}

	dispose(): void {
		this.bytes.dispose();
	}

	private async rows(name: string, rows: Range): Promise<PlaneData | undefined> {
		const tensor = this.table.tensors.get(name);
		if (!tensor) {
			return undefined;
		}
		const count = tensor.shape[0] ?? 1;
		const start = clamp(Math.trunc(rows.start), 0, count);
		const end = clamp(Math.trunc(rows.end), start, count);
		const stride = count === 0 ? 0 : tensor.length / count;
		return typed(tensor.dtype, await this.bytes.read(tensor.start + start * stride, (end - start) * stride));
	}
}

/** Numbers lie little-endian in the file, as on every platform that the editor runs on. */
function typed(dtype: string, bytes: Uint8Array): PlaneData {
	const { buffer, byteOffset, byteLength } = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
	switch (dtype) {
		case 'F32':
			return new Float32Array(buffer, byteOffset, byteLength / 4);
		case 'I32':
			return new Int32Array(buffer, byteOffset, byteLength / 4);
		case 'F16':
			return new Uint16Array(buffer, byteOffset, byteLength / 2);
		default:
			return new Uint8Array(buffer, byteOffset, byteLength);
	}
}
