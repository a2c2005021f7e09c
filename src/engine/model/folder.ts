/** Reads the files of a model folder: exactly those that the manifest names, and only if they are what it says. */
import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, quoted } from '../error';
import { MAX_MANIFEST_BYTES, type ManifestFile } from './manifest';
import { READ } from '../opening';

export const MANIFEST_NAME = 'model.json';
/** In bytes: between pieces a cancel gets through. */
const PIECE = 8 * 1024 * 1024;

export function sha256(data: string | Uint8Array): string {
	return createHash('sha256').update(data).digest('hex');
}

export async function readManifest(folder: string): Promise<{ text: string; sha256: string }> {
	const bytes = await readRegular(folder, MANIFEST_NAME, (size) => {
		if (size > MAX_MANIFEST_BYTES) {
			throw new EngineError(
				`The model.json has ${size} bytes, the limit is ${MAX_MANIFEST_BYTES}: choose another model.`,
				'bad-model',
			);
		}
	});
	return { text: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'), sha256: sha256(bytes) };
}

/** The bytes of a file whose size and hash are those of the manifest. */
export async function readChecked(folder: string, file: ManifestFile, signal?: AbortSignal): Promise<Uint8Array> {
	const bytes = await readRegular(
		folder,
		file.name,
		(size) => {
			if (size !== file.bytes) {
				throw new EngineError(
					`The model's ${quoted(file.name)} has ${size} bytes, its manifest says ${file.bytes}: copy it again.`,
					'bad-model',
				);
			}
		},
		signal,
	);
	if (sha256(bytes) !== file.sha256) {
		throw new EngineError(
			`The model's ${quoted(file.name)} is not what its manifest says (SHA-256 differs): copy or export it again.`,
			'bad-model',
		);
	}
	return bytes;
}

/** Bytes [position, position + length); fewer where the file ends. */
export type ReadAt = (position: number, length: number) => Promise<Uint8Array>;

export function readRegular(
	folder: string,
	name: string,
	checkSize: (size: number) => void,
	signal?: AbortSignal,
): Promise<Uint8Array> {
	return withRegular(folder, name, checkSize, signal, async (read, size) => {
		const bytes = await read(0, size);
		if (bytes.length < size) {
			throw new EngineError(`The model's file ${quoted(name)} became shorter while it was read: load the model again.`, 'bad-model');
		}
		return bytes;
	});
}

/** A hard link could make a folder lend a file of somebody else, so one name per file is asked for. */
export async function withRegular<T>(
	folder: string,
	name: string,
	checkSize: (size: number) => void,
	signal: AbortSignal | undefined,
	work: (read: ReadAt, size: number) => Promise<T>,
): Promise<T> {
	const handle = await open(join(folder, name), READ).catch((error: NodeJS.ErrnoException) => {
		throw new EngineError(
			`The model folder ${quoted(folder)} has no readable ${name} (${error.code ?? error.message}): choose another folder.`,
			'bad-model',
		);
	});
	try {
		const found = await handle.stat();
		if (!found.isFile() || found.nlink > 1) {
			throw new EngineError(
				`The model's file ${quoted(name)} is not a regular file of its own: copy the model into a folder of its own.`,
				'bad-model',
			);
		}
		checkSize(found.size);
		return await work((position, length) => readAt(handle, position, length, signal), found.size);
	} finally {
		await handle.close();
	}
}

async function readAt(handle: FileHandle, position: number, length: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
	const bytes = new Uint8Array(length);
	for (let done = 0; done < length;) {
		signal?.throwIfAborted();
		const { bytesRead } = await handle.read(bytes, done, Math.min(PIECE, length - done), position + done);
		if (bytesRead === 0) {
			return bytes.slice(0, done);
		}
		done += bytesRead;
	}
	return bytes;
}
