/**
 * The cache that Python's huggingface_hub keeps: `models--owner--name/{blobs/HASH, snapshots/COMMIT/PATH -> blob, refs/REVISION}`. What
 * either side has downloaded, both find.
 */
import { copyFile, mkdir, readdir, readFile, rename, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { randomUUID } from 'node:crypto';

const COMMIT = /^[0-9a-f]{40}$/;
/** A ref holds a commit. */
const MAX_REF = 1_000;

export class Cache {
	constructor(private readonly folder: string) {}

	blob(id: string, hash: string): string {
		return join(this.repository(id), 'blobs', hash);
	}

	/** Of the whole model: the folder that everything after the download reads. */
	snapshot(id: string, commit: string): string {
		return join(this.repository(id), 'snapshots', commit);
	}

	/** The commit that a revision meant when it was last asked for; undefined where it never was. */
	async commit(id: string, revision: string): Promise<string | undefined> {
		if (COMMIT.test(revision)) {
			return (await isThere(this.snapshot(id, revision))) ? revision : undefined;
		}
		const text = (await readFile(this.ref(id, revision), 'utf8').catch(() => '')).slice(0, MAX_REF).trim();
		return COMMIT.test(text) ? text : undefined;
	}

	/** Paths of the snapshot's files, with slashes. */
	async files(id: string, commit: string): Promise<string[]> {
		const root = this.snapshot(id, commit);
		const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
		const paths = entries.filter((entry) => !entry.isDirectory()).map((entry) => relative(root, join(entry.parentPath, entry.name)));
		return paths.map((path) => path.replaceAll('\\', '/')).sort();
	}

	/** Whether the file is there whole. */
	async has(id: string, commit: string, path: string, bytes: number): Promise<boolean> {
		const found = await stat(join(this.snapshot(id, commit), path)).catch(() => undefined);
		return found?.isFile() === true && found.size === bytes;
	}

	async point(id: string, revision: string, commit: string): Promise<void> {
		if (!COMMIT.test(revision)) {
			const path = this.ref(id, revision);
			await mkdir(dirname(path), { recursive: true });
			await replaceBy(path, (temporary) => writeFile(temporary, commit));
		}
	}

	/** Makes a downloaded blob the snapshot's file: by a link, or by a copy where links are not allowed. */
	async link(id: string, commit: string, path: string, hash: string): Promise<void> {
		const pointer = join(this.snapshot(id, commit), path);
		const blob = this.blob(id, hash);
		await mkdir(dirname(pointer), { recursive: true });
		await replaceBy(pointer, async (temporary) => {
			await symlink(relative(dirname(pointer), blob), temporary).catch(() => copyFile(blob, temporary));
		});
	}

	private ref(id: string, revision: string): string {
		return join(this.repository(id), 'refs', ...revision.split('/').filter((part) => part !== '' && part !== '.' && part !== '..'));
	}

	private repository(id: string): string {
		return join(this.folder, `models--${id.split('/').join('--')}`);
	}
}

async function isThere(path: string): Promise<boolean> {
	return (await stat(path).catch(() => undefined)) !== undefined;
}

/** The old file or the new one at any moment. */
async function replaceBy(path: string, make: (temporary: string) => Promise<void>): Promise<void> {
	const temporary = join(dirname(path), `.${randomUUID()}`);
	try {
		await make(temporary);
		await rename(temporary, path);
	} catch (error) {
		await unlink(temporary).catch(() => undefined);
		throw error;
	}
}
