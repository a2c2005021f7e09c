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

/** The sample as one object: its shell refers to a pool of messages by ranges [start, end). */
export async function chunkedSample(
	shell: JsonObject,
	name: string,
	entries: ReadonlyMap<string, ZipEntry>,
	read: (entry: ZipEntry) => Promise<unknown>,
): Promise<JsonObject> {
	const folder = name.slice(0, -SHELL.length);
	const pool = await sequence(`${folder}/messages/`, entries, read);
	const attachments = await sequence(`${folder}/attachments/`, entries, read);
	const messages: unknown[] = [];
	for (const ref of listAt(shell, 'message_refs')) {
		const [start, end] = Array.isArray(ref) ? (ref as unknown[]) : [ref, typeof ref === 'number' ? ref + 1 : undefined];
		if (!Number.isInteger(start) || !Number.isInteger(end) || messages.length + (end as number) - (start as number) > MAX_MESSAGES) {
			refuse('a sample of the log refers to messages that it cannot have');
		}
		messages.push(...pool.slice(start as number, end as number));
	}
	const own = listAt(shell, 'messages');
	return { ...shell, messages: messages.length > 0 || own.length === 0 ? messages : own, attachments };
}

async function sequence(prefix: string, entries: ReadonlyMap<string, ZipEntry>, read: (entry: ZipEntry) => Promise<unknown>): Promise<unknown[]> {
	const chunks = [...entries.values()]
		.map((entry) => ({ entry, start: entry.name.startsWith(prefix) ? /^(\d+)\.json$/.exec(entry.name.slice(prefix.length))?.[1] : undefined }))
		.filter(({ start }) => start !== undefined)
		.sort((a, b) => Number(a.start) - Number(b.start));
	const items: unknown[] = [];
	for (const { entry } of chunks) {
		const chunk = await read(entry);
		if (!Array.isArray(chunk) || items.length + chunk.length > MAX_MESSAGES) {
			refuse('a part of a sample of the log is no list');
		}
		items.push(...chunk);
	}
	return items.map((item) => (isObject(item) || typeof item === 'string' ? item : {}));
}
