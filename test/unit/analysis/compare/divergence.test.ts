/** What two lists of likeliest tokens say about KL(P || Q): held against whole distributions, which nobody cut. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { divergence, type TopTokens } from '../../../../src/analysis/compare/divergence';
import { generator } from '../../../../src/shared/random';

type Distribution = readonly number[];

const uniform = generator(7, 'divergence');

/** Peaked by `sharpness`, as distributions of a model are. */
function random(size: number, sharpness: number): Distribution {
	const weights = Array.from({ length: size }, () => Math.exp(sharpness * (uniform() - 0.5)));
	const sum = weights.reduce((total, weight) => total + weight, 0);
	return weights.map((weight) => weight / sum);
}

function top(distribution: Distribution, count: number): TopTokens {
	const tokens = distribution.map((_, token) => token).sort((a, b) => distribution[b]! - distribution[a]!).slice(0, count);
	return { tokens, logprobs: tokens.map((token) => Math.log(distribution[token]!)) };
}

const kl = (p: Distribution, q: Distribution) => p.reduce((sum, value, i) => sum + value * Math.log(value / q[i]!), 0);

describe('divergence', () => {
	test('with the whole vocabulary it is KL, and says so', () => {
		for (let i = 0; i < 200; i++) {
			const [p, q] = [random(12, 8), random(12, 8)];
			const found = divergence(top(p, 12), top(q, 12), 12);
			assert.ok(found.exact);
			assert.ok(Math.abs(found.atLeast - kl(p, q)) < 1e-9, `${found.atLeast} is not ${kl(p, q)}`);
		}
	});

	test('of cut lists it is never more than KL', () => {
		for (let i = 0; i < 20_000; i++) {
			const size = 4 + Math.floor(uniform() * 40);
			const [p, q] = [random(size, 24 * uniform()), random(size, 24 * uniform())];
			const found = divergence(top(p, 1 + Math.floor(uniform() * (size - 1))), top(q, 1 + Math.floor(uniform() * (size - 1))), size);
			// Rounding may make a bound that is reached a hair larger.
			assert.ok(found.atLeast <= kl(p, q) + 1e-9, `${found.atLeast} is more than ${kl(p, q)}`);
		}
	});

	/** Of all ways to fill in what is not known, on a grid: the smallest is what the bound says. */
	test('it is the smallest that the lists allow', () => {
		const [p, q] = [{ tokens: ['x'], logprobs: [Math.log(0.6)] }, { tokens: ['y'], logprobs: [Math.log(0.5)] }];
		let least = Infinity;
		for (let x = 0.001; x < 0.5; x += 0.001) {
			for (let y = 0.001; y < 0.4; y += 0.001) {
				least = Math.min(least, 0.6 * Math.log(0.6 / x) + y * Math.log(y / 0.5) + (0.4 - y) * Math.log((0.4 - y) / (0.5 - x)));
			}
		}
		assert.ok(Math.abs(divergence(p, q).atLeast - least) < 1e-3, `${divergence(p, q).atLeast} is not ${least}`);
	});

	test('a token that is not listed is no likelier than the last that is', () => {
		const cut = (list: readonly [number, number][]): TopTokens => ({ tokens: list.map(([token]) => token), logprobs: list.map(([, value]) => Math.log(value)) });
		const p = cut([[1, 0.9]]);
		const free = divergence(p, cut([[2, 0.5]])).atLeast;
		const held = divergence(p, cut([[2, 0.5], [3, 0.01]])).atLeast;
		assert.ok(held > 0.9 * Math.log(0.9 / 0.01) - 0.4 && free < held, `${free} and ${held}`);
	});

	test('a distribution and itself: 0, and two that share nothing: finite, because float32 cannot tell a small rest from none', () => {
		const p = top(random(300, 20), 10);
		assert.equal(divergence(p, p, 300).atLeast, 0);
		const certain = (token: number): TopTokens => ({ tokens: [token], logprobs: [0] });
		const apart = divergence(certain(1), certain(2)).atLeast;
		assert.ok(apart > 10 && Number.isFinite(apart), String(apart));
	});
});
