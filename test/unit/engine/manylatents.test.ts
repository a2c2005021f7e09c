/** The bundled model of many latents against PyTorch: whole rollouts with the same noise, which its exporter wrote. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readManifest } from '../../../src/engine/model/folder';
import { parseManifest } from '../../../src/engine/model/manifest';
import { Model } from '../../../src/engine/model/model';
import { floats, integers, Runtime } from '../../../src/engine/runtime';
import { headerLength, LENGTH_BYTES, parseHeader } from '../../../src/trace/container';

const FOLDER = 'models/manylatents';
const FIXTURE = 'test/fixtures/manylatents-parity.safetensors';
/** Of the fixture's metadata, repeated so that a fixture cannot loosen it. Measured: 5e-6. */
const TOLERANCE = 1e-4;
const LATENTS = 128;

test('128 latents and what the model would say after each agree with PyTorch', async () => {
	const file = await readFile(FIXTURE);
	const { metadata, tensors } = parseHeader(file.subarray(LENGTH_BYTES, LENGTH_BYTES + headerLength(file, file.length)), file.length);
	const buffer = (name: string) => {
		const { start, length } = tensors.get(name)!;
		return Uint8Array.from(file.subarray(start, start + length)).buffer;
	};
	const runtime = Runtime.load();
	const { signal } = new AbortController();
	const { text, sha256 } = await readManifest(FOLDER);
	const manifest = parseManifest(text);
	const model = await Model.load(runtime, { folder: FOLDER, manifest, sha256, signal, progress: () => {} });
	const thought = await runtime.open(await readFile(join(FOLDER, 'thought.onnx')), FOLDER);
	const { width, layers, latentWidth } = manifest.shape;
	const start = model.tokenizer.idOf('<latent>')!;
	let furthest = 0;
	for (const [i, prompt] of (JSON.parse(metadata.get('prompts')!) as string[]).entries()) {
		const [noise, latents] = [`p${i}.noise`, `p${i}.latents`].map((name) => new Float32Array(buffer(name)));
		const tokens = new Int32Array(buffer(`p${i}.tokens`));
		let forward = await model.body.forward({ ids: [...model.tokenizer.encode(prompt).ids, start] }, model.body.empty);
		for (let step = 0; ; step++) {
			const hidden = forward.resid[layers]!.slice(-width);
			const { topIds } = await model.head.read(hidden, 1, [0], 1);
			assert.equal(topIds[0], tokens[step], `after ${step} latents of prompt ${i}`);
			if (step === LATENTS) {
				break;
			}
			const row = (values: Float32Array) => values.slice(step * latentWidth!, (step + 1) * latentWidth!);
			const feeds = {
				hidden: floats(await model.norm.of(hidden), 1, width),
				step: integers([step], 1),
				noise: floats(row(noise!), 1, latentWidth!),
			};
			const { embed, latent } = await thought.run(feeds, ['embed', 'latent']);
			row(latents!).forEach((value, at) => (furthest = Math.max(furthest, Math.abs(value - (latent.data as Float32Array)[at]!))));
			forward = await model.body.forward({ embeddings: embed.data as Float32Array }, forward.cache);
		}
	}
	thought.dispose();
	model.dispose();
	assert.ok(furthest < TOLERANCE, `largest difference ${furthest}`);
});
