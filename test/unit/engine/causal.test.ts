/** Causal tests: every row against a complete run of its own, one at a time; and by the real child, what is told and what is refused. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { CAUSAL_TESTS, isWritten, type CausalTest } from '../../../src/analysis/causal';
import { effect } from '../../../src/analysis/effect';
import { parseTask } from '../../../src/analysis/task';
import type { CausalEvent, CausalParams, CausalRow } from '../../../src/engine/api';
import { recorded, type Clean } from '../../../src/engine/causal/clean';
import { shortened } from '../../../src/engine/run/cache';
import { runAll } from '../../../src/engine/causal/cleans';
import { CausalRun } from '../../../src/engine/causal/sweep';
import type { Model } from '../../../src/engine/model/model';
import { parsePrompt, toPromptInput } from '../../../src/prompts/prompt';
import { gaussian, generator } from '../../../src/shared/random';
import { MODEL, PROMPT, withEngine } from './harness';
import { latentPlan, loaded, rerun, type Change, type Rerun } from './rerun';

/** Of log-odds and KL, which are differences of sums of float32. */
const TOLERANCE = 1e-4;
const THOUGHTS = 6;
/**
 * Where a chain of changed thoughts makes much of little, two right computations differ by more: there, what is measured must be as near
 * as the complete run is to itself when the replacing vectors move by this part of their norm, which is what float32 leaves open.
 */
const ROUNDINGS = [-3e-7, -1e-7, 1e-7, 3e-7];
/** Share of rows that may be so. */
const MAX_CHAOTIC = 0.02;

async function example(name: string): Promise<string> {
	return toPromptInput(parsePrompt({ name, text: await readFile(`media/examples/${name}`, 'utf8') }), name).text;
}

const OTHER = PROMPT.replace('Is Tom a', 'Is Max a');

async function rows(params: Partial<CausalParams>, signal?: AbortSignal) {
	return withEngine(async (engine) => {
		const events: CausalEvent[] = [];
		const { skipped } = await engine.call(
			'causal',
			{
				model: MODEL,
				prompts: [await example('davis.prompt.md')],
				options: { seed: 0 },
				tests: [...CAUSAL_TESTS],
				scope: 'each',
				reference: [
					{ name: 'sally', text: await example('sally.prompt.md') },
					{ name: 'wren', text: await example('wren.prompt.md') },
				],
				donor: { name: 'sally', text: await example('sally.prompt.md') },
				...params,
			},
			{ signal, onEvent: (event) => events.push(event) },
		);
		const found = events.flatMap((event) => (event.kind === 'row' ? [event.row] : []));
		const clean = events.flatMap((event) => (event.kind === 'clean' ? [event] : []));
		return { rows: found, clean, skipped };
	});
}

const norm = (vector: Float32Array) => Math.hypot(...vector);

describe('causal tests', () => {
	for (const { folder, prompts, latents } of [
		{ folder: MODEL, prompts: ['davis', 'sally'], latents: undefined },
		{ folder: 'models/prosqa-pause', prompts: ['davis', 'sally'], latents: undefined },
		// More thoughts than are fed anew in every call, and than unchanged runs are computed with side by side.
		{ folder: MODEL, prompts: ['wren'], latents: 18 },
	]) {
		test(`${folder}, ${latents ?? THOUGHTS} thoughts: every row equals a complete run of its own`, async () => {
			const model = await loaded(folder);
			try {
				for (const prompt of prompts) {
					await compareAll(model, prompt, latents);
				}
			} finally {
				model.dispose();
			}
		});
	}

	test('written thoughts: early answers and dropped spans equal runs of the shortened text', async () => {
		const model = await loaded(MODEL);
		try {
			const prompt = await example('davis.prompt.md');
			const { rows: found } = await rows({ arms: ['cot'] });
			const chain: number[] = await written(prompt);
			assert.ok(chain.length > 3);
			const [begin, end] = ['<cot>', '<a>'].map((token) => model.tokenizer.idOf(token)!);
			const { segments } = latentPlan(model);
			const answered = (kept: readonly number[]) =>
				rerun(model, { name: 'cot', before: [], fixed: 0, segments: [{ kind: 'tokens', ids: [begin!, ...kept, end!] }, segments.at(-1)!] }, prompt);
			const clean = await answered(chain);
			assert.equal(found.length, 2 * chain.length, 'one token is one sentence');
			for (const row of found) {
				const step = row.step as number;
				const kept = row.test === 'drop-span' ? chain.filter((_, i) => i !== step) : chain.slice(0, step);
				const changed = await answered(kept);
				same(row, effect(clean.logits, changed.logits));
				assert.equal(row.answer, changed.answer);
			}
		} finally {
			model.dispose();
		}
	});

	test('unchanged runs side by side equal those one by one', async () => {
		const model = await loaded(MODEL);
		try {
			const { signal } = new AbortController();
			const plan = latentPlan(model);
			const prompts = [PROMPT, ...(await Promise.all(['davis', 'sally', 'wren'].map((name) => example(`${name}.prompt.md`))))];
			const together = await runAll(model, plan, prompts, { seed: 0 }, signal);
			for (const [i, prompt] of prompts.entries()) {
				const one = (await recorded(model, plan, prompt, { seed: 0 }, signal)) as Clean;
				const other = together[i] as Clean;
				assert.deepEqual([other.answer, other.run], [one.answer, one.run]);
				close(other.logits, one.logits);
				one.thoughts.forEach((thought, index) => close(other.thoughts[index]!, thought));
				// One by one, the answer is in the cache too.
				shortened(one.cache, other.cache.length).values.forEach(({ data, dims }, value) => {
					assert.deepEqual(other.cache.values[value]!.dims, dims);
					close(other.cache.values[value]!.data as Float32Array, data as Float32Array);
				});
				for (const [position, last] of [...one.lasts].filter(([fed]) => fed <= other.cache.length)) {
					close(other.lasts.get(position)!.resid, last.resid);
					close(await other.lasts.get(position)!.normed(), await last.normed());
				}
			}
		} finally {
			model.dispose();
		}
	});

	test('a model whose rows may not go side by side is tested one by one, with the same result', async () => {
		const model = await loaded(MODEL);
		try {
			const prompt = await example('davis.prompt.md');
			const tests: CausalTest[] = ['noise', 'snap-1', 'truncate', 'patch'];
			const batched = await inProcess(model, { prompts: [prompt], tests });
			model.unavailable.set('batches', 'it was broken for this test');
			const single = await inProcess(model, { prompts: [prompt], tests });
			assert.equal(single.rows.length, batched.rows.length);
			single.rows.forEach((row, i) => {
				const { deltaLogOdds, kl, ...told } = row;
				const { deltaLogOdds: _, kl: __, ...other } = batched.rows[i]!;
				assert.deepEqual(told, other);
				same(batched.rows[i]!, { deltaLogOdds, kl });
			});
		} finally {
			model.dispose();
		}
	});

	test('what is not finite is not measured, and spoils no other variant of its batch', async () => {
		const model = await loaded(MODEL);
		try {
			const prompts = [await example('davis.prompt.md')];
			const tests: CausalTest[] = ['noise', 'snap-1'];
			const sound = await inProcess(model, { prompts, tests });
			const { length } = (await model.embeddings())!;
			const broken: Model = Object.create(model, { embeddings: { value: async () => new Float32Array(length).fill(NaN) } });
			const { rows: found } = await inProcess(broken, { prompts, tests });
			assert.equal(found.length, sound.rows.length);
			for (const [i, row] of found.entries()) {
				if (row.test === 'noise') {
					same(row, sound.rows[i]!);
				} else {
					assert.deepEqual([row.deltaLogOdds, row.kl, row.changed, row.answer], [NaN, NaN, false, undefined]);
				}
			}
		} finally {
			model.dispose();
		}
	});

	test('a test that this model cannot run is left out with the reason', async () => {
		const model = await loaded(MODEL);
		try {
			model.unavailable.set('patches', 'the self-test "a late patch" failed');
			model.unavailable.set('neighbours', 'embedding its tokens would take too long');
			const prompts = [await example('davis.prompt.md')];
			const { rows: found, skipped } = await inProcess(model, { prompts, tests: ['patch', 'mixture', 'ablate-zero'] });
			assert.deepEqual([...new Set(found.map(({ test: name }) => name))], ['ablate-zero']);
			assert.deepEqual(skipped, [
				'patch was not run, because the self-test "a late patch" failed.',
				'mixture was not run, because embedding its tokens would take too long.',
			]);
			model.unavailable.set('latents', 'its thoughts are broken');
			const none = await inProcess(model, { prompts, tests: ['ablate-zero', 'jitter'] });
			assert.deepEqual(none.rows, []);
			assert.match(none.skipped.join('\n'), /^jitter was not run, because its thoughts are broken\.$/m);
		} finally {
			model.dispose();
		}
	});

	test('resamples: as many reference prompts as asked for, each in a row of its own', async () => {
		const prompts = [await example('davis.prompt.md')];
		const { rows: one } = await rows({ prompts, arms: ['latent'], tests: ['resample'], scope: 'whole' });
		const { rows: found, skipped } = await rows({ prompts, arms: ['latent'], tests: ['resample'], scope: 'whole', resamples: 3 });
		assert.deepEqual(
			found.map(({ form, by }) => [form, by]),
			[
				['1', 'thoughts of "sally"'],
				['2', 'thoughts of "wren"'],
			],
		);
		assert.deepEqual({ ...found[0], form: undefined }, { ...one[0], form: undefined });
		assert.notEqual(found[0]!.kl, found[1]!.kl);
		assert.deepEqual(skipped, ['A part of resample was not run, because there are only 2 reference prompts to draw from.']);
	});

	test('thoughts of the other question about the same facts are put in, and the answer follows them', async () => {
		const { rows: found } = await rows({ arms: ['latent'], tests: ['transplant', 'interchange'], scope: 'whole' });
		const row = (name: string) => found.find(({ test: one }) => one === name)!;
		assert.equal(row('transplant').by, 'thoughts of "Is Alex a chorpus or fompus?"');
		assert.deepEqual([row('transplant').follows, row('transplant').answer, row('transplant').changed], [true, 'chorpus', true]);
		assert.equal(row('interchange').by, 'thoughts of "sally"');
	});

	test('a patch at the last site is a replaced next thought, and none after the last', async () => {
		const { rows: found } = await rows({ arms: ['latent'], tests: ['resample', 'patch'] });
		const row = (test: CausalTest, step: number, site?: number) =>
			found.find(
				(one) =>
					one.test === test &&
					one.step === step &&
					one.site === site &&
					one.later !== 'frozen' &&
					(test !== 'patch' || one.form === 'resample'),
			)!;
		assert.equal(found.filter(({ test: name }) => name === 'patch').length, 3 * 3 * THOUGHTS);
		for (let step = 0; step < THOUGHTS - 1; step++) {
			same(row('patch', step, 2), row('resample', step + 1));
		}
		same(row('patch', THOUGHTS - 1, 2), { deltaLogOdds: 0, kl: 0 });
	});

	test('noise has the seed of the run, and no effect is told of what changes nothing', async () => {
		const noise = async (seed: number) => (await rows({ arms: ['latent'], tests: ['noise'], options: { seed } })).rows;
		assert.deepEqual(await noise(1), await noise(1));
		assert.notDeepEqual(await noise(1), await noise(2));
		const { rows: found } = await rows({ arms: ['latent'], tests: ['truncate'] });
		const last = found.at(-1)!;
		assert.deepEqual([last.step, last.trained, last.changed], [THOUGHTS, true, false]);
		same(last, { deltaLogOdds: 0, kl: 0 });
	});

	test('the pause twin: other prompts have the same dummy, so resampling it changes nothing', async () => {
		const { rows: found } = await rows({ model: 'models/prosqa-pause', arms: ['latent'], tests: ['resample', 'ablate-mean'] });
		assert.equal(found.length, 2 * 2 * THOUGHTS);
		found.forEach((row) => same(row, { deltaLogOdds: 0, kl: 0 }));
	});

	test('what cannot be tested is said', async () => {
		const { rows: found, skipped } = await rows({ arms: ['cot', 'direct'], tests: ['noise', 'interchange'], donor: undefined });
		assert.deepEqual(found, []);
		assert.match(skipped.join('\n'), /^interchange was not run, because no other prompt was given\./m);
		assert.match(skipped.join('\n'), /^noise was not run, because it changes latent thoughts/m);
		const alone = await rows({ arms: ['latent'], tests: ['resample', 'patch'], reference: [] });
		assert.match(alone.skipped.join('\n'), /^resample was not run, because there is no reference prompt/m);
		assert.deepEqual([...new Set(alone.rows.map(({ form }) => form))], ['zero']);
	});

	test('a cancelled test ends', async () => {
		const abort = new AbortController();
		const prompts = new Array<string>(200).fill(OTHER);
		setTimeout(() => abort.abort(), 300);
		await assert.rejects(rows({ prompts }, abort.signal), { code: 'cancelled' });
	});
});

/** Every row of the latent arm on one example, the other two being the reference and one of them the donor. */
async function compareAll(model: Model, name: string, latents: number | undefined): Promise<void> {
	const prompt = await example(`${name}.prompt.md`);
	const others = ['davis', 'sally', 'wren'].filter((other) => other !== name);
	const texts = await Promise.all(others.map((other) => example(`${other}.prompt.md`)));
	const donor = { name: others[1]!, text: texts[1]! };
	const reference = others.map((other, i) => ({ name: other, text: texts[i]! }));
	const { rows: found, skipped } = await inProcess(model, { prompts: [prompt], reference, donor, arms: ['latent'], options: { seed: 0, latents } });
	const plan = latentPlan(model, latents);
	const run = (change?: Change, patch?: { thought: number; site: number; add: Float32Array }) =>
		rerun(model, plan, prompt, change, patch);
	const clean = await run();
	const [first, second] = (await Promise.all(texts.map((text) => rerun(model, plan, text)))) as [Rerun, Rerun];
	const counterpart = parseTask(prompt)?.counterpart();
	assert.ok(counterpart, 'the examples are ProsQA');
	const transplant = await rerun(model, plan, counterpart.text);
	const { width } = model.manifest.shape;
	const table = (await model.embeddings())!;
	const mean = (a: Float32Array, b: Float32Array) => a.map((value, i) => (value + b[i]!) / 2);
	const mixture = (logits: Float32Array, top: number) => {
		const ids = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, top);
		const weights = ids.map((id) => Math.exp(logits[id]! - logits[ids[0]!]!));
		const sum = weights.reduce((a, b) => a + b);
		return Float32Array.from({ length: width }, (_, j) => ids.reduce((all, id, i) => all + (weights[i]! / sum) * table[id * width + j]!, 0));
	};
	const noise = (index: number, length: number) => {
		const uniform = generator(0, `latent 0 noise ${index}`);
		return rescaled(Float32Array.from({ length: width }, () => gaussian(uniform)), length);
	};
	const tops: Record<string, number> = { 'snap-1': 1, 'snap-5': 5, mixture: Infinity };
	const by = ({ test: kind, form }: CausalRow): Change | undefined => {
		switch (kind) {
			case 'ablate-zero':
				return (own) => own.map(() => 0);
			case 'ablate-mean':
				return (_, i) => mean(first.thoughts[i]!, second.thoughts[i]!);
			case 'resample':
				return (_, i) => first.thoughts[i]!;
			case 'interchange':
				return (_, i) => second.thoughts[i]!;
			case 'transplant':
				return (_, i) => transplant.thoughts[i]!;
			case 'noise':
				return (own, i) => noise(i, norm(own));
			case 'jitter':
				return (own, i) => {
					const added = noise(i, Number(form) * norm(own));
					return own.map((value, j) => value + added[j]!);
				};
			case 'snap-1':
			case 'snap-5':
			case 'mixture':
				return async (own, _, logits) => {
					const mixed = mixture(await logits(), tops[kind]!);
					return form === 'rescaled' ? rescaled(mixed, norm(own)) : mixed;
				};
			default:
				return undefined;
		}
	};
	const stream = (form: string | undefined, thought: number, site: number) => {
		const of = ({ resid }: Rerun) => resid[thought]!.subarray(site * width, (site + 1) * width);
		return form === 'zero' ? new Float32Array(width) : form === 'mean' ? mean(of(first), of(second)) : of(first);
	};
	const changedRun = async (row: CausalRow, rounding = 0): Promise<Rerun> => {
		const { step, site, form } = row;
		if (row.test === 'truncate') {
			return rerun(model, latentPlan(model, step as number), prompt);
		}
		if (row.test === 'patch') {
			const thought = step as number;
			return run(undefined, { thought, site: site!, add: stream(form, thought, site!) });
		}
		const replace = by(row)!;
		return run((own, index, logits, latent) =>
			step === 'all' || step === index
				? rounded(replace(own, index, logits, latent), rounding)
				: row.later === 'frozen' && index > step
					? clean.thoughts[index]!
					: own,
		);
	};
	const donors: Partial<Record<CausalTest, Rerun>> = { interchange: second, transplant };
	let chaotic = 0;
	for (const row of found) {
		const changed = await changedRun(row);
		const expected = effect(clean.logits, changed.logits);
		if (distance(row, expected) > TOLERANCE) {
			chaotic++;
			const moved = await Promise.all(ROUNDINGS.map((rounding) => changedRun(row, rounding)));
			const spread = Math.max(...moved.map(({ logits }) => distance(effect(clean.logits, logits), expected)));
			assert.ok(distance(row, expected) <= 3 * spread, `${JSON.stringify(row)} differs by ${distance(row, expected)}, not by ${spread}`);
		}
		const given = donors[row.test]?.answer;
		assert.deepEqual(
			[row.answer, row.changed, row.follows],
			[changed.answer, changed.answer !== clean.answer, given === undefined || given === clean.answer ? undefined : changed.answer === given],
			JSON.stringify(row),
		);
	}
	assert.ok(chaotic <= MAX_CHAOTIC * found.length, `${chaotic} of ${found.length}`);
	const count = latents ?? THOUGHTS;
	assert.equal(found.length, (5 + 3 * 2 + 2 + 4 - 1) * 2 * count + count + 1 + 3 * 3 * count, skipped.join(' '));
}

/** Without a child, so that the model can be another. */
async function inProcess(model: Model, params: Partial<CausalParams>) {
	const found: CausalRow[] = [];
	const request: CausalParams = {
		model: model.folder,
		prompts: [],
		arms: ['latent'],
		options: { seed: 0 },
		tests: CAUSAL_TESTS.filter((test) => !isWritten(test)),
		scope: 'each',
		reference: [{ name: 'other', text: OTHER }],
		...params,
	};
	const run = new CausalRun(model, request, new AbortController().signal, (event) => {
		if (event.kind === 'row') {
			found.push(event.row);
		}
	});
	const { skipped } = await run.run();
	return { rows: found, skipped };
}

function rescaled(vector: Float32Array, length: number): Float32Array {
	const factor = length / norm(vector);
	return vector.map((value) => value * factor);
}

function close(values: Float32Array, expected: Float32Array): void {
	assert.equal(values.length, expected.length);
	const most = values.reduce((difference, value, i) => Math.max(difference, Math.abs(value - expected[i]!)), 0);
	assert.ok(most <= TOLERANCE, `differs by ${most}`);
}

/** Moved by a part of its norm. */
async function rounded(vector: Float32Array | Promise<Float32Array>, part: number): Promise<Float32Array> {
	const whole = await vector;
	const step = (part * norm(whole)) / Math.sqrt(whole.length);
	return part === 0 ? whole : whole.map((value, i) => value + step * Math.SQRT2 * Math.sin(i + 1));
}

type Effects = Pick<CausalRow, 'deltaLogOdds' | 'kl'>;

function distance(row: Effects, expected: Effects): number {
	return Math.max(Math.abs(row.deltaLogOdds - expected.deltaLogOdds), Math.abs(row.kl - expected.kl));
}

function same(row: Effects, expected: Effects): void {
	const difference = distance(row, expected);
	assert.ok(difference <= TOLERANCE, `${JSON.stringify(row)} differs by ${difference}`);
}

/** Ids of the chain of thought. */
async function written(prompt: string): Promise<number[]> {
	return withEngine(async (engine) => {
		const { document } = await engine.call('analyze', {
			model: MODEL,
			prompt: { name: 'test', format: 'plain', text: prompt, pieces: [] },
			arms: ['cot'],
			options: { seed: 0, temperature: 0, topK: 1 },
		});
		const own = document.arms[0]!.steps.filter(({ kind, forced }) => kind === 'token' && !forced);
		return own.slice(0, -1).map(({ id }) => id);
	});
}
