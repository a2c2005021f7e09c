/** What each causal test plans: pure, on a run that is written down here. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CAUSAL_TESTS, planVariants, type CleanRun, type Variant } from '../../../src/analysis/causal';
import type { Step } from '../../../src/trace/document';

const BEGIN = 90;
const END = 91;

/** Ten positions of prompt, `<latent>`, three thoughts, `<a>`. */
const LATENT: CleanRun = {
	prompt: 10,
	steps: [
		{ kind: 'token', id: BEGIN, forced: true },
		...[0, 1, 2].map((thought): Step => ({ kind: 'latent', id: -1, thought })),
		{ kind: 'token', id: END, forced: true },
	],
	sentences: [],
	trainedLatents: 2,
	layers: 2,
	vocabulary: 50,
};

/** `<cot>`, two sentences of two tokens and one token, the stop. */
const WRITTEN: CleanRun = {
	...LATENT,
	steps: [
		{ kind: 'token', id: BEGIN, forced: true },
		...[1, 2, 3, END].map((id): Step => ({ kind: 'token', id })),
	],
	sentences: [[1, 2], [3]],
};

const only = (variants: readonly Variant[], step: Variant['step'], later: Variant['later']) => {
	const found = variants.filter((variant) => variant.step === step && variant.later === later);
	assert.equal(found.length, 1);
	return found[0]!;
};

describe('plan of causal tests', () => {
	test('one thought is changed; the later ones are recomputed or kept', () => {
		const variants = planVariants(LATENT, ['ablate-zero'], 'each');
		assert.deepEqual(
			variants.map(({ step, later }) => `${step} ${later}`),
			['0 recomputed', '0 frozen', '1 recomputed', '1 frozen', '2 none', 'all none'],
		);
		const ending = { kind: 'tokens', ids: [END] };
		const zero = (thought: number) => ({ kind: 'think', thought, by: { kind: 'zero' } });
		const recomputed = only(variants, 1, 'recomputed');
		assert.equal(recomputed.prefix, 12, 'the prompt, <latent> and thought 0 are shared');
		assert.deepEqual(recomputed.feeds, [zero(1), { kind: 'think', thought: 2 }, ending]);
		assert.deepEqual(only(variants, 0, 'frozen').feeds, [zero(0), { kind: 'keep', thoughts: [1, 2] }, ending]);
		const all = only(variants, 'all', 'none');
		assert.deepEqual([all.prefix, all.feeds], [11, [zero(0), zero(1), zero(2), ending]]);
	});

	test('as a whole there is one variant of each replacement, and all numbers of thoughts', () => {
		const variants = planVariants(LATENT, CAUSAL_TESTS, 'whole');
		assert.deepEqual(
			variants.map(({ test: name, form, step }) => [name, form, step].filter((part) => part !== undefined).join(' ')),
			[
				'ablate-zero all',
				'ablate-mean all',
				'noise all',
				'resample all',
				...['snap-1', 'snap-5', 'mixture'].flatMap((name) => [`${name} raw all`, `${name} rescaled all`]),
				'snap-code all',
				'redraw all',
				...[0, 1, 2, 3].map((count) => `truncate ${count}`),
				'interchange all',
				'transplant all',
				...['0.1', '0.25', '0.5', '1'].map((ratio) => `jitter ${ratio} all`),
			],
		);
	});

	test('several reference prompts are resampled from, one after the other', () => {
		const variants = planVariants(LATENT, ['resample'], 'whole', 3);
		assert.deepEqual(
			variants.map(({ form, feeds: [feed] }) => [form, feed]),
			[0, 1, 2].map((draw) => [`${draw + 1}`, { kind: 'think', thought: 0, by: { kind: 'resample', draw } }]),
		);
	});

	test('truncating keeps the first k thoughts and what follows the last', () => {
		const variants = planVariants(LATENT, ['truncate'], 'each');
		assert.deepEqual(
			variants.map(({ step, prefix, trained }) => [step, prefix, trained]),
			[
				[0, 11, false],
				[1, 12, false],
				[2, 13, true],
				[3, 14, false],
			],
		);
		variants.forEach(({ feeds }) => assert.deepEqual(feeds, [{ kind: 'tokens', ids: [END] }]));
	});

	test('a patch changes each site at each thought and nothing before it', () => {
		const variants = planVariants(LATENT, ['patch'], 'each');
		assert.equal(variants.length, 3 * 3 * 3);
		const [found] = variants.filter(({ form, site, step }) => form === 'mean' && site === 1 && step === 2);
		assert.equal(found!.prefix, 13);
		assert.deepEqual(found!.feeds, [
			{ kind: 'think', thought: 2, patch: { site: 1, by: { kind: 'mean' } } },
			{ kind: 'tokens', ids: [END] },
		]);
	});

	test('an early answer ends the thought, a dropped span leaves the written rest', () => {
		const early = planVariants(WRITTEN, ['early-answer'], 'each');
		assert.deepEqual(
			early.map(({ step, prefix, feeds }) => [step, prefix, feeds]),
			[
				[0, 11, [{ kind: 'tokens', ids: [END] }]],
				[1, 13, [{ kind: 'tokens', ids: [END] }]],
			],
		);
		const dropped = planVariants(WRITTEN, ['drop-span'], 'each');
		assert.deepEqual(
			dropped.map(({ step, later, prefix, feeds }) => [step, later, prefix, feeds]),
			[
				[0, 'frozen', 11, [{ kind: 'tokens', ids: [3, END] }]],
				[1, 'none', 13, [{ kind: 'tokens', ids: [END] }]],
			],
		);
	});

	test('a run without thoughts of the kind has no variants', () => {
		assert.deepEqual(planVariants(WRITTEN, ['noise', 'truncate', 'patch', 'mixture'], 'each'), []);
		assert.deepEqual(planVariants(LATENT, ['early-answer', 'drop-span'], 'each'), []);
	});
});
