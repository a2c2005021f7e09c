/** `models list`: bundled models, then those that were added, by their folders' names. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { printable } from '../../analysis/text';
import { command } from '../command';
import { fewFiles } from '../flags/values';
import { addedFolder, BUNDLED } from '../model';

export const modelsList = command<object>({
	name: 'models list',
	synopsis: [],
	flags: {},
	read: (files) => {
		fewFiles('models list', 0, files);
		return {};
	},
	run: list,
});

async function list(): Promise<string> {
	const lines = await Promise.all(
		[BUNDLED, addedFolder()].map(async (folder) => {
			// What is hidden is being made.
			const names = (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith('.')).sort();
			return Promise.all(names.map((name) => describe(join(folder, name), name)));
		}),
	);
	return lines.flat(2).join('');
}

async function describe(folder: string, name: string): Promise<string[]> {
	try {
		const manifest = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as { name?: unknown; description?: unknown };
		return [`${printable(name)}  ${printable(String(manifest.name ?? ''))}: ${printable(String(manifest.description ?? ''))}\n`];
	} catch {
		return [];
	}
}
