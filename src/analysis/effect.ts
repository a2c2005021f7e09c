/** What a change did to the distribution of the answer's first token. */
export interface Effect {
	/** Of the unchanged run's answer; see `logOdds`. Changed less clean, nats. */
	deltaLogOdds: number;
	/** KL(clean || changed), nats. */
	kl: number;
}

/** `clean`, `changed`: logits over the vocabulary. NaN, not measured, where one is no number or above all numbers. */
export function effect(clean: Float32Array, changed: Float32Array): Effect {
	if (![clean, changed].every((logits) => logits.every((logit) => logit < Infinity))) {
		return { deltaLogOdds: NaN, kl: NaN };
	}
	const answer = clean.indexOf(clean.reduce((a, b) => Math.max(a, b), -Infinity));
	const p = logSoftmax(clean);
	const q = logSoftmax(changed);
	return {
		deltaLogOdds: logOdds(changed, answer) - logOdds(clean, answer),
		kl: Math.max(0, p.reduce((sum, value, id) => (value > -Infinity ? sum + Math.exp(value) * (value - q[id]!) : sum), 0)),
	};
}

/** ln p(answer) less ln p of the likeliest other token, whichever that is in this distribution: below 0 another one is said. */
function logOdds(logits: Float32Array, answer: number): number {
	return logits[answer]! - logits.reduce((most, logit, id) => (id === answer ? most : Math.max(most, logit)), -Infinity);
}

/** Natural logarithms of the probabilities. */
export function logSoftmax(logits: Float32Array): Float64Array {
	const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
	const lse = highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
	return Float64Array.from(logits, (logit) => logit - lse);
}
