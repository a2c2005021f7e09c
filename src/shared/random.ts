/** Seeded random numbers: xoshiro128** (Blackman and Vigna, 2018), seeded by SplitMix32 from a seed and a name. */

const UINT32 = 2 ** 32;

/** Uniform numbers in [0, 1), the same for the same seed and name on every platform. */
export function generator(seed: number, name: string): () => number {
	let mixed = seed >>> 0;
	// FNV-1a of the name, so that one user's numbers do not depend on who drew before it.
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

/** Standard normal, by Box and Muller. */
export function gaussian(uniform: () => number): number {
	return Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
