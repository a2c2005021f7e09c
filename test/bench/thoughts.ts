/**
 * What thoughts cost on any model folder: `node out/bench/thoughts.cjs FOLDER [PYTHON denoiser | PYTHON coconut CHECKPOINT]`. With the
 * rest, PyTorch thinks as many on a model of the same shape.
 */
import { readManifest } from '../../src/engine/model/folder';
import { parseManifest } from '../../src/engine/model/manifest';
import { Model } from '../../src/engine/model/model';
import { Runtime, THREADS } from '../../src/engine/runtime';
import { Peer } from './peer';
import { latentsAgainst, thinkingBench } from './thinking';

async function main(folder: string, python?: string, ...kind: string[]): Promise<void> {
	const { text, sha256 } = await readManifest(folder);
	const { signal } = new AbortController();
	const model = await Model.load(Runtime.load(), { folder, manifest: parseManifest(text), sha256, signal, progress: () => {} });
	if (python !== undefined) {
		const peer = new Peer(python, ['test/bench/latents.py', String(THREADS), ...kind]);
		await latentsAgainst(model, peer, kind[0]!);
		peer.dispose();
	}
	await thinkingBench(model);
	model.dispose();
}

void main(process.argv[2] ?? 'models/prosqa', ...process.argv.slice(3));
