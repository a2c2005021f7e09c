/**
 * Where a model's weights lie. A manifest names files and never paths, since it may come from anybody: they lie in its own
 * folder, or where this machine's own record says that the model was added from.
 */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, realpath, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import * as v from 'valibot';
import { EngineError, quoted } from '../error';
import { folderRecord, placeRecord } from '../machine/home';
import type { Manifest } from './manifest';
import { READ } from '../opening';
import { writeRecord } from '../machine/record';

const NANOSECONDS = 1_000_000_000n;
/** In bytes: between pieces a cancel gets through. */
const PIECE = 8 * 1024 * 1024;
/** A link at the last place would lend somebody else's file. */
const NO_LINK = constants.O_NOFOLLOW ?? 0;
/** Begins the sentence that it cannot be noted. */
const WHAT = 'Where the model\'s weights lie';

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

/** The files that computed what the original does when the model was added, as its manifest pinned them. */
const pinned = v.object({ ...schema.entries, files: v.string() });

/** A model folder, as it is now. */
export interface Kept {
	folder: string;
	sha256: string;
	manifest: Manifest;
}

/**
 * By the manifest's hash, wherever its folder is. Where the manifest was edited since (its recipe, its name, another graph), by the folder,
 * and only if it still names the same graphs, tokenizer and weights with the same sizes and hashes: nothing else is lent to what now lies there.
 */
export async function readPlace({ folder, sha256, manifest }: Kept): Promise<Place | undefined> {
	const found = await readNote(schema, placeRecord(sha256));
	if (found) {
		return found;
	}
	const noted = await readNote(pinned, folderRecord(await realpath(folder).catch(() => folder)));
	return noted?.files === pin(manifest) ? noted : undefined;
}

/** Notes the place of a folder that was just added by that folder too. */
export async function keepPlace({ folder, sha256, manifest }: Kept): Promise<void> {
	const place = await readNote(schema, placeRecord(sha256));
	if (place) {
		await writeRecord(folderRecord(await realpath(folder)), { ...place, files: pin(manifest) }, WHAT);
	}
}

function pin({ files: { body, head, tokenizer, weights } }: Manifest): string {
	return JSON.stringify([body, head, tokenizer, ...weights].map(({ name, sha256, bytes }) => [name, sha256, bytes]));
}

async function readNote<T>(kind: v.GenericSchema<unknown, T>, path: string): Promise<T | undefined> {
	const text = await readFile(path, 'utf8').catch(() => undefined);
	try {
		return text === undefined ? undefined : v.parse(kind, JSON.parse(text));
	} catch {
		return undefined;
	}
}

export function writePlace(manifestSha256: string, place: Place): Promise<void> {
	return writeRecord(placeRecord(manifestSha256), place, WHAT);
}

/** Of a model that was not added after all. */
export async function removePlace(manifestSha256: string): Promise<void> {
	await rm(placeRecord(manifestSha256), { force: true });
}

/** Where the weights are, as they were when they were checked. */
export interface Located {
	folder: string;
	/** What tells each file from another one, and from itself when it has been written to. */
	files: ReadonlyMap<string, string>;
}

/** The folder of the weights, each of which is what the manifest says. Hashing is left out where a file has not changed since. */
export async function locateWeights(model: Kept, signal: AbortSignal): Promise<Located> {
	const files = model.manifest.files.weights;
	const place = files.length === 0 ? undefined : await readPlace(model);
	const found = place?.folder ?? model.folder;
	const identities = new Map<string, string>();
	for (const { name, bytes, sha256 } of files) {
		await withWeights(found, name, async (handle, stats) => {
			const changed =
				stats.bytes !== bytes || (place?.modified[name] !== stats.modified && (await hashOf(handle, signal)) !== sha256);
			if (changed) {
				throw new EngineError(`The weights ${quoted(name)} have changed since the model was added: add it again.`, 'bad-model');
			}
			identities.set(name, stats.identity);
		});
	}
	return { folder: found, files: identities };
}

/** Fails where a file is no longer the one that was checked: the runtime opens it by its name, after the check. */
export async function checkUnchanged({ folder, files }: Located): Promise<void> {
	for (const [name, identity] of files) {
		await withWeights(folder, name, async (_, found) => {
			if (found.identity !== identity) {
				throw new EngineError(`The weights ${quoted(name)} were changed while the model was loaded: load it again.`, 'bad-model');
			}
		});
	}
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
	work: (handle: FileHandle, stats: { bytes: number; modified: number; identity: string }) => Promise<T>,
): Promise<T> {
	const handle = await open(join(folder, name), READ | NO_LINK).catch((error: NodeJS.ErrnoException) => {
		throw new EngineError(
			`The model's weights ${quoted(name)} cannot be read (${error.code ?? error.message}): put them back, or add the model again.`,
			'bad-model',
		);
	});
	try {
		const stats = await handle.stat({ bigint: true });
		if (!stats.isFile() || stats.nlink > 1n) {
			throw new EngineError(
				`The weights ${quoted(name)} are not a regular file with one name: copy the model into a folder of its own.`,
				'bad-model',
			);
		}
		const { dev, ino, size, mtimeNs, ctimeNs } = stats;
		return await work(handle, {
			bytes: Number(size),
			// As `mtimeMs` is rounded, which other code compares with.
			modified: Number(mtimeNs / NANOSECONDS) * 1000 + Number(mtimeNs % NANOSECONDS) / 1e6,
			identity: [dev, ino, size, mtimeNs, ctimeNs].join(),
		});
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
