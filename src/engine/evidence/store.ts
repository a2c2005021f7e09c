/**
 * What is computed once for each model, kept in a folder: one safetensors file a result, named by the hash of all that it follows
 * from. A cache and no more: what is missing, damaged or of another version is computed again, and a failure to write is no failure.
 */
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { encodeHeader, headerLength, LENGTH_BYTES, parseHeader } from '../../trace/container';
import { replaceFile, writeAll } from '../../trace/replace.node';
import { sha256 } from '../model/folder';
import { READ } from '../opening';

/** Bumped whenever anything that is kept is computed otherwise. */
const VERSION = 4;
const FORMAT = 'neuralese-cache';
/** A thousand prompts with six thoughts at 33 sites of width 2048 have 1.6 GB: that is computed again. */
const MAX_BYTES = 256 * 1024 * 1024;

/** What a result follows from: texts and numbers that JSON keeps. */
export type Key = Readonly<Record<string, unknown>>;

const ARRAYS = { F32: Float32Array, F64: Float64Array } as const;

type Values = Float32Array | Float64Array;

export interface Kept {
	/** JSON text; whoever reads it checks it. */
	record: string;
	tensors: ReadonlyMap<string, { shape: readonly number[]; data: Values }>;
}

export class Store {
	/** Keeps nothing where there is no folder. */
	constructor(private readonly folder: string | undefined) {}

	async read(key: Key): Promise<Kept | undefined> {
		if (this.folder === undefined) {
			return undefined;
		}
		try {
			return parsed(await contents(this.path(key)), text(key));
		} catch {
			return undefined;
		}
	}

	async write(key: Key, { record, tensors }: Kept): Promise<void> {
		const entries = [...tensors].map(([name, { shape, data }]) => ({
			name,
			dtype: data instanceof Float64Array ? 'F64' : 'F32',
			shape,
			bytes: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
		}));
		if (this.folder === undefined || entries.reduce((sum, { bytes }) => sum + bytes.byteLength, 0) > MAX_BYTES) {
			return;
		}
		const data = Buffer.concat(entries.map(({ bytes }) => bytes));
		const header = encodeHeader(entries, { format: FORMAT, key: text(key), record, sha256: hashOf(record, data) });
		try {
			await mkdir(this.folder, { recursive: true, mode: 0o700 });
			await replaceFile(this.path(key), async (handle) => {
				await writeAll(handle, header);
				await writeAll(handle, data);
			});
		} catch {
			// The next analysis computes it again.
		}
	}

	private path(key: Key): string {
		return join(this.folder!, `${sha256(text(key))}.safetensors`);
	}
}

function text(key: Key): string {
	return JSON.stringify({ version: VERSION, ...key });
}

async function contents(path: string): Promise<Uint8Array> {
	const handle = await open(path, READ);
	try {
		const found = await handle.stat();
		if (!found.isFile() || found.size > 2 * MAX_BYTES) {
			throw new RangeError('not a file of the cache');
		}
		return await handle.readFile();
	} finally {
		await handle.close();
	}
}

/** Throws or is absent where the file is not what was written for the key. */
function parsed(bytes: Uint8Array, key: string): Kept | undefined {
	const length = headerLength(bytes.subarray(0, LENGTH_BYTES), bytes.byteLength);
	const { metadata, tensors } = parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), bytes.byteLength);
	const record = metadata.get('record') ?? '';
	const whole =
		metadata.get('format') === FORMAT &&
		metadata.get('key') === key &&
		metadata.get('sha256') === hashOf(record, bytes.subarray(LENGTH_BYTES + length)) &&
		[...tensors.values()].every(({ dtype }) => dtype in ARRAYS);
	return whole
		? {
				record,
				tensors: new Map(
					[...tensors.values()].map(({ name, dtype, shape, start, length: size }) => {
						// A copy, because the file's bytes need not be aligned.
						const { buffer } = new Uint8Array(bytes.subarray(start, start + size));
						return [name, { shape, data: new ARRAYS[dtype as keyof typeof ARRAYS](buffer) }];
					}),
				),
			}
		: undefined;
}

function hashOf(record: string, data: Uint8Array): string {
	return sha256(Buffer.concat([Buffer.from(record), data]));
}
