/** Choosing the next token. */

/** Draws from softmax(logits / temperature), `temperature` > 0, by the inverse of its distribution in order of id. */
export function draw(logits: Float32Array, temperature: number, uniform: number): number {
	let highest = -Infinity;
	for (const logit of logits) {
		highest = Math.max(highest, logit);
	}
	const weights = Float64Array.from(logits, (logit) => Math.exp((logit - highest) / temperature));
	let left = uniform * weights.reduce((sum, weight) => sum + weight, 0);
	for (let id = 0; id < weights.length; id++) {
		left -= weights[id]!;
		if (left < 0) {
			return id;
		}
	}
	// Rounding left a rest: the last token that can be drawn at all.
	return weights.findLastIndex((weight) => weight > 0);
}
