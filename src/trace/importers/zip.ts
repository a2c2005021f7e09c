/**
 * The directory of a zip file, and its entries one at a time. Nothing is ever unpacked to disk; names that would leave a folder are
 * refused all the same, because no producer writes them.
 */
import type { ByteSource } from '../bytes';
import { crc32, inflate, type Codec } from './inflate';
import { MAX_RECORD_BYTES, quote, refuse } from './limits';

export interface ZipEntry {
	name: string;
	codec: Codec | undefined;
	/** In bytes, as announced. */
	compressed: number;
	size: number;
	crc: number;
	/** Of its local header. */
	offset: number;
	encrypted: boolean;
}

const [END, END64, LOCATOR64, CENTRAL, LOCAL] = [0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50];
const [END_BYTES, END64_BYTES, LOCATOR_BYTES, CENTRAL_BYTES, LOCAL_BYTES] = [22, 56, 20, 46, 30];
/** A comment may follow the end record. */
const MAX_COMMENT = 0xffff;
/** Half a million entries with long names. */
const MAX_DIRECTORY_BYTES = 128 * 2 ** 20;
/** Deflate reaches 1032; logs of agents, which repeat themselves, some hundred. */
const MAX_RATIO = 1_200;
/** Small entries may repeat themselves as they like. */
const RATIO_FROM_BYTES = 16 * 2 ** 20;
const CODECS: ReadonlyMap<number, Codec> = new Map([
	[0, 'stored'],
	[8, 'deflate'],
	[93, 'zstd'],
]);
const ZIP64 = 0xffffffff;

/** By name; where a name occurs twice, the entry that was written last, as Python's zipfile does. */
export async function zipDirectory(bytes: ByteSource): Promise<Map<string, ZipEntry>> {
	const { offset, size } = await directoryRange(bytes);
	if (size > MAX_DIRECTORY_BYTES) {
		refuse(`its directory has ${size} bytes, the limit is ${MAX_DIRECTORY_BYTES}`);
	}
	const data = await bytes.read(offset, size);
	const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
	const entries = new Map<string, ZipEntry>();
	for (let at = 0; at < size;) {
		if (at + CENTRAL_BYTES > size || view.getUint32(at, true) !== CENTRAL) {
			refuse('the directory of the zip is damaged');
		}
		const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [number, number, number];
		const nameEnd = at + CENTRAL_BYTES + nameLength;
		const next = nameEnd + extraLength + commentLength;
		if (next > size) {
			refuse('the directory of the zip is damaged');
		}
		const name = new TextDecoder().decode(data.subarray(at + CENTRAL_BYTES, nameEnd));
		checkName(name);
		const wide = [24, 20, 42].map((field) => view.getUint32(at + field, true)) as [number, number, number];
		const [full, compressed, start] = widened(wide, view, nameEnd, nameEnd + extraLength);
		entries.set(name, {
			name,
			codec: CODECS.get(view.getUint16(at + 10, true)),
			compressed,
			size: full,
			crc: view.getUint32(at + 16, true),
			offset: start,
			encrypted: (view.getUint16(at + 8, true) & 1) === 1,
		});
		at = next;
	}
	return entries;
}

function checkName(name: string): void {
	if (name.includes('\0') || name.startsWith('/') || /^[A-Za-z]:|\\/.test(name) || name.split('/').includes('..')) {
		refuse(`the zip has an entry named ${quote(name)}, which would lie outside its folder`, 'do not trust it');
	}
}

/** Sizes that do not fit 32 bits stand in the extra field with the number 1, in this order, only those. */
function widened(values: readonly [number, number, number], view: DataView, start: number, end: number): [number, number, number] {
	for (let at = start; at + 4 <= end;) {
		const [kind, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
		if (kind === 1) {
			let field = at + 4;
			return values.map((value) => {
				if (value !== ZIP64 || field + 8 > Math.min(end, at + 4 + length)) {
					return value;
				}
				field += 8;
				return Number(view.getBigUint64(field - 8, true));
			}) as [number, number, number];
		}
		at += 4 + length;
	}
	return [...values];
}

async function directoryRange(bytes: ByteSource): Promise<{ offset: number; size: number }> {
	const start = Math.max(0, bytes.size - END_BYTES - MAX_COMMENT);
	const tail = await bytes.read(start, bytes.size - start);
	const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
	let at = tail.length - END_BYTES;
	while (at >= 0 && view.getUint32(at, true) !== END) {
		at--;
	}
	if (at < 0) {
		refuse('the zip has no directory: it was not written to its end', 'copy it again, or recover it with the tool that wrote it');
	}
	let [size, offset] = [view.getUint32(at + 12, true), view.getUint32(at + 16, true)];
	const locator = at - LOCATOR_BYTES;
	if (locator >= 0 && view.getUint32(locator, true) === LOCATOR64) {
		const end64 = Number(view.getBigUint64(locator + 8, true));
		const record = await within(bytes, end64, END64_BYTES);
		const wide = new DataView(record.buffer, record.byteOffset, record.byteLength);
		if (wide.getUint32(0, true) !== END64) {
			refuse('the directory of the zip is damaged');
		}
		[size, offset] = [Number(wide.getBigUint64(40, true)), Number(wide.getBigUint64(48, true))];
	}
	if (!Number.isSafeInteger(offset + size) || offset + size > bytes.size) {
		refuse('the directory of the zip lies outside the file');
	}
	return { offset, size };
}

async function within(bytes: ByteSource, offset: number, length: number): Promise<Uint8Array> {
	if (!Number.isSafeInteger(offset + length) || offset + length > bytes.size) {
		refuse('an entry of the zip lies outside the file', 'copy or download it again');
	}
	return bytes.read(offset, length);
}

/** Unpacked and checked against its checksum. `limit`: bytes. */
export async function readEntry(bytes: ByteSource, entry: ZipEntry, limit = MAX_RECORD_BYTES): Promise<Uint8Array> {
	const { name, codec, compressed, size, crc } = entry;
	const shown = `entry ${quote(name)} of the zip`;
	if (entry.encrypted || codec === undefined) {
		refuse(`${shown} is ${entry.encrypted ? 'encrypted' : 'compressed in a way that is not known'}`, 'pack it again with deflate');
	}
	if (size > limit) {
		refuse(`${shown} has ${size} bytes, the limit is ${limit}`, 'split it');
	}
	if (size > RATIO_FROM_BYTES && size > compressed * MAX_RATIO) {
		refuse(`${shown} would grow ${Math.round(size / Math.max(compressed, 1))} times, as a zip bomb does`, 'do not trust it');
	}
	const start = await dataStart(bytes, entry);
	const data = await within(bytes, start, compressed);
	let out: Uint8Array;
	try {
		out = inflate(codec, data, size);
	} catch (error) {
		const why = error instanceof Error && error.message.startsWith('it ') ? `: ${error.message}` : '';
		return refuse(`${shown} cannot be unpacked${why}`, 'copy or download it again');
	}
	return crc32(out) === crc ? out : refuse(`${shown} is damaged: its checksum is another`, 'copy or download it again');
}

/** Of an entry that is stored as it is, for reading parts of it. */
export async function dataStart(bytes: ByteSource, { offset, name }: ZipEntry): Promise<number> {
	const local = await within(bytes, offset, LOCAL_BYTES);
	const view = new DataView(local.buffer, local.byteOffset, local.byteLength);
	if (view.getUint32(0, true) !== LOCAL) {
		refuse(`entry ${quote(name)} of the zip is not where its directory says`, 'copy or download it again');
	}
	return offset + LOCAL_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
}
