/** Arithmetic on all logits of a distribution. */

/** KL(p ‖ q), in nats. */
export function divergence(p: Float32Array, q: Float32Array): number {
	const [sumP, sumQ] = [logSumExp(p), logSumExp(q)];
	return p.reduce((sum, logit, i) => sum + Math.exp(logit - sumP) * (logit - sumP - (q[i]! - sumQ)), 0);
}

/** In nats. */
export function entropyOf(logits: Float32Array): number {
	const total = logSumExp(logits);
	return logits.reduce((sum, logit) => sum + Math.exp(logit - total) * (total - logit), 0);
}

export function logSumExp(logits: Float32Array): number {
	const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
	return highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
}
