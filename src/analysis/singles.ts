/** Which thoughts are changed one by one: all where they are few, else some that are evenly spread. */

/**
 * Thoughts that are changed one by one at most: points enough to show where along the thoughts the answer hangs on them. Each costs a
 * run of all later thoughts under every test, so that all of 128 would cost eight times as much and take minutes.
 */
export const MAX_SINGLES = 16;
/** Thoughts up to which all are changed, where that can be afforded: gaps of less than two are not worth it. */
export const ALL_SINGLES = 2 * MAX_SINGLES;
/** Fewer where those cost too much. The distances between them divide 15 equal parts, so that the few are among the many. */
export const SIZES = [MAX_SINGLES, 6, 4] as const;

/** Ascending: `most` of `count` thoughts at equal distances, the first and the last among them, and the last one of `trained`. */
export function spreadThoughts(count: number, most: number, trained = count): number[] {
	if (count <= most) {
		return Array.from({ length: count }, (_, i) => i);
	}
	const even = Array.from({ length: most }, (_, i) => Math.round((i * (count - 1)) / (most - 1)));
	return [...new Set([...even, Math.max(1, Math.min(trained, count)) - 1])].sort((a, b) => a - b);
}
