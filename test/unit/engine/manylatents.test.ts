/** The bundled model of many latents: whole rollouts against PyTorch, with the noise that its exporter wrote; and its evidence, which is bounded. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { recorded } from '../../../src/engine/causal/clean';
import { runAll } from '../../../src/engine/causal/cleans';
import { readManifest } from '../../../src/engine/model/folder';
import { parseManifest } from '../../../src/engine/model/manifest';
import { Model } from '../../../src/engine/model/model';
import { planArms } from '../../../src/engine/run/arm';
import { floats, integers, Runtime } from '../../../src/engine/runtime';
import { headerLength, LENGTH_BYTES, parseHeader } from '../../../src/trace/container';
import { request, withEngine } from './harness';

const FOLDER = 'models/manylatents';
const FIXTURE = 'test/fixtures/manylatents-parity.safetensors';
/** Of the fixture's metadata, repeated so that a fixture cannot loosen it. Measured: 5e-6. */
const TOLERANCE = 1e-4;
const LATENTS = 128;
const PROMPTS = (JSON.parse(readFileSync(join(FOLDER, 'reference.json'), 'utf8')) as { question: string }[]).slice(0, 4).map(({ question }) => question);

async function loaded(runtime: Runtime): Promise<Model> {
	const { signal } = new AbortController();
	const { text, sha256 } = await readManifest(FOLDER);
	return Model.load(runtime, { folder: FOLDER, manifest: parseManifest(text), sha256, signal, progress: () => {} });
}

test('128 latents and what the model would say after each agree with PyTorch', async () => {
	const file = await readFile(FIXTURE);
	const { metadata, tensors } = parseHeader(file.subarray(LENGTH_BYTES, LENGTH_BYTES + headerLength(file, file.length)), file.length);
	const buffer = (name: string) => {
		const { start, length } = tensors.get(name)!;
		return Uint8Array.from(file.subarray(start, start + length)).buffer;
	};
	const runtime = Runtime.load();
	const model = await loaded(runtime);
	const { manifest } = model;
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

/** One reads its latents again and again: what rounding does to a cache in another shape grows over 128 of them. */
const DRIFT = 1e-2;

test('128 thoughts of several prompts side by side are those of each by itself', async () => {
	const model = await loaded(Runtime.load());
	const { signal } = new AbortController();
	const [plan] = planArms(model.manifest.recipe, ['latent'], {}, (token) => model.tokenizer.idOf(token));
	const together = await runAll(model, plan!, PROMPTS, { seed: 0 }, signal);
	for (const [i, prompt] of PROMPTS.entries()) {
		const [one, other] = [await recorded(model, plan!, prompt, { seed: 0 }, signal), together[i]!];
		assert.ok(typeof one !== 'string' && typeof other !== 'string');
		assert.deepEqual([other.answer, other.run], [one.answer, one.run]);
		const furthest = one.thoughts.reduce((most, thought, at) => Math.max(most, ...thought.map((value, j) => Math.abs(value - other.thoughts[at]![j]!))), 0);
		assert.ok(furthest < DRIFT, `largest difference ${furthest}`);
	}
	model.dispose();
});

test('evidence changes some of many thoughts one by one, says which, and leaves the others unmeasured', async () => {
	const planes = new Map<string, Float32Array>();
	const evidence = { reference: { name: 'few', prompts: PROMPTS } };
	const result = await withEngine((engine) =>
		engine.call('analyze', { ...request(PROMPTS[0]!, { arms: ['latent'], evidence }), model: FOLDER }, {
			onEvent: (event) => event.kind === 'rows' && event.plane.startsWith('causal.') && planes.set(event.plane, event.data as Float32Array),
		}),
	);
	const { tests, singles, claims, skipped, twin, cohorts } = result.document.evidence!;
	const thoughts = [0, 16, 32, 48, 64, 79, 95, 111, 127];
	const cohort = [0, 32, 64, 95, 127];
	assert.deepEqual(singles, [{ arm: 'latent', of: LATENTS, thoughts, cohort }]);
	assert.ok(skipped.some((why) => /^Of the 128 thoughts of arm latent 9 were changed one by one, .* and 5 on the reference prompts/.test(why)), skipped.join('\n'));
	for (const name of ['causal.noise.effect', 'causal.snap-1-rescaled.effect']) {
		const measured = [...planes.get(name)!.keys()].filter((thought) => !Number.isNaN(planes.get(name)![thought]!));
		assert.deepEqual(measured, thoughts, name);
	}
	assert.deepEqual([...new Set(tests.filter(({ test }) => test === 'noise').map(({ step }) => step))], [...thoughts, 'all']);
	assert.equal(twin?.id, 'manylatents-pause');
	assert.ok(tests.filter(({ test }) => test === 'ablate-zero').every(({ control }) => control !== undefined), 'the twin stands beside each');
	const draws = tests.filter(({ test, later }) => test === 'resample' && later !== 'frozen').map(({ step, draws: found }) => [step, found?.n]);
	assert.deepEqual(draws.filter(([step]) => step !== 'all'), thoughts.map((step) => [step, PROMPTS.length - 1]));
	const model = cohorts.find(({ role }) => role === 'model')!;
	assert.deepEqual(model.thoughts.filter(({ resample }) => resample).map(({ thought }) => thought), cohort);
	assert.ok(model.thoughts.every(({ dimension }) => dimension > 0), 'spread is known of every thought');
	const why = (thought: number, level: number) => claims[thought]!.rungs.find((rung) => rung.level === level)!.why;
	assert.equal(why(1, 3), 'Only 9 of 128 thoughts were changed one by one, and this is none of them.');
	assert.match(why(16, 4), /^Only 5 of 128 thoughts were changed on the reference prompts/);
	assert.match(why(0, 3), /^The thought was resampled from 3 other prompts/);
});
