/** Brings files of a repository into the cache: from where an interrupted download stopped, checked before they count. */
import { createHash, type Hash } from 'node:crypto';
import { mkdir, open, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Cache } from './cache';
import { HubError } from './error';
import { asHubError, statusError, type Access, type Repository, type RepositoryFile } from './repository';

/** Times that a connection may break before a download is given up; each goes on from where it broke. */
const MAX_RETRIES = 4;
/** Milliseconds between reports. */
const TICK = 100;
/** In bytes, while what is there already is hashed. */
const PIECE = 1024 * 1024;

export interface DownloadProgress {
	/** Being downloaded now. */
	path: string;
	/** Of all files together. */
	done: number;
	bytes: number;
}

/** The files' snapshot folder. What was downloaded before is not downloaded again. */
export async function download(
	repository: Repository,
	files: readonly RepositoryFile[],
	{ cache: folder, revision, report, ...access }: Access & { cache: string; revision: string; report?: (progress: DownloadProgress) => void },
): Promise<string> {
	const cache = new Cache(folder);
	const { id, commit } = repository;
	const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
	let done = 0;
	let told = -Infinity;
	for (const file of files) {
		const tell = (part: number, always = false) => {
			if (always || performance.now() - told > TICK) {
				told = performance.now();
				report?.({ path: file.path, done: done + part, bytes });
			}
		};
		tell(0, true);
		if (!(await cache.has(id, commit, file.path, file.bytes))) {
			try {
				await bring(repository, file, cache.blob(id, file.hash), access, tell);
				await cache.link(id, commit, file.path, file.hash);
			} catch (error) {
				throw asDiskError(error) ?? asHubError(error, id, access);
			}
		}
		done += file.bytes;
		tell(0, true);
	}
	await cache.point(id, revision, commit).catch((error: unknown) => {
		throw asDiskError(error) ?? error;
	});
	return cache.snapshot(id, commit);
}

async function bring(repository: Repository, file: RepositoryFile, blob: string, access: Access, tell: (part: number) => void): Promise<void> {
	if ((await sizeOf(blob)) === file.bytes) {
		return;
	}
	await mkdir(dirname(blob), { recursive: true });
	const incomplete = `${blob}.incomplete`;
	for (let attempt = 0; ; attempt++) {
		try {
			await receive(repository, file, incomplete, access, tell);
			break;
		} catch (error) {
			if (access.signal?.aborted || error instanceof HubError || asDiskError(error) || attempt >= MAX_RETRIES) {
				throw error;
			}
		}
	}
	await check(file, incomplete, access.signal);
	await rename(incomplete, blob);
}

/** Appends what is missing. */
async function receive(
	{ id, commit }: Repository,
	file: RepositoryFile,
	incomplete: string,
	{ endpoint, token, fetch: own = fetch, signal }: Access,
	tell: (part: number) => void,
): Promise<void> {
	let have = (await sizeOf(incomplete)) ?? 0;
	if (have > file.bytes) {
		await unlink(incomplete);
		have = 0;
	}
	if (have === file.bytes && file.bytes > 0) {
		return;
	}
	const path = file.path.split('/').map(encodeURIComponent).join('/');
	const response = await own(`${endpoint}/${id}/resolve/${commit}/${path}`, {
		signal,
		headers: { ...(token ? { authorization: `Bearer ${token}` } : {}), ...(have > 0 ? { range: `bytes=${have}-` } : {}) },
	});
	if (!response.ok || !response.body) {
		throw statusError(response.status, id, token !== undefined);
	}
	// A server that does not know ranges sends all of it again.
	const from = response.status === 206 ? have : 0;
	const handle = await open(incomplete, from > 0 ? 'r+' : 'w');
	try {
		await append(handle, response.body, from, file, tell);
	} finally {
		await handle.close();
	}
}

async function append(handle: FileHandle, body: ReadableStream<Uint8Array>, from: number, file: RepositoryFile, tell: (part: number) => void): Promise<void> {
	let at = from;
	for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
		if (at + chunk.byteLength > file.bytes) {
			throw new HubError(`${file.path} is longer than the hub's list says: try again, or another model.`, 'damaged');
		}
		await handle.write(chunk, 0, chunk.byteLength, at);
		at += chunk.byteLength;
		tell(at);
	}
	if (at < file.bytes) {
		throw new Error('The connection ended early.');
	}
}

/** A file whose content is not what its hash says is not kept. */
async function check(file: RepositoryFile, path: string, signal: AbortSignal | undefined): Promise<void> {
	const hash = file.hash.length === 64 ? createHash('sha256') : gitBlob(file.bytes);
	const handle = await open(path, 'r');
	try {
		const piece = Buffer.alloc(PIECE);
		for (let at = 0; at < file.bytes; ) {
			signal?.throwIfAborted();
			const { bytesRead } = await handle.read(piece, 0, PIECE, at);
			if (bytesRead === 0) {
				break;
			}
			hash.update(piece.subarray(0, bytesRead));
			at += bytesRead;
		}
	} finally {
		await handle.close();
	}
	if (hash.digest('hex') !== file.hash) {
		await unlink(path);
		throw new HubError(`${file.path} arrived damaged (its hash differs from the hub's): download it again.`, 'damaged');
	}
}

/** Git hashes a small file together with its length. */
function gitBlob(bytes: number): Hash {
	return createHash('sha1').update(`blob ${bytes}\0`);
}

function asDiskError(error: unknown): HubError | undefined {
	const { code, path } = (error ?? {}) as NodeJS.ErrnoException;
	if (code === 'ENOSPC' || code === 'EDQUOT') {
		return new HubError('The disk is full: make room and download again; what has arrived is kept.', 'no-space');
	}
	// Only errors of the file system have a path.
	if (path !== undefined || code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
		return new HubError(`The cache folder cannot be written (${code}): check its rights, or set HF_HUB_CACHE to another folder.`, 'no-space');
	}
	return undefined;
}

async function sizeOf(path: string): Promise<number | undefined> {
	return (await stat(path).catch(() => undefined))?.size;
}
