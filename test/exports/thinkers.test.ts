/** Every family that thinks in vectors, by recipe: the engine's whole run, saved and opened again, against the loop in PyTorch with the same noise. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readNpz } from '../../src/engine/adding/npz';
import { readManifest } from '../../src/engine/model/folder';
import { parseManifest } from '../../src/engine/model/manifest';
import { Tokenizer } from '../../src/engine/tokens/tokenizer';
import { openFile } from '../../src/trace/bytes.node';
import type { PlaneName } from '../../src/trace/planes';
import { openTrace } from '../../src/trace/reader';
import { nodes, oneNode } from '../unit/engine/onnx';
import { exits, EXPORTS, PYTHON, temporary, THINKERS } from './support';

/** Largest absolute difference from PyTorch. */
const TOLERANCE = 1e-4;
/** As test/fixtures/thinkers/thinkers.py numbers them. */
const RULES = [undefined, 'token', 'entropy', 'difference', 'kl', 'gate', 'limit'];
/** Arms that an exporter's family makes. */
const ARMS: [name: RegExp, arms: string[]][] = [
	[/^(coconut-folder|gated)/, ['direct', 'cot', 'latent']],
	// Their small vocabularies have no one token that answers begin with.
	[/^(coconut|codi|sim-cot)/, ['direct', 'latent']],
	[/^soft/, ['direct', 'cot', 'soft']],
	[/^zebra/, ['latent']],
];

interface Described {
	prompt: string;
	seed: number;
	arm: string;
	tokens: number;
}

describe('thinkers', { skip: THINKERS === '' && 'npm test -- exports makes them' }, () => {
	const rows: string[] = [];
	let home = '';
	before(async () => {
		home = await temporary();
	});
	after(() => console.log(`Largest difference from PyTorch: thoughts, what was fed, log-probabilities, codes or lens\n${rows.join('\n')}`));

	for (const name of THINKERS === '' ? [] : readdirSync(THINKERS).filter((one) => one !== 'done').sort()) {
		test(`${name}: thoughts, what is fed, why it stops and the answer agree with PyTorch`, async () => {
			const folder = join(THINKERS, name, 'model');
			const described = JSON.parse(await readFile(join(THINKERS, name, 'run.json'), 'utf8')) as Described;
			const prompt = join(home, `${name}.prompt.md`);
			const out = join(home, `${name}.trace.safetensors`);
			await writeFile(prompt, described.prompt);
			const env = { ...process.env, NEURALESE_HOME: home, XDG_CACHE_HOME: home };
			const cli = (...args: string[]) => spawnSync('node', ['dist/cli.js', ...args], { encoding: 'utf8', env });
			for (const verb of ['add', 'check']) {
				const said = cli('models', verb, folder);
				assert.equal(said.status, 0, said.stderr);
			}
			const options = ['--arms', described.arm, '--seed', `${described.seed}`, '--max-tokens', `${described.tokens}`, '--no-evidence', '--out', out];
			const { status, stderr } = cli('analyze', prompt, '--model', folder, ...options);
			assert.equal(status, 0, stderr);
			const { recipe } = parseManifest((await readManifest(folder)).text);
			assert.deepEqual(Object.keys(recipe.arms), ARMS.find(([pattern]) => pattern.test(name))![1]);

			const expected = readNpz(readFileSync(join(THINKERS, name, 'reference.npz')));
			const values = (key: string) => expected.get(key)!.data;
			const trace = await openTrace(await openFile(out));
			const [arm] = trace.document.arms;
			const all = async (plane: PlaneName) => trace.read(described.arm, plane, { start: 0, end: arm!.steps.length });
			const [rule, count] = [...values('stopped')].map(Number) as [number, number];
			assert.equal(arm!.thoughts.length, count);
			assert.deepEqual(arm!.stopped, RULES[rule] && { rule: RULES[rule], at: count });
			assert.equal(trace.document.notes.some((note) => /to its limit and had 12 thoughts then/.test(note)), RULES[rule] === 'limit');
			assert.deepEqual(arm!.steps.flatMap(({ kind, id }) => (kind === 'answer' ? [id] : [])), [...values('answer')].map(Number));
			const gates = expected.get('gates');
			assert.ok(arm!.thoughts.every(({ gate }, i) => (gates ? Math.abs(gate! - gates.data[i]!) < TOLERANCE : gate === undefined)));

			const differences = [
				difference(await all('latent.vec'), values('latents')),
				// What is fed follows from the latents by the embed graph.
				expected.get('latents')!.shape[1] === expected.get('embeds')!.shape[1] ? difference(await all('latent.vec'), values('embeds')) : NaN,
				difference(answered(arm!.steps, await all('tokens.logprob')), logprobs(values('logits'), values('answer'))),
			];
			if (trace.document.model.codes) {
				const parts = trace.document.model.codes;
				const [ids, distances] = [values('codes.id'), values('codes.distance')];
				for (const [i, part] of parts.entries()) {
					const rowsOf = (plane: ArrayLike<number>) => Array.from(plane).slice(i * count, (i + 1) * count);
					const first = (plane: ArrayLike<number> | undefined) => Array.from({ length: count }, (_, row) => plane![row * (plane!.length / count)]!);
					assert.deepEqual(first(await all(`code.${part.name}.id`)), rowsOf(ids).map(Number));
					differences.push(difference(first(await all(`code.${part.name}.distance`)), rowsOf(distances)));
				}
			}
			const said = expected.get('readout');
			if (said) {
				const tokenizer = Tokenizer.parse(await readFile(join(folder, 'tokenizer.json')));
				const length = said.data.length / count;
				const texts = Array.from({ length: count }, (_, i) =>
					tokenizer.decode(Array.from(said.data).slice(i * length, (i + 1) * length).map(Number).filter((id) => id >= 0)),
				);
				assert.deepEqual(arm!.thoughts.map(({ readout }) => readout), texts);
				assert.ok(new Set(texts).size > 1, 'different latents say different things');
			}
			const lens = await all('latent.lse');
			if (lens) {
				const top = (await all('latent.topk_logit'))!;
				const k = top.length / count;
				differences.push(difference(lens, values('lens.lse')), difference(Array.from({ length: count }, (_, i) => top[i * k]!), values('lens.logit')));
			}
			assert.equal(lens !== undefined, /codi/.test(name), 'z is decoded beside h');
			rows.push(`${name.padEnd(20)} ${differences.map((one) => (Number.isNaN(one) ? '–' : one.toExponential(1))).join('  ')}`);
			assert.ok(differences.every((one) => !(one > TOLERANCE)), `${differences}`);
			trace.dispose();
		});
	}
});

describe('families of export.py', { skip: PYTHON === '' && 'npm test -- exports makes them' }, () => {
	test('what is no checkpoint of a family is one sentence that says what to do, and a pickle runs nothing', async () => {
		const home = await temporary();
		const out = ['--out', join(home, 'out')];
		const made = (name: string, ...path: string[]) => join(THINKERS, name, ...path);
		const [coconut, codi] = [made('coconut-gpt2', 'checkpoint_50'), made('codi-gpt2', 'checkpoint')];
		const base = ['--base', made('coconut-gpt2', 'base')];
		const ran = join(home, 'ran');
		const pickle = join(home, 'evil.pt');
		await writeFile(pickle, `cos\nsystem\n(S'touch ${ran}'\ntR.`);
		const cases: [args: string[], wording: RegExp][] = [
			[[coconut, '--family', 'coconut'], /^A state dict does not say what it belongs to: give --base, /],
			[[coconut, '--family', 'codi', ...base], /^".*checkpoint_50" has no weights codi\.…, as CODI saves them: /],
			[[codi, '--family', 'coconut', ...base], /^".*checkpoint" has no weights base_causallm\.…, as Coconut saves them: /],
			[[coconut, '--family', 'sim-cot', ...base], /^".*checkpoint_50" has no auxiliary decoder expainable_llm\.…: export it as --family coconut\.$/],
			[[coconut, '--family', 'coconut', '--base', made('coconut-llama', 'base')], /has no weights model\.embed_tokens\.weight, as LlamaForCausalLM calls them: /],
			[[made('coconut-llama', 'checkpoint_50'), '--family', 'coconut', ...base], /has no weights transformer\.wte\.weight, as GPT2LMHeadModel calls them: /],
			[[made('soft', 'plain'), '--family', 'coconut'], /^The tokenizer has no <\|start-latent\|> and no <\|end-latent\|>: /],
			[[made('soft', 'plain'), '--family', 'zebra'], /^".*plain" is no checkpoint of zlm \(/],
			[[pickle, '--family', 'coconut', ...base], /^".*evil\.pt" is no state dict of tensors \(/],
			[[home, '--family', 'codi', ...base], /^The folder ".*" has none of model\.safetensors, /],
			[[coconut, '--family', 'coconut', '--gumbel', '1', '--lora-alpha', '16'], /^--family coconut has no --lora-alpha and no --gumbel: leave it out\.$/],
			[[made('soft', 'plain'), '--family', 'soft', '--gumbel', '1', '--dirichlet', '1'], /^A mixture has one kind of noise: /],
		];
		for (const [i, said] of exits(cases.map(([args]) => [...args, ...out])).entries()) {
			assert.match(said, cases[i]![1]);
			assert.doesNotMatch(said, /\n/);
		}
		assert.ok(!existsSync(ran));
	});
});

describe('proposals', { skip: EXPORTS === '' && 'npm test -- exports makes them' }, () => {
	test('an export with tokens for latent thoughts is added with an arm for them, and says why', async () => {
		const home = await temporary();
		const source = join(home, 'source');
		await cp(join(EXPORTS, 'gpt2/optimum'), source, { recursive: true });
		for (const [file, from, to] of [
			['tokenizer.json', '<pad>', '<bot>'],
			['tokenizer.json', '<s>', '<eot>'],
			['config.json', '"n_head"', '"num_latent": 5, "n_head"'],
		] as const) {
			await writeFile(join(source, file), (await readFile(join(source, file), 'utf8')).replaceAll(from, to));
		}
		const out = join(home, 'model');
		const cli = (...args: string[]) =>
			spawnSync('node', ['dist/cli.js', ...args], { encoding: 'utf8', env: { ...process.env, NEURALESE_HOME: home, XDG_CACHE_HOME: home } });
		const { status, stdout, stderr } = cli('models', 'add', source, '--out', out);
		assert.equal(status, 0, stderr);
		assert.match(stdout, /^The arm latent thinks between <bot> and <eot>, because its tokenizer has them,/m);
		assert.match(stdout, /^It has 5 thoughts, because config\.json says num_latent 5\.$/m);
		const { recipe } = JSON.parse(await readFile(join(out, 'model.json'), 'utf8')) as { recipe: { arms: Record<string, unknown[]>; trainedLatents: number } };
		assert.equal(recipe.trainedLatents, 5);
		const prompt = join(home, 'a.prompt.md');
		await writeFile(prompt, 'Is Tom a hilpus?');
		const ran = cli('analyze', prompt, '--model', out, '--arms', 'latent', '--no-evidence', '--json');
		assert.equal(ran.status, 0, ran.stderr);
	});

	/** The export with tokens around thoughts, CODI's weights in a sharded checkpoint, and these files beside it, as it was added. */
	async function addedBeside(files: Record<string, Uint8Array>) {
		const home = await temporary();
		const source = join(home, 'source');
		await cp(join(EXPORTS, 'gpt2/optimum'), source, { recursive: true });
		const tokenizer = await readFile(join(source, 'tokenizer.json'), 'utf8');
		await writeFile(join(source, 'tokenizer.json'), tokenizer.replaceAll('<pad>', '<bot>').replaceAll('<s>', '<eot>'));
		const map = { 'codi.transformer.wte.weight': 'model-00001-of-00002.safetensors', 'prj.1.weight': 'model-00002-of-00002.safetensors' };
		await writeFile(join(source, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
		for (const [name, content] of Object.entries(files)) {
			await writeFile(join(source, name), content);
		}
		const out = join(home, 'model');
		const env = { ...process.env, NEURALESE_HOME: home, XDG_CACHE_HOME: home };
		const cli = (...args: string[]) => spawnSync('node', ['dist/cli.js', ...args], { encoding: 'utf8', env });
		const { status, stderr, stdout } = cli('models', 'add', source, '--out', out);
		assert.equal(status, 0, stderr);
		return { cli, home, out, stdout, manifest: parseManifest((await readManifest(out)).text) };
	}
	const vector = (name: string) => ({ name, dims: ['rows', 64] });

	test('a thought graph beside an export is what its thoughts go through; a readout that does not fit is left out, and why', async () => {
		const negated = oneNode('Neg', [vector('hidden')], vector('embed'));
		const { cli, home, out, stdout, manifest } = await addedBeside({ 'thought.onnx': negated, 'readout.onnx': negated });
		assert.equal(manifest.files.thought?.name, 'thought.onnx');
		assert.equal(manifest.files.readout, undefined);
		const segment = manifest.recipe.arms['latent']!.find(({ kind }) => kind === 'latent');
		assert.deepEqual(segment, { kind: 'latent', count: 6, feedback: { site: 'normed' }, through: 'thought', decode: ['resid', 'latent'] });
		assert.match(stdout, /^Its thoughts go through thought\.onnx, which lies beside the export/m);
		assert.match(stdout, /^Not decided: readout\.onnx lies beside the export and is not used: .*latent/m);
		assert.doesNotMatch(stdout, /prj\.1\.weight/);
		const prompt = join(home, 'a.prompt.md');
		await writeFile(prompt, 'Is Tom a hilpus?');
		const traced = join(home, 'a.trace.safetensors');
		const ran = cli('analyze', prompt, '--model', out, '--arms', 'latent', '--latents', '3', '--max-tokens', '2', '--no-evidence', '--out', traced);
		assert.equal(ran.status, 0, ran.stderr);
		const trace = await openTrace(await openFile(traced));
		assert.equal(trace.document.arms[0]!.thoughts.length, 3);
		trace.dispose();
	});

	test('narrow latents with noise, their embedding and their codes beside an export are taken over together', async () => {
		const [latent, noise] = [{ name: 'latent', dims: ['rows', 16] }, { name: 'noise', dims: ['rows', 16] }];
		const matrix = (name: string, rows: number, columns: number) => ({
			name,
			dims: [rows, columns],
			values: Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(i) / 8),
		});
		const up = { operator: 'MatMul', inputs: ['latent', 'up'], output: 'embed' };
		const steps = [
			{ operator: 'MatMul', inputs: ['hidden', 'down'], output: 'mean' },
			{ operator: 'Add', inputs: ['mean', 'noise'], output: 'latent' },
			up,
		];
		const { cli, home, out, stdout, manifest } = await addedBeside({
			'thought.onnx': nodes(steps, [vector('hidden'), noise], [vector('embed'), latent], [matrix('down', 64, 16), matrix('up', 16, 64)]),
			'embed.onnx': nodes([up], [latent], [vector('embed')], [matrix('up', 16, 64)]),
			'codes.safetensors': await readFile(join(THINKERS, 'zebra-diffusion/model/codes.safetensors')),
		});
		assert.deepEqual([manifest.shape.latentWidth, manifest.files.embed?.name, manifest.files.codes?.name], [16, 'embed.onnx', 'codes.safetensors']);
		const segment = manifest.recipe.arms['latent']!.find(({ kind }) => kind === 'latent');
		assert.deepEqual(segment, { kind: 'latent', count: 6, feedback: { site: 'normed' }, through: 'thought', noise: { shape: [16] } });
		assert.match(stdout, /^For its latents there are embed\.onnx and codes\.safetensors, beside the export/m);
		const prompt = join(home, 'a.prompt.md');
		await writeFile(prompt, 'Is Tom a hilpus?');
		const ran = cli('analyze', prompt, '--model', out, '--latents', '3', '--max-tokens', '2', '--no-evidence', '--json');
		assert.equal(ran.status, 0, ran.stderr);
	});

	test('a thought graph that gives no numbers is left out with the self-test that says so, and the checkpoint’s projection is missed', async () => {
		const { stdout, manifest } = await addedBeside({ 'thought.onnx': oneNode('Sqrt', [vector('hidden')], vector('embed')) });
		assert.equal(manifest.files.thought, undefined);
		assert.equal(manifest.recipe.arms['latent'], undefined);
		assert.equal(manifest.shape.layers, 3);
		assert.match(stdout, /^Not decided: What lies beside the export is not used, because the self-test "thought: thoughts are numbers" failed/m);
		assert.match(stdout, /^Not decided: Its checkpoint has a projection .*\(prj\.1\.weight\)/m);
	});
});

function difference(found: ArrayLike<number> | undefined, expected: ArrayLike<number>): number {
	assert.equal(found?.length, expected.length);
	return Array.from(expected).reduce((most, value, i) => Math.max(most, Math.abs(value - found![i]!)), 0);
}

function answered(steps: readonly { kind: string }[], plane: ArrayLike<number> | undefined): number[] {
	return Array.from(plane ?? []).filter((_, i) => steps[i]!.kind === 'answer');
}

function logprobs(logits: ArrayLike<number>, ids: ArrayLike<number>): number[] {
	const width = logits.length / ids.length;
	return Array.from(ids, (id, row) => {
		const values = Array.from(logits).slice(row * width, (row + 1) * width);
		return values[Number(id)]! - Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
	});
}
