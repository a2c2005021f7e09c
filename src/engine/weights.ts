/**
 * Where a model's weights lie. A manifest names files and never paths, since it may come from anybody: they lie in its own
 * folder, or where this machine's own record says that the model was added from.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { EngineError, quoted } from './error';
import { placeRecord } from './home';
import type { ManifestFile } from './manifest';
import { READ } from './opening';
import { writeRecord } from './record';

/** In bytes: between pieces a cancel gets through. */
const PIECE = 8 * 1024 * 1024;
/** A link at the last place would lend somebody else's file. */
const NO_LINK = constants.O_NOFOLLOW ?? 0;

const schema = v.object({
	/** Of the weights. */
	folder: v.string(),
	/** The graph that the model was made from. */
	source: v.string(),
	/** What that graph calls files of weights that have other names on the disk. */
	names: v.record(v.string(), v.string()),
	/** Milliseconds since the epoch, by the files' names, as they were when their hashes were taken. */
	modified: v.record(v.string(), v.number()),
});

/** What this machine knows of a model that was added on it. */
export type Place = v.InferOutput<typeof schema>;

export async function readPlace(manifestSha256: string): Promise<Place | undefined> {
	const text = await readFile(placeRecord(manifestSha256), 'utf8').catch(() => undefined);
	try {
		return text === undefined ? undefined : v.parse(schema, JSON.parse(text));
	} catch {
		return undefined;
	}
}

export function writePlace(manifestSha256: string, place: Place): Promise<void> {
	return writeRecord(placeRecord(manifestSha256), place, 'Where the model\'s weights lie');
}

/** The folder of the weights, each of which is what the manifest says. Hashing is left out where a file has not changed since. */
export async function locateWeights(
	folder: string,
	manifestSha256: string,
	files: readonly ManifestFile[],
	signal: AbortSignal,
): Promise<string> {
	if (files.length === 0) {
		return folder;
	}
	const place = await readPlace(manifestSha256);
	const found = place?.folder ?? folder;
	for (const { name, bytes, sha256 } of files) {
		await withWeights(found, name, async (handle, stats) => {
			const changed =
				stats.bytes !== bytes || (place?.modified[name] !== stats.modified && (await hashOf(handle, signal)) !== sha256);
			if (changed) {
				throw new EngineError(`The weights ${quoted(name)} have changed since the model was added: add it again.`, 'bad-model');
			}
		});
	}
	return found;
}

/** Size, time and hash of a file of weights. */
export function describeWeights(folder: string, name: string, signal: AbortSignal) {
	return withWeights(folder, name, async (handle, { bytes, modified }) => ({
		file: { name, bytes, sha256: await hashOf(handle, signal) },
		modified,
	}));
}

async function withWeights<T>(
	folder: string,
	name: string,
	work: (handle: FileHandle, stats: { bytes: number; modified: number }) => Promise<T>,
): Promise<T> {
	const handle = await open(join(folder, name), READ | NO_LINK).catch((error: NodeJS.ErrnoException) => {
		throw new EngineError(
			`The model's weights ${quoted(name)} cannot be read (${error.code ?? error.message}): put them back, or add the model again.`,
			'bad-model',
		);
	});
	try {
		const stats = await handle.stat();
		if (!stats.isFile() || stats.nlink > 1) {
			throw new EngineError(
				`The weights ${quoted(name)} are not a regular file with one name: copy the model into a folder of its own.`,
				'bad-model',
			);
		}
		return await work(handle, { bytes: stats.size, modified: stats.mtimeMs });
	} finally {
		await handle.close();
	}
}

async function hashOf(handle: FileHandle, signal: AbortSignal): Promise<string> {
	const hash = createHash('sha256');
	const piece = new Uint8Array(PIECE);
	for (let position = 0; ;) {
		signal.throwIfAborted();
		const { bytesRead } = await handle.read(piece, 0, PIECE, position);
		if (bytesRead === 0) {
			return hash.digest('hex');
		}
		hash.update(piece.subarray(0, bytesRead));
		position += bytesRead;
	}
}
