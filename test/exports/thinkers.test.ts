/** Every family that thinks in vectors, by recipe: the engine's whole run, saved and opened again, against the loop in PyTorch with the same noise. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readNpz } from '../../src/engine/adding/npz';
import { readManifest } from '../../src/engine/model/folder';
import { parseManifest } from '../../src/engine/model/manifest';
import { Tokenizer } from '../../src/engine/tokens/tokenizer';
import { openFile } from '../../src/trace/bytes.node';
import type { PlaneName } from '../../src/trace/planes';
import { openTrace } from '../../src/trace/reader';
import { EXPORTS, temporary, THINKERS } from './support';

/** Largest absolute difference from PyTorch. */
const TOLERANCE = 1e-4;
/** As test/fixtures/thinkers/thinkers.py numbers them. */
const RULES = [undefined, 'token', 'entropy', 'difference', 'kl', 'gate', 'limit'];
/** Arms that an exporter's family makes. */
const ARMS: [name: RegExp, arms: string[]][] = [
	[/^(coconut-folder|gated|codi|sim-cot-codi)/, ['direct', 'cot', 'latent']],
	// Their tokenizers have no sign that answers begin with.
	[/^(coconut-(gpt2|llama)|sim-cot-coconut)/, ['direct', 'latent']],
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
			const checked = cli('models', 'check', folder);
			assert.equal(checked.status, 0, checked.stderr);
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
