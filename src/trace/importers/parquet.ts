/** Rows of a parquet file, one row group after the other. */
import { parquetMetadataAsync, parquetReadObjects, snappyUncompress, type AsyncBuffer, type Compressors, type FileMetaData } from 'hyparquet';
import { gunzipSync } from 'fflate';
import type { ByteSource } from '../bytes';
import { inflate } from './inflate';
import { refuse } from './limits';
import type { Located } from './records';

/** Bytes of one row group, unpacked: Hugging Face's writer makes groups of 1000 rows, of which reasoning takes some 50 MB. */
const MAX_GROUP_BYTES = 512 * 2 ** 20;
/** One page of a column. */
const MAX_PAGE_BYTES = 256 * 2 ** 20;
/** Metadata of ten thousand row groups with a hundred columns. */
const MAX_METADATA_BYTES = 64 * 2 ** 20;
/** What follows the metadata: its length and the magic. */
const TAIL_BYTES = 8;
/** Tables of reasoning have some dozen. */
const MAX_COLUMNS = 1_000;
/** Rows of one group, and values of one of its columns: what a page claims beyond them costs memory before it is found out. */
const MAX_GROUP_ROWS = 5_000_000;
const MAX_GROUP_VALUES = 50_000_000;

const bounded = (unpack: (input: Uint8Array, size: number) => Uint8Array) => (input: Uint8Array, size: number) =>
	size <= MAX_PAGE_BYTES ? unpack(input, size) : refuse(`a page of it would have ${size} bytes, the limit is ${MAX_PAGE_BYTES}`);

const COMPRESSORS: Compressors = {
	SNAPPY: bounded((input, size) => {
		const out = new Uint8Array(size);
		snappyUncompress(input, out);
		return out;
	}),
	GZIP: bounded((input, size) => gunzipSync(input, { out: new Uint8Array(size) })),
	ZSTD: bounded((input, size) => inflate('zstd', input, size)),
};

export interface ParquetRows {
	columns: string[];
	rows(): AsyncGenerator<Located>;
}

export async function openParquet(bytes: ByteSource): Promise<ParquetRows> {
	const file: AsyncBuffer = {
		byteLength: bytes.size,
		slice: async (start, end = bytes.size) => {
			const data = await bytes.read(start, Math.max(0, Math.min(end, bytes.size) - start));
			return data.buffer.slice(data.byteOffset, data.byteOffset + data.byteLength) as ArrayBuffer;
		},
	};
	const metadata = await readMetadata(bytes, file);
	const columns = metadata.schema.filter((_, i) => i > 0).map(({ name }) => name);
	const groups = metadata.row_groups.map((group) => ({ rows: Number(group.num_rows), bytes: Number(group.total_byte_size) }));
	async function* rows(): AsyncGenerator<Located> {
		let first = 0;
		for (const [i, group] of groups.entries()) {
			if (group.bytes > MAX_GROUP_BYTES) {
				refuse(`row group ${i} of it has ${group.bytes} bytes, the limit is ${MAX_GROUP_BYTES}`, 'write it with smaller row groups');
			}
			const read = parquetReadObjects({ file, metadata, rowStart: first, rowEnd: first + group.rows, compressors: COMPRESSORS });
			const values = await read.catch((error: Error) => broken(error));
			for (const [row, value] of values.entries()) {
				yield { where: `row ${first + row + 1}`, number: first + row + 1, value: plain(value) };
			}
			first += group.rows;
		}
	}
	return { columns, rows };
}

async function readMetadata(bytes: ByteSource, file: AsyncBuffer): Promise<FileMetaData> {
	if (bytes.size < 2 * TAIL_BYTES) {
		refuse('it ends before its metadata');
	}
	const tail = await bytes.read(bytes.size - TAIL_BYTES, TAIL_BYTES);
	const length = new DataView(tail.buffer, tail.byteOffset, tail.byteLength).getUint32(0, true);
	if (new TextDecoder().decode(tail.subarray(4)) !== 'PAR1') {
		refuse('it has no metadata at its end: it was not written whole', 'copy or download it again');
	}
	if (length > MAX_METADATA_BYTES || length + TAIL_BYTES > bytes.size) {
		refuse(`its metadata would have ${length} bytes`);
	}
	const metadata = await parquetMetadataAsync(file).catch((error: Error) => broken(error));
	const isCount = (value: bigint) => value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER);
	if (metadata.schema.length > MAX_COLUMNS || !metadata.row_groups.every((group) => isCount(group.num_rows) && isCount(group.total_byte_size))) {
		refuse('its metadata is damaged');
	}
	const tooMany = metadata.row_groups.some(
		(group) => group.num_rows > MAX_GROUP_ROWS || group.columns.some((column) => (column.meta_data?.num_values ?? 0n) > MAX_GROUP_VALUES),
	);
	if (tooMany) {
		refuse(`a row group of it has more than ${MAX_GROUP_ROWS} rows or ${MAX_GROUP_VALUES} values in a column`, 'write it with smaller row groups');
	}
	return metadata;
}

/** The library's words are about its inside; ours pass. */
function broken(error: Error): never {
	if (error.name === 'TraceError') {
		throw error;
	}
	return refuse('its parquet data is damaged or of a kind that is not known', 'write it again, with snappy, zstd or gzip');
}

/** Numbers of 64 bits become such of JSON; bytes stay out. */
function plain(value: unknown): unknown {
	if (typeof value === 'bigint') {
		return Number(value);
	}
	if (Array.isArray(value)) {
		return value.map(plain);
	}
	if (typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
		return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item)]));
	}
	return ArrayBuffer.isView(value) || value instanceof Date ? undefined : value;
}
