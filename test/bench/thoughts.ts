/**
 * What thoughts cost on any model folder:
 * `node out/bench/thoughts.cjs FOLDER [PYTHON denoiser | PYTHON coconut CHECKPOINT | long]`. With the rest, PyTorch
 * thinks as many on a model of the same shape. `long`: only the growth up to 512 latents, of a model without a table of positions.
 */
import { readManifest } from '../../src/engine/model/folder';
import { parseManifest } from '../../src/engine/model/manifest';
import { Model } from '../../src/engine/model/model';
import { Runtime, THREADS } from '../../src/engine/runtime';
import { Peer } from './peer';
import { growthBench, latentsAgainst, roomy, thinkingBench } from './thinking';

const LONG = 'long';

async function main(folder: string, python?: string, ...kind: string[]): Promise<void> {
	const { text, sha256 } = await readManifest(folder);
	const { signal } = new AbortController();
	const own = parseManifest(text);
	const manifest = python === LONG ? roomy(own) : own;
	const model = await Model.load(Runtime.load(), { folder, manifest, sha256, signal, progress: () => {} });
	if (python === LONG) {
		await growthBench(model);
		model.dispose();
		return;
	}
	if (python !== undefined) {
		const peer = new Peer(python, ['test/bench/latents.py', String(THREADS), ...kind]);
		await latentsAgainst(model, peer, kind[0]!);
		peer.dispose();
	}
	await thinkingBench(model);
	model.dispose();
}

void main(process.argv[2] ?? 'models/prosqa', ...process.argv.slice(3));
