import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { generator } from '../../../src/shared/random';
import { bootstrapMean, mcnemar, pairedDifference, quantile, share, wilson } from '../../../src/analysis/statistics';

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

describe('difference of paired shares', () => {
	/** Newcombe 1998 (paired data), table III, method 10. */
	test('a published example', () => {
		const { value, ci, n } = pairedDifference({ both: 36, onlyA: 12, onlyB: 2, neither: 0 });
		assert.equal(n, 50);
		assert.ok(Math.abs(value - 0.2) < 1e-12);
		assert.ok(Math.abs(ci[0] - 0.0569) < 6e-5 && Math.abs(ci[1] - 0.3404) < 6e-5, `${ci}`);
	});

	test('two arms that never differ have an interval all the same', () => {
		const { value, ci } = pairedDifference({ both: 54, onlyA: 0, onlyB: 0, neither: 0 });
		assert.equal(value, 0);
		assert.ok(ci[0] < -0.05 && ci[1] > 0.05);
	});

	test('changes its sign with the order, holds the difference, and stays inside -1..1', () => {
		fc.assert(
			fc.property(fc.tuple(fc.nat(200), fc.nat(200), fc.nat(200), fc.nat(200)), ([both, onlyA, onlyB, neither]) => {
				fc.pre(both + onlyA + onlyB + neither > 0);
				const one = pairedDifference({ both, onlyA, onlyB, neither });
				const other = pairedDifference({ both, onlyA: onlyB, onlyB: onlyA, neither });
				assert.ok(Math.abs(one.ci[0] + other.ci[1]) < 1e-9 && Math.abs(one.ci[1] + other.ci[0]) < 1e-9);
				assert.ok(-1 <= one.ci[0] && one.ci[0] <= one.value + 1e-9 && one.value - 1e-9 <= one.ci[1] && one.ci[1] <= 1);
			}),
		);
	});

	test('covers the true difference in about 95 of 100 draws', () => {
		const uniform = generator(5, 'coverage');
		const [both, onlyA, onlyB] = [0.6, 0.25, 0.05];
		let covered = 0;
		for (let draw = 0; draw < 2000; draw++) {
			const counts = { both: 0, onlyA: 0, onlyB: 0, neither: 0 };
			for (let i = 0; i < 60; i++) {
				const u = uniform();
				counts[u < both ? 'both' : u < both + onlyA ? 'onlyA' : u < both + onlyA + onlyB ? 'onlyB' : 'neither']++;
			}
			const { ci } = pairedDifference(counts);
			covered += ci[0] <= onlyA - onlyB && onlyA - onlyB <= ci[1] ? 1 : 0;
		}
		assert.ok(covered > 1860 && covered < 1960, `${covered} of 2000`);
	});
});
