import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { agreement, goldOf, readAnswer } from '../../../src/analysis/answers';
import { norm, probability, surprisalBits } from '../../../src/analysis/lens';
import { nearestByCosine } from '../../../src/analysis/neighbours';
import fc from 'fast-check';

const PATTERN = /is an? (.+?)\.?$/;

describe('answers', () => {
	test('by the pattern, or the trimmed text', () => {
		assert.equal(readAnswer(' is a jelpus.', PATTERN), 'jelpus');
		assert.equal(readAnswer('Tom is a lempus.\n', PATTERN), 'lempus');
		assert.equal(readAnswer(' 42 '), '42');
		assert.equal(readAnswer('no idea', PATTERN), undefined);
		assert.equal(readAnswer(' '), undefined);
		assert.equal(readAnswer('', PATTERN), undefined);
	});

	test('against the gold answer as the data write it', () => {
		assert.equal(goldOf('Tom is a lempus.', PATTERN), 'lempus');
		assert.equal(goldOf('', PATTERN), '');
		assert.equal(goldOf(' 42'), '42');
		assert.equal(goldOf('lempus', PATTERN), 'lempus');
	});

	test('agreement needs two answers', () => {
		const of = (...answers: (string | undefined)[]) => agreement(new Map(answers.map((answer, i) => [String(i), answer])));
		assert.deepEqual(
			[of(), of('a'), of('a', undefined), of('a', 'a', undefined), of('a', 'b')],
			[undefined, undefined, undefined, true, false],
		);
	});
});

describe('lens arithmetic', () => {
	test('probability, surprisal, norm', () => {
		const logits = [1, 2, 3];
		const lse = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
		assert.ok(Math.abs(logits.reduce((sum, logit) => sum + probability(logit, lse), 0) - 1) < 1e-12);
		assert.equal(surprisalBits(Math.log(0.125)), 3);
		assert.ok(Object.is(surprisalBits(0), 0));
		assert.equal(norm(Float32Array.of(3, 4)), 5);
	});
});

describe('neighbours', () => {
	test('the same as sorting everything', () => {
		const vector = fc.float32Array({ minLength: 3, maxLength: 3, min: -10, max: 10, noNaN: true });
		fc.assert(
			fc.property(vector, fc.array(vector, { maxLength: 30 }), fc.nat(8), (query, rows, k) => {
				const cosine = (a: Float32Array, b: Float32Array) => {
					const length = norm(a) * norm(b);
					return length > 0 ? a.reduce((sum, value, i) => sum + value * b[i]!, 0) / length : 0;
				};
				const sorted = rows
					.map((row) => cosine(query, row))
					.sort((a, b) => b - a)
					.slice(0, k);
				const found = nearestByCosine(query, Float32Array.from(rows.flatMap((row) => [...row])), 3, k);
				assert.equal(found.length, sorted.length);
				for (const [i, { id, cosine: value }] of found.entries()) {
					assert.ok(Math.abs(value - sorted[i]!) < 1e-6);
					assert.ok(Math.abs(value - cosine(query, rows[id]!)) < 1e-6);
				}
				assert.equal(new Set(found.map(({ id }) => id)).size, found.length);
			}),
		);
	});

	test('lower ids first among equals', () => {
		assert.deepEqual(
			nearestByCosine(Float32Array.of(1, 0), Float32Array.of(0, 1, 1, 0, 2, 0, 3, 0), 2, 2).map(({ id }) => id),
			[1, 2],
		);
	});
});
