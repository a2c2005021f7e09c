/** Results of data sets, and journals of those that were not finished, in the extension's own storage: one for each question asked. */
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Results are some hundred kilobytes each. */
const KEPT = 24;

const NAME = /^[0-9a-f]{24}\.json(\.partial)?$/;

export class ResultStore {
	/** `folder` need not exist yet. */
	constructor(readonly folder: string) {}

	/** Where the result of what `asked` says is written; the same for the same question. */
	async reserve(asked: unknown): Promise<string> {
		await mkdir(this.folder, { recursive: true });
		return join(this.folder, `${createHash('sha256').update(JSON.stringify(asked)).digest('hex').slice(0, 24)}.json`);
	}

	/** Deletes the oldest. What cannot be deleted stays until the next time. */
	async tidy(): Promise<void> {
		const names = (await readdir(this.folder).catch(() => [])).filter((name) => NAME.test(name));
		const dated = await Promise.all(
			names.map(async (name) => ({ name, time: (await stat(join(this.folder, name)).catch(() => undefined))?.mtimeMs ?? 0 })),
		);
		const old = dated.sort((a, b) => b.time - a.time).slice(KEPT);
		await Promise.all(old.map(({ name }) => rm(join(this.folder, name), { force: true }).catch(() => undefined)));
	}
}
