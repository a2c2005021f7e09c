/** Where imported traces lie: a folder for each sample of each file, in the extension's own storage. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { REVIEW_ENDING } from '../trace/review';

/** Imported samples are some kilobytes to some megabytes each. */
const KEPT = 24;

export class ImportRooms {
	/** `folder` need not exist yet. */
	constructor(private readonly folder: string) {}

	/** The same for the same sample of the same file. `file`: its address. */
	async of(file: string, sample: string): Promise<string> {
		const key = createHash('sha256').update(`${file}\n${sample}`).digest('hex').slice(0, 24);
		const room = join(this.folder, key);
		await mkdir(room, { recursive: true });
		return room;
	}

	/** Deletes the oldest, but none with notes. What cannot be deleted stays until the next time. */
	async tidy(): Promise<void> {
		const rooms = (await readdir(this.folder)).map((name) => join(this.folder, name));
		const dated = await Promise.all(rooms.map(async (room) => ({ room, time: (await stat(room).catch(() => undefined))?.mtimeMs ?? 0 })));
		const old = dated.sort((a, b) => b.time - a.time).slice(KEPT);
		await Promise.all(old.map(({ room }) => removeUnnoted(room).catch(() => undefined)));
	}
}

/** What somebody wrote about a trace is not to be had again. */
async function removeUnnoted(room: string): Promise<void> {
	if (!(await readdir(room)).some((name) => name.endsWith(REVIEW_ENDING))) {
		await rm(room, { recursive: true, force: true });
	}
}
