/** Values along the step axis in as many bins as can be drawn. */
import type { Series } from '../../shared/panel';

/** Thoughts in a bin, so that there are at most `bins` of them. */
export function binSize(count: number, bins: number): number {
	return Math.max(1, Math.ceil(count / bins));
}

/** `low` and `high`: ends of an interval where values have one. What was not measured is left out; a bin of nothing else is NaN. */
export function binned(values: Float32Array, every: number, low = values, high = values): Series {
	const count = Math.ceil(values.length / every);
	const series = { mean: new Float32Array(count).fill(NaN), low: new Float32Array(count).fill(NaN), high: new Float32Array(count).fill(NaN) };
	for (let bin = 0; bin < count; bin++) {
		let [sum, n, least, most] = [0, 0, Infinity, -Infinity];
		for (let i = bin * every; i < Math.min(values.length, (bin + 1) * every); i++) {
			const value = values[i]!;
			if (Number.isNaN(value)) {
				continue;
			}
			sum += value;
			n++;
			least = Math.min(least, value, ...measured(low[i]!));
			most = Math.max(most, value, ...measured(high[i]!));
		}
		if (n > 0) {
			series.mean[bin] = sum / n;
			series.low[bin] = least;
			series.high[bin] = most;
		}
	}
	return series;
}

function measured(value: number): number[] {
	return Number.isNaN(value) ? [] : [value];
}

export function measuredCount(values: Float32Array): number {
	return values.reduce((count, value) => count + Number(!Number.isNaN(value)), 0);
}
