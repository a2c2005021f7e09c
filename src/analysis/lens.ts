/** Arithmetic on readouts of a token distribution. Logits and log-probabilities are natural, probabilities 0..1. */

/** Probability of a token from its logit and the log-sum-exp of all logits. */
export function probability(logit: number, lse: number): number {
	return Math.exp(logit - lse);
}

/** Surprisal in bits: 0 for a token that was certain, 1 for a coin toss. */
export function surprisalBits(logprob: number): number {
	return logprob === 0 ? 0 : -logprob / Math.LN2;
}

/** Euclidean norm of `length` values from `start`. */
export function norm(values: Float32Array, start = 0, length = values.length): number {
	let sum = 0;
	for (let i = start; i < start + length; i++) {
		sum += values[i]! * values[i]!;
	}
	return Math.sqrt(sum);
}
