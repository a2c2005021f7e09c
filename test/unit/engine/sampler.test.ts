import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { draw } from '../../../src/engine/run/sampler';
import { generator } from '../../../src/shared/random';

const take = (next: () => number, count: number) => Array.from({ length: count }, next);

describe('generator', () => {
	test('the same seed and arm give the same numbers, another seed or arm others', () => {
		assert.deepEqual(take(generator(7, 'cot'), 20), take(generator(7, 'cot'), 20));
		assert.notDeepEqual(take(generator(7, 'cot'), 20), take(generator(8, 'cot'), 20));
		assert.notDeepEqual(take(generator(7, 'cot'), 20), take(generator(7, 'direct'), 20));
	});

	test('is uniform on [0, 1): mean and variance within five standard errors', () => {
		const numbers = take(generator(1, 'cot'), 100_000);
		assert.ok(numbers.every((value) => value >= 0 && value < 1));
		const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
		const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
		assert.ok(Math.abs(mean - 0.5) < 5 * Math.sqrt(1 / 12 / numbers.length), String(mean));
		assert.ok(Math.abs(variance - 1 / 12) < 0.002, String(variance));
	});

	test('is xoshiro128**: 32-bit steps match a reference in BigInt arithmetic', () => {
		const mask = 0xffffffffn;
		const rotated = (word: bigint, by: bigint) => ((word << by) | (word >> (32n - by))) & mask;
		const reference = (seed: number) => {
			let mixed = BigInt(seed);
			const state = Array.from({ length: 4 }, () => {
				mixed = (mixed + 0x9e3779b9n) & mask;
				let word = ((mixed ^ (mixed >> 16n)) * 0x21f0aaadn) & mask;
				word = ((word ^ (word >> 15n)) * 0x735a2d97n) & mask;
				return word ^ (word >> 15n);
			});
			return () => {
				const result = (rotated((state[1]! * 5n) & mask, 7n) * 9n) & mask;
				const shifted = (state[1]! << 9n) & mask;
				state[2]! ^= state[0]!;
				state[3]! ^= state[1]!;
				state[1]! ^= state[2]!;
				state[0]! ^= state[3]!;
				state[2]! ^= shifted;
				state[3] = rotated(state[3]!, 11n);
				return Number(result) / 2 ** 32;
			};
		};
		for (const seed of [0, 1, 0xffffffff]) {
			assert.deepEqual(take(generator(seed, ''), 50), take(reference(seed), 50));
		}
	});
});

describe('draw', () => {
	test('follows softmax(logits / temperature)', () => {
		const logits = Float32Array.of(1, 2, 0, -1);
		for (const temperature of [0.5, 1, 2]) {
			const weights = [...logits].map((logit) => Math.exp(logit / temperature));
			const total = weights.reduce((sum, weight) => sum + weight, 0);
			const counts = [0, 0, 0, 0];
			const uniform = generator(3, 'test');
			const n = 20_000;
			for (let i = 0; i < n; i++) {
				counts[draw(logits, temperature, uniform())]!++;
			}
			counts.forEach((count, id) => {
				const p = weights[id]! / total;
				assert.ok(
					Math.abs(count / n - p) < 5 * Math.sqrt((p * (1 - p)) / n),
					`token ${id} at ${temperature}: ${count / n} against ${p}`,
				);
			});
		}
	});

	test('always returns a token, also for extreme logits and temperatures', () => {
		fc.assert(
			fc.property(
				fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 20 }),
				fc.double({ min: 1e-3, max: 100, noNaN: true }),
				fc.double({ min: 0, max: 1 - 2 ** -32, noNaN: true }),
				(logits, temperature, uniform) => {
					const id = draw(Float32Array.from(logits), temperature, uniform);
					assert.ok(Number.isInteger(id) && id >= 0 && id < logits.length);
				},
			),
		);
	});

	test('as the temperature falls the likeliest token wins', () => {
		assert.equal(draw(Float32Array.of(0, 1, 0.9), 0.001, 0.999), 1);
	});
});
