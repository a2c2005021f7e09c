import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { figures, legalSteps, lexicon, rareWords, repetition } from '../../../src/analysis/legibility';
import { legibilityView } from '../../../src/analysis/legibilityView';
import { judged } from '../../../src/analysis/outline';
import { parseTask } from '../../../src/analysis/task';
import { PROMPT } from '../engine/harness';

/** Sentences of a chain, one token each. */
const chain = (...texts: string[]) =>
	judged(
		texts.map((text, i) => ({ role: 'thought' as const, steps: [i], text })),
		parseTask(PROMPT),
	);

describe('repetition', () => {
	test('3-grams that occurred before, among all of them', () => {
		assert.equal(repetition([1, 2, 3, 1, 2, 3, 1]), 2 / 5);
		assert.equal(repetition([7, 7, 7, 7]), 1 / 2);
		assert.equal(repetition([1, 2, 3, 4]), 0);
	});

	test('a chain without a 3-gram has none', () => {
		assert.equal(repetition([1, 2]), undefined);
		assert.equal(repetition([]), undefined);
		assert.equal(repetition([1, 1], 1), 1 / 2);
	});

	test('tokens are told apart by their kind, not by how they are written', () => {
		assert.equal(repetition(['1', '2', '3', 1, 2, 3]), 0);
	});
});

describe('rare words', () => {
	const reference = lexicon(['Every cat is a mouse-hunter.', "It's Tom’s cat."]);

	test('words without their case, with apostrophes and hyphens inside; all others are rare', () => {
		assert.equal(reference.of, 8);
		assert.deepEqual(rareWords('EVERY dog is a Cat, it’s a mouse-hunter: dog!', reference), { share: 3 / 9, words: 9, of: 8 });
	});

	test('nothing is said of a text without words, or beside a reference without any', () => {
		assert.equal(rareWords(' … ', reference), undefined);
		assert.equal(rareWords('cat', lexicon([])), undefined);
	});

	test('other scripts have words too', () => {
		assert.deepEqual(rareWords('кошка 犬 кот', lexicon(['Кот и 犬'])), { share: 1 / 3, words: 3, of: 3 });
	});
});

describe('legal steps', () => {
	const task = parseTask(PROMPT);

	test('facts of the prompt, on a path or not; what is no step is no fact', () => {
		assert.deepEqual(legalSteps(chain(' is a gerpus.', ' is a terpus.', ' is a hilpus.'), task), { legal: 3, steps: 3 });
		// After the jump to yimpus nothing is stated of it.
		assert.deepEqual(legalSteps(chain(' is a gerpus.', ' is a yimpus.', ' is a hilpus.'), task), { legal: 1, steps: 3 });
		assert.deepEqual(legalSteps(chain(' hm hm.', ' Every terpus is a hilpus.'), task), { legal: 1, steps: 2 });
	});

	test('without a task, or without a chain, nothing is said', () => {
		assert.equal(legalSteps(chain(' is a gerpus.'), undefined), undefined);
		assert.equal(legalSteps([], task), undefined);
	});
});

describe('figures', () => {
	test('repeated sentences are told whatever their spaces, and the answer is no part of the chain', () => {
		const sentences = [...chain(' is a gerpus.', 'is a gerpus. ', ' is a gerpus.'), { role: 'answer' as const, steps: [3], text: ' is a gerpus.' }];
		assert.deepEqual(figures([5, 6, 5], sentences, parseTask(PROMPT), lexicon([PROMPT])), {
			tokens: 3,
			repetition: 0,
			repeatedSentences: { repeated: 2, sentences: 3 },
			rareWords: { share: 0, words: 9, of: 29 },
			legalSteps: { legal: 1, steps: 3 },
		});
	});

	test('what was not measured is not shown; names of models cannot hide anything', () => {
		assert.deepEqual(legibilityView({ arm: 'cot', tokens: 2 }).figures, []);
		const { figures: shown, reference, base } = legibilityView({
			arm: 'cot',
			tokens: 2,
			reference: { id: 'a\u202eb', sha256: '', surprisalBits: 1.234 },
			rareWords: { share: 0.051, words: 39, of: 7 },
			repetition: 0,
		});
		assert.deepEqual(
			shown.map(({ label, value }) => [label, value]),
			[
				['surprisal under a⟨U+202E⟩b', '1.23 bits a token'],
				['repeated 3-grams', '0 %'],
				['rare words', '5.1 % of 39'],
			],
		);
		assert.deepEqual([reference, base], ['a⟨U+202E⟩b', undefined]);
	});
});
