/** Reasoning between tags, text without a tokenizer, and tokens found in it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { sentences } from '../../../../src/analysis/sentences';
import { loggedTokens } from '../../../../src/trace/importers/logprobs';
import { pieces } from '../../../../src/trace/importers/pieces';
import type { LoggedToken, Part } from '../../../../src/trace/importers/sample';
import { splitThinking } from '../../../../src/trace/importers/thinkTags';
import { placeTokens } from '../../../../src/trace/importers/tokenParts';
import { importAll, outlineOf, utf8 } from './support';

describe('text with tags', () => {
	const cases: [text: string, parts: string[], note?: RegExp][] = [
		['<think>a</think>b', ['reasoning: a', 'answer: b']],
		['\n<think>\n\n</think>\n\nb', ['answer: b']],
		['a</think>b', ['reasoning: a', 'answer: b'], /no <think> before/],
		['<think>a', ['reasoning: a'], /no <\/think> after/],
		['b<think>a', ['answer: b', 'reasoning: a'], /cut off/],
		['<think>a<think>b</think>c</think>d', ['reasoning: a<think>b</think>c', 'answer: d'], /nested/],
		['<think>a<think>b</think>c', ['reasoning: a<think>b', 'answer: c'], /more often than it closes/],
		['<think>a</think>b<think>c</think>d', ['reasoning: a', 'answer: b', 'reasoning: c', 'answer: d']],
		['<think>a</think>b</think>c', ['reasoning: a', 'reasoning: b', 'answer: c'], /no <think> before/],
		['<|begin_of_thought|>a<|end_of_thought|><|begin_of_solution|>b<|end_of_solution|>', ['reasoning: a', 'answer: b']],
		['[THINK]a[/THINK]b', ['reasoning: a', 'answer: b']],
		['b', ['answer: b']],
	];
	for (const [text, expected, note] of cases) {
		test(text, async () => {
			const { parts, notes } = splitThinking(text);
			assert.deepEqual(parts.map((part) => `${part.kind}: ${part.text}`), expected);
			assert.equal(notes.length, note ? 1 : 0);
			assert.match(notes[0] ?? '', note ?? /^$/);
			if (/<.*think|\[THINK/.test(text)) {
				const { format, samples } = await importAll(utf8(text));
				assert.deepEqual([format, outlineOf(samples[0]!)], ['think-text', expected]);
			}
		});
	}

	test('a text of a hundred thousand tags is refused, and one of ten thousand words read, at once', async () => {
		assert.throws(() => splitThinking('<think>'.repeat(100_000)), /more than 10000 tags/);
		assert.equal(splitThinking(`${'<think>a</think>b'.repeat(4_000)}`).parts.length, 8_000);
	});
});

describe('text without a tokenizer', () => {
	const words = fc.stringMatching(/^[a-c.!?"'”) \n😀]{0,80}$/u);

	test('its pieces are the text, and each is one sentence of the views', () => {
		fc.assert(
			fc.property(words, (text) => {
				const cut = pieces(text);
				assert.equal(cut.join(''), text);
				const found = sentences({ steps: cut.map((_, id) => ({ kind: 'token' as const, id })) }, (id) => cut[id]!, new Set());
				assert.deepEqual(found.map((one) => one.text), cut);
			}),
			{ numRuns: 500 },
		);
	});

	test('sentences, lines, numbers and quotes', () => {
		assert.deepEqual(pieces('It is 3.5. "Yes." He said: \nno.\n\nDone'), ['It is 3.5.', ' "Yes."', ' He said: \n', 'no.\n\n', 'Done']);
	});

	test('a long line is cut between words, never inside a character', () => {
		const long = pieces(`${'😀'.repeat(1_500)} ${'word '.repeat(500)}`);
		assert.ok(long.every((piece) => piece.length <= 1_000 && !/^[\udc00-\udfff]/.test(piece)));
		assert.equal(pieces('x'.repeat(100_000)).length, 100);
	});
});

describe('logged tokens', () => {
	const token = (text: string, logprob = -1): LoggedToken => ({ text, logprob, alternatives: [] });
	const part = (kind: Part['kind'], text: string): Part => ({ kind, text });
	const shape = (parts: Part[], texts: string[]) =>
		placeTokens(parts, texts.map((text) => token(text))).placed.map((one) => [one.part?.kind ?? 'markup', one.tokens.map(({ text }) => text).join('|')]);

	test('tokens of another text are given up after a hundred parts', { timeout: 30_000 }, () => {
		const parts = [...Array.from({ length: 50_000 }, () => part('answer', 'zz')), part('answer', 'x')];
		assert.equal(placeTokens(parts, [token('x'.repeat(40e6))]).found, false);
		assert.equal(placeTokens(parts.slice(-50), [token('x'.repeat(40e6))]).found, true);
	});

	test('are found in the parts, with what lies between', () => {
		const both = [part('reasoning', 'a b.'), part('answer', 'c')];
		assert.deepEqual(shape(both, ['<think>', 'a', ' b', '.', '</think>', '\n\n', 'c', '<eos>']), [
			['markup', '<think>'],
			['reasoning', 'a| b|.'],
			['markup', '</think>|\n\n'],
			['answer', 'c'],
			['markup', '<eos>'],
		]);
		// APIs that keep the reasoning to themselves log the answer's tokens only.
		assert.deepEqual(shape(both, ['c']), [['reasoning', ''], ['answer', 'c']]);
		// A token that reaches into the answer is the answer's.
		assert.deepEqual(shape([part('answer', 'c')], ['\n\nc', 'd']), [['answer', '\n\nc'], ['markup', 'd']]);
		assert.equal(placeTokens([part('answer', 'x')], [token('y')]).found, false);
	});

	test('never end up in a summary, though it repeats their text', () => {
		assert.deepEqual(shape([part('summary', 'c'), part('answer', 'c')], ['c']), [['summary', ''], ['answer', 'c']]);
	});

	test('of half characters are joined by their bytes; −9999, null and positive values are none', () => {
		const bytes = [...utf8('é')];
		const tokens = loggedTokens([
			{ token: '\\xc3', logprob: -1, bytes: [bytes[0]] },
			{ token: '\\xa9', logprob: -9999, bytes: [bytes[1]] },
			{ token: 'a', logprob: null },
			{ token: 'b', logprob: 0.5 },
			{ token: 'c', logprob: 1e-6, top_logprobs: [{ token: 'd', logprob: -9999 }, { token: 'e', logprob: -2 }] },
		])!;
		assert.deepEqual(tokens.map(({ text }) => text), ['', 'é', 'a', 'b', 'c']);
		assert.deepEqual(tokens.map(({ logprob }) => logprob), [-1, NaN, NaN, NaN, 0]);
		assert.deepEqual(tokens[4]!.alternatives, [{ text: 'e', logprob: -2 }]);
	});
});
