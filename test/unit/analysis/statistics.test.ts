import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { wilson } from '../../../src/analysis/statistics';

describe('Wilson interval', () => {
	/** Published values: Newcombe 1998, table I (method 3). */
	for (const [correct, n, low, high] of [
		[81, 263, 0.2553, 0.3662],
		[15, 148, 0.0624, 0.1605],
		[0, 20, 0, 0.1611],
		[1, 29, 0.0061, 0.1718],
	] as const) {
		test(`${correct} of ${n}`, () => {
			const [a, b] = wilson(correct, n);
			assert.ok(Math.abs(a - low) < 6e-5 && Math.abs(b - high) < 6e-5, `${a} ${b}`);
		});
	}

	test('always inside 0..1, around the proportion, mirrored', () => {
		fc.assert(
			fc.property(fc.integer({ min: 1, max: 10_000 }), fc.nat(), (n, some) => {
				const correct = some % (n + 1);
				const [low, high] = wilson(correct, n);
				const [mirroredLow, mirroredHigh] = wilson(n - correct, n);
				assert.ok(0 <= low && low <= correct / n + 1e-12 && correct / n - 1e-12 <= high && high <= 1);
				assert.ok(Math.abs(low - (1 - mirroredHigh)) < 1e-9 && Math.abs(high - (1 - mirroredLow)) < 1e-9);
			}),
		);
		assert.deepEqual(wilson(0, 0), [0, 1]);
	});
});
