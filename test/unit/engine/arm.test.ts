import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkFits, leadOf, planArms } from '../../../src/engine/run/arm';
import { EngineError } from '../../../src/engine/error';
import type { Recipe } from '../../../src/engine/model/manifest';

const IDS: Record<string, number> = { '<bos>': 1, '<latent>': 2, '<a>': 3, '<eos>': 4 };
const idOf = (token: string) => IDS[token];

const recipe: Recipe = {
	trainedLatents: 6,
	arms: {
		cot: [
			{ kind: 'tokens', tokens: ['<bos>'] },
			{ kind: 'prompt' },
			{ kind: 'decode', role: 'thought', stop: ['<a>'], limit: 12 },
			{ kind: 'decode', role: 'answer', stop: ['<eos>'], limit: 4 },
		],
		latent: [
			{ kind: 'prompt' },
			{ kind: 'tokens', tokens: ['<latent>'] },
			{ kind: 'latent', count: 6, feedback: { site: 'normed' } },
			{ kind: 'tokens', tokens: ['<a>'] },
			{ kind: 'decode', role: 'answer', stop: ['<eos>'], limit: 4 },
		],
		pause: [{ kind: 'prompt' }, { kind: 'latent', count: 2, feedback: { site: 'token', token: '<latent>' } }],
	},
};

const bad = (code: string, wording: RegExp) => (error: unknown) =>
	error instanceof EngineError && error.code === code && wording.test(error.message);

describe('arm', () => {
	test('a recipe becomes ids, in order, with what comes before the prompt apart', () => {
		const [cot, latent] = planArms(recipe, ['cot', 'latent'], {}, idOf);
		assert.deepEqual(cot, {
			name: 'cot',
			before: [1],
			segments: [
				{ kind: 'decode', role: 'thought', stop: new Set([3]), limit: 12 },
				{ kind: 'decode', role: 'answer', stop: new Set([4]), limit: 4 },
			],
			fixed: 1,
		});
		assert.deepEqual(latent, {
			name: 'latent',
			before: [],
			segments: [
				{ kind: 'tokens', ids: [2] },
				{ kind: 'latent', count: 6, feedback: { site: 'normed' } },
				{ kind: 'tokens', ids: [3] },
				{ kind: 'decode', role: 'answer', stop: new Set([4]), limit: 4 },
			],
			fixed: 8,
			feedback: 'state after the final norm',
		});
	});

	test('a prompt that begins with what belongs before it is not given that again', () => {
		assert.deepEqual(leadOf({ before: [1] }, [5, 6]), [1]);
		assert.deepEqual(leadOf({ before: [1] }, [1, 5]), []);
		assert.deepEqual(leadOf({ before: [1, 2] }, [1, 5]), [1, 2]);
		assert.deepEqual(leadOf({ before: [] }, [5]), []);
	});

	test('all arms in the order of the recipe where none are asked for, each once', () => {
		assert.deepEqual(
			planArms(recipe, undefined, {}, idOf).map(({ name }) => name),
			['cot', 'latent', 'pause'],
		);
		assert.deepEqual(
			planArms(recipe, ['latent', 'cot', 'latent'], {}, idOf).map(({ name }) => name),
			['latent', 'cot'],
		);
	});

	test('options override counts and limits', () => {
		const [latent, cot] = planArms(recipe, ['latent', 'cot'], { latents: 0, maxTokens: 50 }, idOf);
		assert.deepEqual(latent!.segments[1], { kind: 'latent', count: 0, feedback: { site: 'normed' } });
		assert.equal(latent!.fixed, 2);
		assert.equal((cot!.segments[0] as { limit: number }).limit, 50);
	});

	test('a pause arm feeds the token that it names', () => {
		const [pause] = planArms(recipe, ['pause'], {}, idOf);
		assert.deepEqual(pause!.segments[0], { kind: 'latent', count: 2, feedback: { site: 'token', id: 2 } });
		assert.equal(pause!.feedback, 'embedding of <latent>');
	});

	test('unknown arms and tokens are refused', () => {
		assert.throws(() => planArms(recipe, ['other'], {}, idOf), bad('bad-request', /cot, latent, pause/));
		assert.throws(() => planArms(recipe, ['toString'], {}, idOf), bad('bad-request', /no arm/));
		assert.throws(() => planArms(recipe, ['latent'], {}, () => undefined), bad('bad-model', /<latent>/));
	});

	test('what does not fit the context is refused with both numbers', () => {
		const [latent, cot] = planArms(recipe, ['latent', 'cot'], {}, idOf);
		const tokens = (count: number, first = 3) => [first, ...new Array<number>(count - 1).fill(3)];
		checkFits(latent!, tokens(151), 160);
		assert.throws(() => checkFits(latent!, tokens(152), 160), bad('bad-request', /161 positions.*160/));
		assert.throws(() => checkFits(latent!, [], 160), bad('bad-request', /empty/));
		checkFits(cot!, tokens(158), 160);
		assert.throws(() => checkFits(cot!, tokens(159), 160), bad('bad-request', /161 positions.*160/));
		// It begins with what is fed before prompts, so that nothing is.
		checkFits(cot!, tokens(159, 1), 160);
	});
});
