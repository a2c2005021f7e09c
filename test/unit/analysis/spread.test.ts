import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { spread } from '../../../src/analysis/spread';

/** Spans of pieces that follow each other. */
function spans(...lengths: number[]): { start: number; end: number }[] {
	let at = 0;
	return lengths.map((length) => ({ start: at, end: (at += length) }));
}

describe('bits by character', () => {
	test('a token gets those of all that it is made of', () => {
		assert.deepEqual(spread([1, 2, 4, 8], spans(1, 2, 3, 1), spans(3, 4)), [3, 12]);
	});

	test('a token that covers several gives to each by the characters that it shares', () => {
		assert.deepEqual(spread([6], spans(6), spans(1, 2, 3)), [1, 2, 3]);
		assert.deepEqual(spread([4, 3], spans(4, 3), spans(3, 4)), [3, 4]);
	});

	test('white space between tokens costs nothing, and a token of it alone cannot be told', () => {
		const from = [
			{ start: 0, end: 2 },
			{ start: 3, end: 5 },
		];
		assert.deepEqual(spread([1, 2], from, [{ start: 0, end: 3 }, { start: 3, end: 5 }]), [1, 2]);
		assert.deepEqual(spread([1, 2], from, [{ start: 2, end: 3 }]), [NaN]);
	});

	test('tokens that only together are a character count as one', () => {
		// Of a character in two units and three tokens, the first has its span.
		const from = [
			{ start: 0, end: 2 },
			{ start: 2, end: 2 },
			{ start: 2, end: 2 },
			{ start: 2, end: 3 },
		];
		assert.deepEqual(spread([1, 2, 3, 4], from, spans(2, 1)), [6, 4]);
		assert.deepEqual(spread([1, 2, 3, 4], from, [{ start: 0, end: 0 }, { start: 0, end: 3 }]), [NaN, 10]);
		// As the tokenizer has them: each has all of the character, one with the space before it.
		const shared = [
			{ start: 0, end: 3 },
			{ start: 1, end: 3 },
			{ start: 1, end: 3 },
			{ start: 3, end: 4 },
		];
		assert.deepEqual(spread([1, 2, 3, 4], shared, spans(3, 1)), [6, 4]);
	});

	test('what is unknown of a part is unknown of the whole', () => {
		assert.deepEqual(spread([NaN, 2, 3], spans(1, 1, 1), spans(2, 1)), [NaN, 3]);
		assert.deepEqual(spread([], [], spans(1)), [NaN]);
	});

	test('nothing is lost and nothing is made, however the text is cut', () => {
		const cuts = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 12 });
		fc.assert(
			fc.property(cuts, cuts, fc.infiniteStream(fc.double({ min: 0, max: 20, noNaN: true })), (a, b, stream) => {
				const [from, to] = [spans(...a), spans(...b)];
				const end = Math.max(from.at(-1)!.end, to.at(-1)!.end);
				[from, to].forEach((list) => (list.at(-1)!.end = end));
				const bits = from.map(() => stream.next().value as number);
				const sum = (values: number[]) => values.reduce((x, y) => x + y, 0);
				assert.ok(Math.abs(sum(spread(bits, from, to)) - sum(bits)) < 1e-9);
				spread(bits, from, from).forEach((value, i) => assert.ok(Math.abs(value - bits[i]!) < 1e-12));
			}),
		);
	});
});
