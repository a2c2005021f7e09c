/** Choosing the next token. The generator is xoshiro128** (Blackman and Vigna, 2018), seeded by SplitMix32 from seed and arm. */

const UINT32 = 2 ** 32;

/** Uniform numbers in [0, 1), the same for the same seed and name on every platform. */
export function generator(seed: number, name: string): () => number {
	let mixed = seed >>> 0;
	// FNV-1a of the name, so that an arm's numbers do not depend on which arms ran before it.
	for (const character of name) {
		mixed = Math.imul(mixed ^ character.codePointAt(0)!, 0x01000193);
	}
	const state = Uint32Array.from({ length: 4 }, () => {
		mixed = (mixed + 0x9e3779b9) >>> 0;
		let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
		word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
		return word ^ (word >>> 15);
	});
	return () => {
		const [, s1] = state as unknown as [number, number];
		const result = Math.imul(rotated(Math.imul(s1, 5), 7), 9) >>> 0;
		state[2]! ^= state[0]!;
		state[3]! ^= s1;
		state[1]! ^= state[2]!;
		state[0]! ^= state[3]!;
		state[2]! ^= s1 << 9;
		state[3] = rotated(state[3]!, 11);
		return result / UINT32;
	};
}

function rotated(word: number, by: number): number {
	return (word << by) | (word >>> (32 - by));
}

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
