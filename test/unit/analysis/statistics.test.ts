import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bootstrapMean, mcnemar, quantile, share, wilson } from '../../../src/analysis/statistics';

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

describe('bootstrap and paired tests', () => {
	test('the bootstrap interval of a mean holds the mean, and narrows with the root of n', () => {
		const wide = bootstrapMean(Array.from({ length: 25 }, (_, i) => i % 5));
		const narrow = bootstrapMean(Array.from({ length: 2500 }, (_, i) => i % 5));
		assert.equal(wide.value, 2);
		assert.ok(wide.ci[0] < 2 && wide.ci[1] > 2);
		const ratio = (wide.ci[1] - wide.ci[0]) / (narrow.ci[1] - narrow.ci[0]);
		assert.ok(ratio > 7 && ratio < 13, `${ratio}`);
		// Standard error √2/√n of the values 0..4.
		assert.ok(Math.abs((narrow.ci[1] - narrow.ci[0]) / (2 * 1.96 * Math.sqrt(2 / 2500)) - 1) < 0.1);
	});

	test('the same seed gives the same interval, and one value has none', () => {
		assert.deepEqual(bootstrapMean([1, 2, 4], 7), bootstrapMean([1, 2, 4], 7));
		assert.deepEqual(bootstrapMean([3]), { value: 3, ci: [NaN, NaN], n: 1 });
	});

	test('quantiles lie between neighbours', () => {
		assert.equal(quantile(Float64Array.of(0, 10), 0.25), 2.5);
	});

	test('McNemar: exact binomial tails', () => {
		assert.equal(mcnemar(0, 0), 1);
		assert.ok(Math.abs(mcnemar(0, 6) - 2 / 64) < 1e-12);
		// scipy.stats.binomtest(3, 20).pvalue
		assert.ok(Math.abs(mcnemar(3, 17) - 0.0025768280029296875) < 1e-12);
		assert.equal(mcnemar(4, 4), 1);
	});

	test('a share carries its Wilson interval', () => {
		assert.deepEqual(share(3, 4), { value: 0.75, ci: wilson(3, 4), n: 4 });
	});
});
