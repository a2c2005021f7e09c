import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { recipeTokens, sentences } from '../../../src/analysis/sentences';
import type { Step, StepKind } from '../../../src/trace/document';

/** `kind:text`, with `!` in front of forced ones. */
function grouped(...steps: string[]): string[] {
	const texts = steps.map((step) => step.slice(step.indexOf(':') + 1));
	const records = steps.map((step, id): Step => ({
		kind: step.slice(0, step.indexOf(':')).replace('!', '') as StepKind,
		id: step.includes('latent:') ? -1 : id,
		...(step.startsWith('!') ? { forced: true } : {}),
	}));
	return sentences({ steps: records }, (id) => texts[id]!, new Set(['<a>', '<eos>'])).map(
		({ role, steps: positions, text }) => `${role} ${positions.join()}: ${text}`,
	);
}

describe('sentences', () => {
	test('end at a full stop before white space; prompt, forced, latent and stop tokens are left out', () => {
		assert.deepEqual(
			grouped(
				'prompt:Hi.',
				'!token:<cot>',
				'token: is a impus.',
				'token: is',
				'token: a yimpus.',
				'token:<a>',
				'answer: is a gerpus.',
				'answer:<eos>',
			),
			['thought 2:  is a impus.', 'thought 3,4:  is a yimpus.', 'answer 6:  is a gerpus.'],
		);
		assert.deepEqual(grouped('latent:', 'token:a', 'latent:', 'token:b'), ['thought 1: a', 'thought 3: b']);
	});

	test('numbers and closing quotes', () => {
		assert.deepEqual(grouped('token:3', 'token:.', 'token:5', 'token:!"', 'token: Next', 'token:?'), [
			'thought 0,1,2,3: 3.5!"',
			'thought 4,5:  Next?',
		]);
	});

	test('end at a line end', () =>
		assert.deepEqual(grouped('token:a', 'token:\n', 'token:b'), ['thought 0,1: a\n', 'thought 2: b']));

	test('blank lines, and a space of its own, belong to the sentence before them', () => {
		assert.deepEqual(grouped('token:a.', 'token:\n', 'token:\n', 'token:b'), ['thought 0,1,2: a.\n\n', 'thought 3: b']);
		assert.deepEqual(grouped('token:a.', 'token: ', 'token:3'), ['thought 0,1: a. ', 'thought 2: 3']);
		assert.deepEqual(grouped('token:\n', 'token:a'), ['thought 0,1: \na']);
	});

	test('one as long as a book keeps its text, and ends as short ones do', () => {
		const words = Array.from({ length: 500 }, (_, i) => `token: word${i % 7}⟨E2⟩`);
		const end = ['token:⟨80 9C⟩', 'token:.', 'token: Next'];
		const [first, second, third] = grouped(...words, ...end).map((sentence) => sentence.slice(sentence.indexOf(': ') + 2));
		assert.equal(first, `${words.map((word) => word.slice('token:'.length)).join('').slice(0, -'⟨E2⟩'.length)}“.`);
		assert.deepEqual([second, third], [' Next', undefined]);
		assert.equal(grouped(...words, 'token:\n', 'token:Next').length, 2);
	});

	test('thought and answer never share one', () =>
		assert.deepEqual(grouped('token:a', 'answer:b'), ['thought 0: a', 'answer 1: b']));

	test('nothing written', () => assert.deepEqual(grouped('prompt:a', '!answer:b'), []));
});

describe("a recipe's own tokens", () => {
	test('what every arm stops at, and not the words that it feeds: a model may write them itself', () => {
		const recipe = { arms: { cot: [{ tokens: ['So', '.'] }, { stop: ['<a>'] }], direct: [{ tokens: ['<direct>'] }, { stop: ['<eos>'] }] } };
		assert.deepEqual([...recipeTokens(recipe)].sort(), ['<a>', '<eos>']);
	});

	test('a recipe of any other shape has none', () => {
		for (const recipe of [
			null,
			undefined,
			7,
			'x',
			[],
			{},
			{ arms: null },
			{ arms: { a: 'tokens' } },
			{ arms: { a: [null, 3, { tokens: 'x', stop: [1, null] }] } },
		]) {
			assert.deepEqual([...recipeTokens(recipe)], []);
		}
	});
});
