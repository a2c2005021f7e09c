/** Files that are at any moment either what they were or the whole new file: traces, results, reports. */
import { randomUUID } from 'node:crypto';
import { open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { TraceError } from './error';

/** Of the file named in it; see `replaceFile`. */
const TEMPORARY = /^\.(.+)\.[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.tmp$/s;
/** No writer waits as long between two pieces. */
const LONGEST_PAUSE_MS = 3_600_000;

/**
 * What `fill` writes becomes the file at `path` all at once, or not at all: to a temporary file beside it, synced, renamed. `what`
 * begins the sentence of a failure: `The trace`.
 */
export async function replaceFile(
	path: string,
	fill: (handle: FileHandle) => Promise<void>,
	what = 'The trace',
): Promise<void> {
	const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
	try {
		const handle = await open(temporary, 'wx');
		try {
			await fill(handle);
			await handle.sync();
		} finally {
			await handle.close();
		}
		await rename(temporary, path);
		await syncFolder(dirname(path));
	} catch (error) {
		await rm(temporary, { force: true }).catch(() => {});
		throw error instanceof TraceError
			? error
			: new TraceError(`${what} was not written to ${path}: ${writeAdvice(error as NodeJS.ErrnoException)}.`, 'cannot-write');
	}
}

export async function replaceBytes(path: string, what: string, bytes: Uint8Array): Promise<void> {
	await replaceFile(path, (handle) => writeAll(handle, bytes), what);
}

/** UTF-8. */
export async function replaceText(path: string, what: string, text: string): Promise<void> {
	await replaceBytes(path, what, new TextEncoder().encode(text));
}

export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
	for (let done = 0; done < bytes.length;) {
		done += (await handle.write(bytes, done)).bytesWritten;
	}
}

/**
 * Temporary files of `path` whose writer was killed before it could rename or remove them: those that were last written before `begun`,
 * in milliseconds since 1970, when whoever asks began to work, so that no other writer's is taken.
 */
export async function removeLeftovers(path: string, begun: number): Promise<void> {
	await removeTemporaries(dirname(path), begun, (target) => target === basename(path));
}

/** As `removeLeftovers`, of every file in a folder, and of writers that may still be at work: those that nobody has written to for long. */
export async function removeAbandoned(folder: string): Promise<void> {
	await removeTemporaries(folder, Date.now() - LONGEST_PAUSE_MS, () => true);
}

async function removeTemporaries(folder: string, begun: number, isOurs: (target: string) => boolean): Promise<void> {
	for (const name of await readdir(folder).catch(() => [])) {
		const target = TEMPORARY.exec(name)?.[1];
		const file = join(folder, name);
		const written = target !== undefined && isOurs(target) ? await stat(file).catch(() => undefined) : undefined;
		if (written && written.mtimeMs < begun) {
			await rm(file, { force: true }).catch(() => {});
		}
	}
}

/** Makes the rename last. Some platforms cannot open a folder; there the rename is as durable as the file system makes it. */
async function syncFolder(folder: string): Promise<void> {
	const handle = await open(folder, 'r').catch(() => undefined);
	await handle?.sync().catch(() => {});
	await handle?.close().catch(() => {});
}

const ADVICE: ReadonlyMap<string, string> = new Map([
	['ENOSPC', 'the disk is full, free some space and save again'],
	['EDQUOT', 'your disk quota is used up, free some space and save again'],
	['ENOENT', 'the folder does not exist, choose another one'],
	['ENOTDIR', 'the folder does not exist, choose another one'],
	['EACCES', 'you may not write there, choose another folder'],
	['EPERM', 'you may not write there, choose another folder'],
	['EROFS', 'the folder is read-only, choose another one'],
	['EISDIR', 'it is a folder, choose a file name'],
	['ENAMETOOLONG', 'the name is too long, choose a shorter one'],
]);

/** What to do about it, as the end of a sentence. */
export function writeAdvice(error: NodeJS.ErrnoException): string {
	return ADVICE.get(error.code ?? '') ?? error.message;
}
