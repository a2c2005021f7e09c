/** The meter's three numbers from their parts, and what is absent when a part is. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { meterOf, tolerated } from '../../../src/analysis/meter';
import type { CohortRecord, Estimate } from '../../../src/trace/evidence';

const estimate = (value: number): Estimate => ({ value, ci: [value - 0.1, value + 0.1], n: 150 });
const cohort = (bits: (number | undefined)[], unchanged: number[]): CohortRecord => ({
	role: 'model',
	model: { id: 'm', sha256: '0' },
	arm: 'latent',
	prompts: 150,
	thoughts: bits.map((one, thought) => ({ thought, dimension: 2 * thought + 1, bits: one })),
	snap: { kl: estimate(4), changed: estimate(0.4) },
	noise: unchanged.map((value, i) => ({ ratio: [0.1, 0.25, 0.5, 1][i]!, unchanged: estimate(value) })),
});
const thought = (tokens: number, text: number, more = {}) => ({ tokens, text, ...more });

describe('meter', () => {
	test('medians over the thoughts that are not spare and were measured', () => {
		const thoughts = [thought(90, 10), thought(80, 20, { twinTokens: 60 }), thought(100, NaN), thought(1, 1, { spare: 'drifts' })];
		assert.deepEqual(meterOf({ arm: 'latent', width: 8, thoughts }), { arm: 'latent', distance: { tokens: 90, text: 15, twinTokens: 60 } });
	});

	test('effect and capacity with their controls', () => {
		const twin = { ...cohort([0, 0], [1, 1, 1, 1]), role: 'twin' as const };
		const { distance, effect, capacity } = meterOf({
			arm: 'latent',
			width: 8,
			thoughts: [],
			snap: { kl: 5, changed: true },
			cohort: cohort([2, 4], [0.99, 0.9, 0.4, 0.2]),
			twin,
		});
		assert.equal(distance, undefined);
		assert.deepEqual(effect, { kl: 5, changed: true, cohort: cohort([], []).snap, twin: twin.snap });
		assert.deepEqual(
			[capacity!.dimension, capacity!.width, capacity!.bits, capacity!.noise, capacity!.twinBits, capacity!.unchanged.length],
			[2, 8, 3, 0.25, 0, 4],
		);
	});

	test('what was not measured is absent', () => {
		assert.deepEqual(meterOf({ arm: 'latent', width: 8, thoughts: [thought(NaN, 3)], snap: { kl: null, changed: true } }), { arm: 'latent' });
		assert.equal(meterOf({ arm: 'latent', width: 8, thoughts: [], cohort: cohort([2, undefined], [0.5]) }).capacity!.bits, undefined);
	});
});

test('the largest noise that leaves nine answers in ten', () => {
	assert.equal(tolerated(cohort([], [0.99, 0.95, 0.9, 0.89]).noise), 0.5);
	assert.equal(tolerated(cohort([], [0.5, 0.4, 0.3, 0.2]).noise), undefined);
	assert.equal(tolerated([]), undefined);
});
