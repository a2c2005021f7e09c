import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { effect } from '../../../src/analysis/effect';

describe('effect on the answer', () => {
	test('log-odds against the likeliest other token of each distribution, and KL, in nats', () => {
		const logits = (...p: number[]) => Float32Array.from(p, (value) => Math.log(value) + 3);
		const { deltaLogOdds, kl } = effect(logits(0.7, 0.2, 0.1), logits(0.3, 0.2, 0.5));
		assert.ok(Math.abs(deltaLogOdds - (Math.log(0.3 / 0.5) - Math.log(0.7 / 0.2))) < 1e-5, String(deltaLogOdds));
		const expected = 0.7 * Math.log(0.7 / 0.3) + 0.1 * Math.log(0.1 / 0.5);
		assert.ok(Math.abs(kl - expected) < 1e-5, String(kl));
	});

	test('nothing changed is no effect, and nothing finite is none that was measured', () => {
		const clean = Float32Array.of(1, 5, 2);
		assert.deepEqual(effect(clean, clean), { deltaLogOdds: 0, kl: 0 });
		for (const broken of [[NaN, NaN, NaN], [1, NaN, 2], [1, Infinity, 2]]) {
			assert.deepEqual(effect(clean, Float32Array.from(broken)), { deltaLogOdds: NaN, kl: NaN });
			assert.deepEqual(effect(Float32Array.from(broken), clean), { deltaLogOdds: NaN, kl: NaN });
		}
	});

	test('a token that neither distribution allows counts for nothing', () => {
		const barred = Float32Array.of(1, 5, 2, -Infinity);
		assert.deepEqual(effect(barred, barred), { deltaLogOdds: 0, kl: 0 });
	});
});
