/** Spread of vectors against closed forms, on either side of the Gram matrix. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { spread } from '../../../src/analysis/capacity';

const vectors = (...rows: number[][]) => rows.map((row) => Float32Array.from(row));
const close = (value: number, expected: number) => assert.ok(Math.abs(value - expected) < 1e-6, `${value} is not ${expected}`);

describe('spread', () => {
	test('a line has one dimension, two equal axes have two', () => {
		close(spread(vectors([1, 0, 0], [-1, 0, 0], [3, 0, 0])).dimension, 1);
		close(spread(vectors([1, 0, 5], [-1, 0, 5], [0, 1, 5], [0, -1, 5])).dimension, 2);
	});

	test('variances 4 and 1: (4 + 1)² / (16 + 1) dimensions, ½ log₂ of 5 and 2 bits at σ = 1, whichever matrix is the smaller', () => {
		const wide = [[2, 1], [2, -1], [-2, 1], [-2, -1]];
		for (const padding of [0, 6]) {
			const found = spread(vectors(...wide.map((row) => [...row, ...new Array<number>(padding).fill(3)])));
			close(found.dimension, 25 / 17);
			close(found.bits(1), 0.5 * Math.log2(5 * 2));
			close(found.bits(4), 0.5 * Math.log2(2 * 1.25));
		}
	});

	test('the mean norm', () => close(spread(vectors([3, 4], [0, 1])).norm, 3));

	test('what does not vary spreads over nothing and carries nothing', () => {
		const one = Array.from({ length: 20 }, (_, i) => Math.sin(i));
		const found = spread(vectors(one, one, one, one));
		assert.deepEqual([found.dimension, found.bits(1e-6)], [0, 0]);
		assert.deepEqual([spread([]).dimension, spread([]).bits(1)], [0, 0]);
	});
});
