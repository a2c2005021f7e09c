/** Deals groups of examples into parts, so that no group is on both sides of a split. */
import { generator } from '../shared/random';

/**
 * The part (0 to `parts` − 1) of each group. Groups are shuffled, then dealt in turn within their stratum, so that every part gets its
 * share of each. The same for the same seed and name.
 */
export function dealGroups(
	groups: Iterable<number>,
	stratum: (group: number) => number,
	parts: number,
	seed: number,
	name: string,
): Map<number, number> {
	const shuffled = permutation([...groups], generator(seed, `split ${name}`)).sort((a, b) => stratum(a) - stratum(b));
	return new Map(shuffled.map((group, i) => [group, i % parts]));
}

/** By Fisher and Yates; a copy. */
export function permutation<T>(items: readonly T[], uniform: () => number): T[] {
	const out = [...items];
	for (let i = out.length - 1; i > 0; i--) {
		const other = Math.floor(uniform() * (i + 1));
		[out[i], out[other]] = [out[other]!, out[i]!];
	}
	return out;
}
