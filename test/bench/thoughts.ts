/** What thoughts cost on any model folder: `node out/bench/thoughts.cjs FOLDER`. */
import { readManifest } from '../../src/engine/model/folder';
import { parseManifest } from '../../src/engine/model/manifest';
import { Model } from '../../src/engine/model/model';
import { Runtime } from '../../src/engine/runtime';
import { thinkingBench } from './thinking';

async function main(folder: string): Promise<void> {
	const { text, sha256 } = await readManifest(folder);
	const { signal } = new AbortController();
	const model = await Model.load(Runtime.load(), { folder, manifest: parseManifest(text), sha256, signal, progress: () => {} });
	await thinkingBench(model);
	model.dispose();
}

void main(process.argv[2] ?? 'models/prosqa');
