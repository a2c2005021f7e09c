/** Whether scores in 0..1 can be read as probabilities. */

/** Fewer where there are fewer than five examples for each. */
const BINS = 10;
const MIN_IN_BIN = 5;

/** Examples of neighbouring scores: their mean score, and the share of positives among them. */
export interface Bin {
	score: number;
	positives: number;
	n: number;
}

/** The reliability curve: bins of as equal a number of examples as can be, by ascending score. */
export function reliability(scores: ArrayLike<number>, labels: ArrayLike<number>): Bin[] {
	const n = scores.length;
	const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
	const bins = Math.max(1, Math.min(BINS, Math.floor(n / MIN_IN_BIN)));
	return Array.from({ length: bins }, (_, bin) => {
		const members = order.slice(Math.floor((bin * n) / bins), Math.floor(((bin + 1) * n) / bins));
		const mean = (values: ArrayLike<number>) => members.reduce((sum, i) => sum + values[i]!, 0) / members.length;
		return { score: mean(scores), positives: mean(labels), n: members.length };
	});
}

/**
 * Expected calibration error: mean distance of a bin's share of positives from its mean score, bins weighted by their examples
 * (Naeini, Cooper and Hauskrecht, 2015; equal-mass bins as Nguyen and O'Connor, 2015). 0 is calibrated. It is biased upwards where bins are small.
 */
export function calibrationError(bins: readonly Bin[]): number {
	const n = bins.reduce((sum, bin) => sum + bin.n, 0);
	return bins.reduce((sum, bin) => sum + (bin.n / n) * Math.abs(bin.positives - bin.score), 0);
}
