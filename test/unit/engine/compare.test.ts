/** Comparisons of traces that real models wrote. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile, truncate, copyFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { comparandOf } from '../../../src/analysis/compare/comparand';
import { Comparison, sitePairs, type ComparedTokens } from '../../../src/analysis/compare/comparison';
import { LENS_DIVERGENCE } from '../../../src/analysis/compare/planes';
import type { AlignedBy } from '../../../src/analysis/compare/pairing';
import { Engine } from '../../../src/engine/caller/client';
import { MODULE, PROMPT, temporary } from './harness';
import { opened, recorded, rewritten } from './recorded';

const WALK = (JSON.parse(readFileSync('models/manylatents/reference.json', 'utf8')) as { question: string }[])[0]!.question;

let engine: Engine;
before(() => {
	engine = new Engine({ modulePath: MODULE });
});
after(() => engine.dispose());

async function compared(a: string, b: string, arms: { a: string; b: string }, by: AlignedBy = 'text'): Promise<Comparison> {
	return Comparison.of(comparandOf(await opened(a)), comparandOf(await opened(b)), arms, by);
}

async function tokensOf(comparison: Comparison): Promise<ComparedTokens[]> {
	const all = [];
	for (const row of comparison.rows) {
		all.push(await comparison.tokens(row));
	}
	return all.flat();
}

const both = (name: string) => ({ a: name, b: name });

describe('traces of models', () => {
	test('a trace and itself: every step the same, every plane 0, no divergence, and no note', async () => {
		const path = await recorded(engine, PROMPT);
		for (const arm of ['latent', 'cot', 'direct']) {
			const comparison = await compared(path, path, both(arm));
			assert.deepEqual(comparison.notes, []);
			assert.ok(comparison.rows.length > 0 && comparison.rows.every(({ same }) => same));
			assert.ok(comparison.planes.length > 4);
			for (const plane of comparison.planes) {
				assert.equal((await comparison.delta(plane)).largest, 0, plane.name);
			}
			for (const { same, bitsA, bitsB, kl } of await tokensOf(comparison)) {
				assert.ok(same && Object.is(bitsA, bitsB) && kl?.atLeast === 0);
			}
		}
	});

	test('base and tuned: steps that differ are found, and a difference is B less A of what the files hold', async () => {
		const [a, b] = [await recorded(engine, PROMPT), await recorded(engine, PROMPT, { model: 'models/prosqa-rl' })];
		const comparison = await compared(a, b, both('latent'));
		assert.match(comparison.notes.join(' '), /models are prosqa \(.*prosqa-rl/);
		const plane = comparison.planes.find(({ name }) => name === 'lens.entropy')!;
		const { values, names, largest } = await comparison.delta(plane);
		assert.deepEqual(names, ['0', '1', '2']);
		assert.ok(largest > 0);
		const [one, other] = [await opened(a), await opened(b)];
		for (const [row, { a: step }] of comparison.rows.entries()) {
			const rows = { start: step!.from, end: step!.from + 1 };
			const [left, right] = [await one.read('latent', 'lens.entropy', rows), await other.read('latent', 'lens.entropy', rows)];
			names.forEach((_, site) => assert.equal(values[row * names.length + site], Math.fround(right![site]! - left![site]!)));
		}
		// The probes are the base's only.
		assert.ok(!comparison.planes.some(({ name }) => name.startsWith('probe.')));
	});

	test('with the whole vocabulary KL is exact, and never less than what ten tokens allow', async () => {
		const models = ['models/prosqa', 'models/prosqa-rl'];
		const [whole, cut] = await Promise.all(
			[1_000, 10].map(async (topK) => {
				const [a, b] = [await recorded(engine, PROMPT, { model: models[0], options: { seed: 0, temperature: 0, topK } }), await recorded(engine, PROMPT, { model: models[1], options: { seed: 0, temperature: 0, topK } })];
				return compared(a, b, both('cot'));
			}),
		);
		const [exact, least] = [await tokensOf(whole!), await tokensOf(cut!)];
		assert.equal(exact.length, least.length);
		assert.ok(exact.length > 2 && exact.every(({ kl }) => kl?.exact) && least.every(({ kl }) => kl && !kl.exact));
		exact.forEach(({ kl }, i) => assert.ok(least[i]!.kl!.atLeast <= kl!.atLeast + 1e-4, `${least[i]!.kl!.atLeast} of ${kl!.atLeast}`));
		const lens = whole!.planes.find(({ name }) => name === LENS_DIVERGENCE)!;
		const { values, names } = await whole!.delta(lens);
		// The last site of a step is what its first token was taken from.
		assert.ok(Math.abs(values[names.length - 1]! - (await whole!.tokens(whole!.rows[0]!))[0]!.kl!.atLeast) < 1e-6);
	});

	test('a latent and a written arm: latent k beside sentence k', async () => {
		const path = await recorded(engine, PROMPT);
		const { rows } = await compared(path, path, { a: 'latent', b: 'cot' });
		assert.ok(rows.slice(0, 3).every(({ a, b }, k) => a?.thought === k && b?.kind === 'thought'));
		const answers = rows.filter(({ a }) => a?.kind === 'answer');
		assert.ok(answers.length > 0 && answers.every(({ b }) => b?.kind === 'answer'));
	});

	test('seeds that part: what differs is named, and what is the same stays 0', async () => {
		const options = { seed: 1, temperature: 3, topK: 10 };
		const [a, b] = [await recorded(engine, PROMPT, { options }), await recorded(engine, PROMPT, { options: { ...options, seed: 2 } })];
		const comparison = await compared(a, b, both('cot'));
		assert.deepEqual(comparison.notes, ['Seeds: 1 and 2.']);
		assert.ok(comparison.rows.some(({ same }) => !same));
		assert.equal((await comparison.delta(comparison.planes.find(({ name }) => name === LENS_DIVERGENCE)!)).values[2], 0, 'before the first draw nothing differs');
	});

	test('two models of other shapes and vocabularies: layers by depth, no KL, and it says why', async () => {
		const [a, b] = [await recorded(engine, PROMPT), await recorded(engine, WALK, { model: 'models/manylatents' })];
		const comparison = await compared(a, b, both('latent'));
		const notes = comparison.notes.join(' ');
		assert.match(notes, /prompts are not the same text/);
		assert.match(notes, /2 and 3 layers/);
		assert.match(notes, /KL is not measured, because the models have different tokenizers/);
		assert.ok(!comparison.planes.some(({ name }) => name === LENS_DIVERGENCE));
		const { names, largest } = await comparison.delta(comparison.planes.find(({ name }) => name === 'lens.entropy')!);
		assert.deepEqual(names, ['0', '1/2', '2/3']);
		assert.ok(largest > 0);
		assert.ok((await tokensOf(comparison)).every(({ kl }) => kl === undefined));
		assert.deepEqual(sitePairs(2, 6), [[0, 0], [1, 3], [2, 6]]);
		assert.deepEqual(sitePairs(0, 6), [[0, 6]]);
	});
});

/** The built command line. */
function cli(...args: string[]): { code: number | null; out: string; error: string } {
	const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', ...args], { encoding: 'utf8' });
	return { code: status, out: stdout, error: stderr };
}

async function imported(text: string): Promise<string> {
	const folder = await temporary();
	const [source, out] = [join(folder, 'a.txt'), join(folder, 'a.trace.safetensors')];
	await writeFile(source, text);
	assert.equal(cli('import', source, '--out', out).code, 0);
	return out;
}

describe('the command line', () => {
	test('imported texts are compared by their sentences', async () => {
		const [a, b] = [await imported('<think>One. Two and three. Four.</think>Yes.'), await imported('<think>One. Four.</think>No.')];
		const { arms } = JSON.parse(cli('compare', a, b, '--json').out) as { arms: { rows: { a: { text: string } | null; b: object | null; same: boolean; tokens: object[] }[]; planes: object[] }[] };
		assert.deepEqual(arms[0]!.rows.map(({ a: one, b: other, same }) => [one !== null, other !== null, same]), [
			[true, true, true],
			[true, false, false],
			[true, true, true],
			[true, true, false],
		]);
	});

	test('what an imported source lists is compared by the tokens’ texts', async () => {
		const out = join(await temporary(), 'a.trace.safetensors');
		cli('import', 'test/fixtures/imports/files/openai-chat.json', '--out', out);
		const { notes, arms } = JSON.parse(cli('compare', out, out, '--json').out) as { notes: string[]; arms: { rows: { tokens: { kl: { atLeast: number; exact: boolean } | null }[] }[] }[] };
		assert.match(notes.join(' '), /told apart by their texts/);
		const divergences = arms[0]!.rows.flatMap(({ tokens }) => tokens.flatMap(({ kl }) => kl ?? []));
		assert.ok(divergences.length > 0 && divergences.every(({ atLeast, exact }) => atLeast === 0 && !exact));
	});

	test('the object that it prints', async () => {
		const [a, b] = [await recorded(engine, PROMPT), await recorded(engine, PROMPT, { model: 'models/prosqa-rl' })];
		const found = JSON.parse(cli('compare', a, b, '--json', '--arms', 'cot').out) as Record<string, unknown> & { arms: Record<string, unknown>[] };
		assert.deepEqual(Object.keys(found), ['a', 'b', 'notes', 'arms']);
		assert.deepEqual(Object.keys(found.arms[0]!), ['a', 'b', 'answers', 'rows', 'planes']);
		const [row] = found.arms[0]!['rows'] as Record<string, unknown>[];
		assert.deepEqual(Object.keys(row!), ['a', 'b', 'same', 'tokens']);
		const [plane] = found.arms[0]!['planes'] as { values: unknown[][]; columns: string[] }[];
		assert.equal(plane!.values[0]!.length, plane!.columns.length);
		const text = cli('compare', a, b);
		assert.equal(text.code, 0);
		assert.match(text.out, /^Arm cot$/m);
		assert.match(text.out, /steps differ$/m);
	});

	test('what is no trace, or one that cannot be read, is named with what to do', async () => {
		const good = await recorded(engine, PROMPT);
		const folder = await temporary();
		const cases: [name: string, make: (path: string) => Promise<void>, wording: RegExp][] = [
			['short', async (path) => (await copyFile(good, path), truncate(path, 900)), /short: .*download it again\.$/],
			['empty', (path) => writeFile(path, ''), /empty: /],
			['newer', async (path) => writeFile(path, (await readFile(good, 'latin1')).replace('"version":1,', '"version":9,'), 'latin1'), /newer: .*update Neuralese Inspector\.$/],
		];
		for (const [name, make, wording] of cases) {
			const path = join(folder, name);
			await make(path);
			for (const pair of [[path, good], [good, path]]) {
				const { code, out, error } = cli('compare', ...pair);
				assert.deepEqual([code, out], [1, '']);
				assert.match(error.trim(), wording);
			}
		}
		const bare = await rewritten(good, (document) => ({ ...document, arms: [], probes: [] }));
		assert.match(cli('compare', good, bare).out, /nothing to compare: one of the traces has no arms/);
		assert.match(cli('compare', good, bare, '--arms', 'cot').error, /B has no arm "cot"/);
		assert.equal(cli('compare', good).code, 2);
		assert.equal(cli('compare', good, good, '--align', 'sound').code, 2);
	});
});
