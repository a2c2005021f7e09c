/** Which thoughts are changed one by one: all where they are few, else some that are evenly spread. */

/**
 * Of many thoughts so many are changed one by one: points enough to show where along the thoughts the answer hangs on them. Each costs
 * a run of all later thoughts under every test, a second or two where there are 128.
 */
const MANY = 9;
/** Fewer where those cost too much. Their distances are multiples of each other's, so that the few are among the many. */
export const SIZES = [MANY, 5, 3] as const;
/** Thoughts up to which all are changed, where that can be afforded: with more, every other one at least would be passed over. */
export const ALL_SINGLES = 2 * MANY;

/** Ascending: `most` of `count` thoughts at equal distances, the first and the last among them, and the last one of `trained`. */
export function spreadThoughts(count: number, most: number, trained = count): number[] {
	if (count <= most) {
		return Array.from({ length: count }, (_, i) => i);
	}
	const even = Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
	return [...new Set([...even, Math.max(1, Math.min(trained, count)) - 1])].sort((a, b) => a - b);
}
