/** A large sample of a `.eval` log, whose messages and attachments lie in entries of their own, each named by its first index. */
import type { JsonObject } from './json';
import { refuse } from './limits';
import { isObject, listAt } from './values';
import type { ZipEntry } from './zip';

const SHELL = '/sample.json';
/** Messages of one sample. */
const MAX_MESSAGES = 1_000_000;

export function isShell(name: string): boolean {
	return name.endsWith(SHELL);
}

/** By its folder, the parts of what a sample refers to, in their order. */
export type Chunks = ReadonlyMap<string, readonly ZipEntry[]>;

/** Of the whole log at once: a search for each sample would take as long as their number squared. */
export function chunksOf(entries: Iterable<ZipEntry>): Chunks {
	const found = new Map<string, { entry: ZipEntry; start: number }[]>();
	for (const entry of entries) {
		const [, folder, start] = /^(.+\/(?:messages|attachments)\/)(\d+)\.json$/s.exec(entry.name) ?? [];
		if (folder !== undefined) {
			const list = found.get(folder) ?? [];
			found.set(folder, list);
			list.push({ entry, start: Number(start) });
		}
	}
	return new Map([...found].map(([folder, list]) => [folder, list.sort((a, b) => a.start - b.start).map(({ entry }) => entry)]));
}

/** The sample as one object: its shell refers to a pool of messages by ranges [start, end). */
export async function chunkedSample(
	shell: JsonObject,
	name: string,
	chunks: Chunks,
	read: (entry: ZipEntry) => Promise<unknown>,
): Promise<JsonObject> {
	const folder = name.slice(0, -SHELL.length);
	const pool = await sequence(chunks.get(`${folder}/messages/`) ?? [], read);
	const attachments = await sequence(chunks.get(`${folder}/attachments/`) ?? [], read);
	const messages: unknown[] = [];
	for (const ref of listAt(shell, 'message_refs')) {
		const [start, end] = Array.isArray(ref) ? (ref as unknown[]) : [ref, typeof ref === 'number' ? ref + 1 : undefined];
		if (!Number.isInteger(start) || !Number.isInteger(end) || messages.length + (end as number) - (start as number) > MAX_MESSAGES) {
			refuse('a sample of the log refers to messages that it cannot have');
		}
		// Not spread: a call takes some hundred thousand arguments.
		pool.slice(start as number, end as number).forEach((message) => messages.push(message));
	}
	const own = listAt(shell, 'messages');
	return { ...shell, messages: messages.length > 0 || own.length === 0 ? messages : own, attachments };
}

async function sequence(chunks: readonly ZipEntry[], read: (entry: ZipEntry) => Promise<unknown>): Promise<unknown[]> {
	const items: unknown[] = [];
	for (const entry of chunks) {
		const chunk = await read(entry);
		if (!Array.isArray(chunk) || items.length + chunk.length > MAX_MESSAGES) {
			refuse('a part of a sample of the log is no list');
		}
		chunk.forEach((item) => items.push(item));
	}
	return items.map((item) => (isObject(item) || typeof item === 'string' ? item : {}));
}
