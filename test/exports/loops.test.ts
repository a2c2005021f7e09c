/** Models that loop over depth, by recipe: the engine's whole run, saved and opened again, against the loop in PyTorch from the same start states. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readNpz } from '../../src/engine/adding/npz';
import { readManifest } from '../../src/engine/model/folder';
import { parseManifest } from '../../src/engine/model/manifest';
import { DEFAULT_SETUP, Model } from '../../src/engine/model/model';
import type { Forward } from '../../src/engine/model/body';
import type { HaltRule } from '../../src/trace/document';
import { openFile } from '../../src/trace/bytes.node';
import type { PlaneName } from '../../src/trace/planes';
import { openTrace } from '../../src/trace/reader';
import { exits, LOOPS, PYTHON, runtime, signal, temporary } from './support';

/** Largest absolute difference from PyTorch. */
const TOLERANCE = 1e-4;
/** As test/fixtures/loops/loops.py numbers them. */
const RULES: (HaltRule | undefined)[] = [undefined, 'difference', 'kl', 'entropy', 'gate'];

interface Described {
	prompt: string;
	seed: number;
	tokens: number;
	layers: number;
}

describe('loops over depth', { skip: LOOPS === '' && 'npm test -- exports makes them' }, () => {
	const rows: string[] = [];
	let home = '';
	before(async () => {
		home = await temporary();
	});
	after(() => console.log(`Largest difference from PyTorch: states, moved by, coda lens (log-sum-exp, top logit); loops after which positions halted\n${rows.join('\n')}`));

	for (const name of LOOPS === '' ? [] : readdirSync(LOOPS).filter((one) => one !== 'done').sort()) {
		test(`${name}: states after every loop, when positions halt, the coda lens and the answer agree with PyTorch`, async () => {
			const folder = join(LOOPS, name, 'model');
			const described = JSON.parse(readFileSync(join(LOOPS, name, 'run.json'), 'utf8')) as Described;
			const expected = readNpz(readFileSync(join(LOOPS, name, 'reference.npz')));
			const values = (key: string) => Array.from(expected.get(key)!.data, Number);
			const tokens = values('tokens');
			const halted = halts(values('halted'));

			// States are compared in this process, because traces keep them in half precision.
			const { text, sha256 } = await readManifest(folder);
			const manifest = parseManifest(text);
			const loaded = await Model.load(runtime, { folder, manifest, sha256, setup: DEFAULT_SETUP, signal, progress: () => {} });
			assert.deepEqual(loaded.tests.filter(({ ok }) => !ok), []);
			const model = loaded.atDepth({ seed: described.seed });
			const whole = await model.body.forward({ ids: tokens }, model.body.empty);
			const states = difference(bySites(whole), values('sites'));
			assert.deepEqual(whole.looped!.halted, halted);
			const first = await model.body.forward({ ids: tokens.slice(0, 7) }, model.body.empty);
			const second = await model.body.forward({ ids: tokens.slice(7) }, first.cache);
			assert.ok(difference([...bySites(first), ...bySites(second)], values('sites')) < TOLERANCE, 'in two chunks');
			const other = await loaded.atDepth({ seed: described.seed + 1 }).body.forward({ ids: tokens }, model.body.empty);
			assert.equal(difference(bySites(other), bySites(whole)) > 0.01, manifest.recipe.depth!.state.start === 'truncated', 'another seed is another start');
			loaded.dispose();

			const prompt = join(home, `${name}.prompt.md`);
			const out = join(home, `${name}.trace.safetensors`);
			await writeFile(prompt, described.prompt);
			const env = { ...process.env, NEURALESE_HOME: home, XDG_CACHE_HOME: home };
			const options = ['--arms', 'direct', '--seed', `${described.seed}`, '--max-tokens', `${described.tokens}`, '--no-evidence', '--out', out];
			const { status, stderr } = spawnSync('node', ['dist/cli.js', 'analyze', prompt, '--model', folder, ...options], { encoding: 'utf8', env });
			assert.equal(status, 0, stderr);

			const trace = await openTrace(await openFile(out));
			const [arm] = trace.document.arms;
			const { depth, layers } = trace.document.model;
			assert.deepEqual(arm!.steps.map(({ id }) => id), tokens);
			assert.deepEqual(arm!.steps.map((step) => step.halted), halted);
			assert.equal(layers + 1, depth!.prelude + 1 + depth!.loops + depth!.coda);
			const count = tokens.length;
			const loops = async (plane: PlaneName, each = 1) => {
				const all = (await trace.read('direct', plane, { start: 0, end: count }))!;
				const size = all.length / count / (layers + 1);
				const cell = (position: number, loop: number) => (position * (layers + 1) + depth!.prelude + loop) * size;
				return Array.from({ length: count * depth!.loops }, (_, i) => all[cell(Math.floor(i / depth!.loops), (i % depth!.loops) + 1) + each - 1]!);
			};
			const found = [await loops('loops.difference'), await loops('lens.lse'), await loops('lens.topk_logit')];
			const differences = [states, ...['difference', 'lse', 'top'].map((key, i) => difference(found[i]!, values(key)))];
			if (name.startsWith('ouro')) {
				differences.push(difference(await loops('loops.gate'), values('gate')));
			}
			const answers = arm!.steps.flatMap(({ kind, id }, i) => (kind === 'answer' ? [[id, i] as const] : []));
			assert.equal(answers.length, described.tokens);
			rows.push(`${name.padEnd(20)} ${differences.map((one) => one.toExponential(1)).join('  ')}  ${[...new Set(halted.map((one) => one?.loop ?? '–'))].join(' ')}`);
			assert.ok(differences.every((one) => one < TOLERANCE), `${differences}`);
			if (manifest.recipe.depth!.stop) {
				assert.ok(new Set(halted.map((one) => one?.loop)).size > 2, 'positions halt at different loops');
			}
			trace.dispose();
		});
	}
});

describe('checkpoints that are not of the family', { skip: (LOOPS === '' || PYTHON === '') && 'npm test -- exports makes them' }, () => {
	test('are refused in one sentence that says what is missing', async () => {
		const home = await temporary();
		const [huginn, ouro, nothing] = exits([
			[join(LOOPS, 'ouro/checkpoint'), '--family', 'huginn', '--out', join(home, 'a')],
			[join(LOOPS, 'huginn/checkpoint'), '--family', 'ouro', '--out', join(home, 'b')],
			[home, '--family', 'huginn', '--out', join(home, 'c')],
		]);
		assert.match(huginn!, /^"[^\n]+" is no checkpoint of Huginn \(it has no n_layers_in_prelude\): give a folder with config\.json and its weights\.$/);
		assert.match(ouro!, /^"[^\n]+" is no checkpoint of Ouro \(it has no num_hidden_layers\): give/);
		assert.match(nothing!, /^"[^\n]+" is no checkpoint of Huginn \(.*No such file.*\): give/);
	});
});

/** Pairs of a loop, 0 for none, and a rule. */
function halts(pairs: readonly number[]): ({ rule: HaltRule; loop: number } | undefined)[] {
	return Array.from({ length: pairs.length / 2 }, (_, i) => {
		const [loop, rule] = [pairs[2 * i]!, RULES[pairs[2 * i + 1]!]];
		return rule && { rule, loop };
	});
}

/** [count, sites, width]. */
function bySites({ resid, count }: Forward): number[] {
	const width = resid[0]!.length / count;
	return Array.from({ length: count }, (_, i) => resid.flatMap((stream) => Array.from(stream.subarray(i * width, (i + 1) * width)))).flat();
}

/** What is measured in one must be measured in the other. */
function difference(found: readonly number[], expected: readonly number[]): number {
	assert.equal(found.length, expected.length);
	return found.reduce((most, value, i) => {
		assert.equal(Number.isNaN(value), Number.isNaN(expected[i]!), `at ${i}`);
		return Number.isNaN(value) ? most : Math.max(most, Math.abs(value - expected[i]!));
	}, 0);
}
