/** What the tests of real exports share. They run the engine's parts in this process: traces keep vectors in half precision only. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { addModel } from '../../src/engine/adding/adding';
import { readManifest } from '../../src/engine/model/folder';
import { parseManifest } from '../../src/engine/model/manifest';
import { DEFAULT_SETUP, Model } from '../../src/engine/model/model';
import { readNpz, type NumericArray } from '../../src/engine/adding/npz';
import { Runtime } from '../../src/engine/runtime';
import type { MemoryMode } from '../../src/shared/execution';

/** Made by `npm test -- exports`. */
export const EXPORTS = process.env['NEURALESE_EXPORTS'] ?? '';
/** Made too: models that think in vectors, by the project's own exporter. */
export const THINKERS = process.env['NEURALESE_THINKERS'] ?? '';
/** Made too: models that loop over depth, by the project's own exporter. */
export const LOOPS = process.env['NEURALESE_LOOPS'] ?? '';
/** The Python that made it all, and the exporter. */
export const PYTHON = process.env['NEURALESE_PYTHON'] ?? '';
export const EXPORTER = ['models/tools/export.py'];
const EXITS = `
import json, sys
sys.path.insert(0, "models/tools")
import export
said = []
for args in json.loads(sys.argv[1]):
    sys.argv = ["export.py", *args]
    try:
        export.main()
        said.append("")
    except SystemExit as exit:
        said.append(str(exit.code))
print(json.dumps(said))
`;

/** What the exporter says before it exits, for each list of arguments: in one process, because PyTorch takes seconds to load. */
export function exits(lists: readonly (readonly string[])[], env: NodeJS.ProcessEnv = {}): string[] {
	const offline = { ...process.env, HF_HUB_OFFLINE: '1', ...env };
	const { status, stdout, stderr } = spawnSync(PYTHON, ['-c', EXITS, JSON.stringify(lists)], { encoding: 'utf8', env: offline });
	assert.equal(status, 0, stderr);
	return JSON.parse(stdout) as string[];
}

const folders: string[] = [];
after(() => Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true }))));

export async function temporary(): Promise<string> {
	const folder = await mkdtemp(join(tmpdir(), 'exports-'));
	folders.push(folder);
	return folder;
}

export const runtime = Runtime.load();
export const { signal } = new AbortController();

/** Every export as `architecture/exporter`. */
export function exportsOf(pattern: RegExp): string[] {
	const names = readdirSync(EXPORTS).flatMap((name) =>
		existsSync(join(EXPORTS, name, 'reference.npz'))
			? readdirSync(join(EXPORTS, name)).map((exporter) => `${name}/${exporter}`)
			: [],
	);
	return names.filter((name) => pattern.test(name) && !/reference\.npz|checkpoint/.test(name)).sort();
}

export function reference(name: string): ReadonlyMap<string, NumericArray> {
	// Beside the export where its weights are others than the checkpoint's.
	const [own, shared] = [join(EXPORTS, name, 'reference.npz'), join(EXPORTS, name.split('/')[0]!, 'reference.npz')];
	return readNpz(readFileSync(existsSync(own) ? own : shared));
}

/** The model that is made from an export, with what this machine knows of it in a home of its own. */
export async function added(name: string, memory: MemoryMode = DEFAULT_SETUP.memory): Promise<Model> {
	const home = await temporary();
	process.env['NEURALESE_HOME'] = home;
	const folder = await addModel(runtime, {
		source: join(EXPORTS, name),
		out: join(home, 'model'),
		signal,
		progress: () => {},
	});
	const { text, sha256 } = await readManifest(folder);
	const setup = { ...DEFAULT_SETUP, memory };
	return Model.load(runtime, { folder, manifest: parseManifest(text), sha256, setup, signal, progress: () => {} });
}
