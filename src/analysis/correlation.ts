/** Rank correlation of pairs that come in groups, with an interval that respects the groups. */
import { generator } from '../shared/random';
import type { Estimate } from '../trace/evidence';
import { quantile } from './statistics';

export interface Pair {
	x: number;
	y: number;
}

/** As many as of the other bootstraps. */
const RESAMPLES = 1_000;

/** Spearman's rank correlation, ties by their mean rank; NaN where either side does not vary. */
export function spearman(pairs: readonly Pair[]): number {
	const x = ranks(pairs.map((pair) => pair.x));
	const y = ranks(pairs.map((pair) => pair.y));
	const mean = (pairs.length + 1) / 2;
	let xy = 0;
	let xx = 0;
	let yy = 0;
	for (let i = 0; i < pairs.length; i++) {
		const [dx, dy] = [x[i]! - mean, y[i]! - mean];
		xy += dx * dy;
		xx += dx * dx;
		yy += dy * dy;
	}
	return xx === 0 || yy === 0 ? NaN : xy / Math.sqrt(xx * yy);
}

/** From 1; equal values share the mean of their ranks. */
function ranks(values: readonly number[]): Float64Array {
	const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
	const out = new Float64Array(values.length);
	for (let start = 0; start < order.length; ) {
		let end = start + 1;
		while (end < order.length && values[order[end]!] === values[order[start]!]) {
			end++;
		}
		for (let i = start; i < end; i++) {
			out[order[i]!] = (start + end + 1) / 2;
		}
		start = end;
	}
	return out;
}

/**
 * Spearman's correlation over all pairs of all groups, with a 95 % percentile bootstrap over whole groups: pairs of one prompt are not
 * independent of each other. `n` counts the groups. The same for the same seed.
 */
export function groupedSpearman(groups: readonly (readonly Pair[])[], seed = 0): Estimate {
	const filled = groups.filter((group) => group.length > 0);
	const n = filled.length;
	const value = spearman(filled.flat());
	if (n < 2) {
		return { value, ci: [NaN, NaN], n };
	}
	const uniform = generator(seed, 'rank correlation');
	const values = Float64Array.from({ length: RESAMPLES }, () => spearman(filled.flatMap(() => filled[Math.floor(uniform() * n)]!)))
		// A resample without variation has no correlation.
		.filter((one) => !Number.isNaN(one))
		.sort();
	return { value, ci: values.length === 0 ? [NaN, NaN] : [quantile(values, 0.025), quantile(values, 0.975)], n };
}
