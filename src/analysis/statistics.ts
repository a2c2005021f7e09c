/** Two-sided 95 % of the standard normal distribution. */
const Z_95 = 1.96;

/**
 * Wilson's score interval of a proportion, [low, high] in 0..1. It stays inside 0..1 and is sound at 0 and n, unlike the normal
 * one.
 */
export function wilson(correct: number, n: number, z = Z_95): [number, number] {
	if (n === 0) {
		return [0, 1];
	}
	const p = correct / n;
	const z2 = z * z;
	const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
	const half = (z / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
	return [Math.max(0, centre - half), Math.min(1, centre + half)];
}
