/** What a change did to the distribution of the answer's first token. */
export interface Effect {
	/** Of the unchanged run's answer; see `logOdds`. Changed less clean, nats. */
	deltaLogOdds: number;
	/** KL(clean || changed), nats. */
	kl: number;
}

/** `clean`, `changed`: logits over the vocabulary. NaN, not measured, where one is no number or above all numbers. */
export function effect(clean: Float32Array, changed: Float32Array): Effect {
	const answer = likeliest(clean);
	if (!isMeasured(clean) || !isMeasured(changed)) {
		return { deltaLogOdds: NaN, kl: NaN };
	}
	const p = logSoftmax(clean);
	const q = logSoftmax(changed);
	return { deltaLogOdds: logOdds(changed, answer) - logOdds(clean, answer), kl: divergence(p, q) };
}

function isMeasured(logits: Float32Array): boolean {
	return logits.every((logit) => logit < Infinity);
}

/** KL(p || q) of two distributions by their natural logarithms, nats; rounding may not make it negative. What p never gives counts nothing. */
export function divergence(p: Float64Array, q: Float64Array): number {
	let kl = 0;
	for (let id = 0; id < p.length; id++) {
		kl += p[id]! > -Infinity ? Math.exp(p[id]!) * (p[id]! - q[id]!) : 0;
	}
	return Math.max(0, kl);
}

/** ln p(answer) less ln p of the likeliest other token, whichever that is in this distribution: below 0 another one is said. */
function logOdds(logits: Float32Array, answer: number): number {
	return logits[answer]! - logits[likeliest(logits, answer)]!;
}

/** The token with the highest logit but for `except`. */
function likeliest(logits: Float32Array, except = -1): number {
	let best = except === 0 ? 1 : 0;
	for (let id = 0; id < logits.length; id++) {
		best = id !== except && logits[id]! > logits[best]! ? id : best;
	}
	return best;
}

/** Natural logarithms of the probabilities. */
export function logSoftmax(logits: Float32Array): Float64Array {
	const highest = logits[likeliest(logits)]!;
	let sum = 0;
	for (let id = 0; id < logits.length; id++) {
		sum += Math.exp(logits[id]! - highest);
	}
	const lse = highest + Math.log(sum);
	return Float64Array.from(logits, (logit) => logit - lse);
}
