/** Mixtures of token embeddings: Soft Thinking (arXiv 2505.15778), and its stochastic variants (arXiv 2508.03440). */
import { gaussian } from '../../shared/random';
import type { Source } from './sources';
import { uniformOf } from './step';

/**
 * Embeddings of the `top` likeliest tokens, weighted by p = softmax(logits / temperature) among these. With Gumbel noise the weights
 * are softmax(log p + scale · g), g standard Gumbel (the Gumbel-softmax of temperature τ has temperature τ and scale 1/τ); with
 * Dirichlet noise they are drawn from Dirichlet(concentration · p).
 */
export const mixture: Source<'mixture'> = {
	async vector(model, { top, temperature = 1, gumbel, dirichlet }, { hidden, index, draw }) {
		const { topIds, topLogits } = await model.head.read(hidden, 1, [0], top);
		const uniform = uniformOf(draw, 'mixture', index);
		const logits = Array.from(topLogits, (logit) => logit / temperature + (gumbel ? gumbel.scale * gumbelOf(uniform()) : 0));
		const shares = softmax(logits);
		const weights = dirichlet ? dirichletOf(shares.map((share) => share * dirichlet.concentration), uniform) : shares;
		const embeds = await model.embedder.of([...topIds]);
		const width = hidden.length;
		const mixed = new Float64Array(width);
		weights.forEach((weight, i) => mixed.forEach((_, at) => (mixed[at]! += weight * embeds[i * width + at]!)));
		return { vector: Float32Array.from(mixed) };
	},
	inWords: ({ top, gumbel, dirichlet }) => {
		const drawn = gumbel ? ', with Gumbel noise' : dirichlet ? ', drawn from a Dirichlet distribution' : '';
		return `mixture of the ${top} likeliest tokens' embeddings${drawn}`;
	},
};

function softmax(logits: readonly number[]): number[] {
	const highest = Math.max(...logits);
	const weights = logits.map((logit) => Math.exp(logit - highest));
	const sum = weights.reduce((a, b) => a + b, 0);
	return weights.map((weight) => weight / sum);
}

function gumbelOf(uniform: number): number {
	return -Math.log(-Math.log(Math.max(uniform, Number.MIN_VALUE)));
}

/** Normalised Gamma variables. Where all of them are too small for a number, the first one has it all: tokens come likeliest first. */
function dirichletOf(alphas: readonly number[], uniform: () => number): number[] {
	const drawn = alphas.map((alpha) => logGammaOf(alpha, uniform));
	return drawn.some(Number.isFinite) ? softmax(drawn) : drawn.map((_, i) => Number(i === 0));
}

/** Logarithm of a Gamma(alpha, 1) variable (Marsaglia and Tsang, 2000); below 1 by G(α) = G(α + 1) · U^(1/α). */
function logGammaOf(alpha: number, uniform: () => number): number {
	if (alpha < 1) {
		return logGammaOf(alpha + 1, uniform) + Math.log(1 - uniform()) / Math.max(alpha, Number.MIN_VALUE);
	}
	const d = alpha - 1 / 3;
	const c = 1 / Math.sqrt(9 * d);
	for (;;) {
		const x = gaussian(uniform);
		const v = (1 + c * x) ** 3;
		if (v > 0 && Math.log(1 - uniform()) < 0.5 * x * x + d - d * v + d * Math.log(v)) {
			return Math.log(d * v);
		}
	}
}
