import { generator } from '../shared/random';
import type { Estimate } from '../trace/evidence';

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

/** A share with Wilson's interval. */
export function share(count: number, n: number): Estimate {
	return { value: n === 0 ? NaN : count / n, ci: wilson(count, n), n };
}

/** Problems that two arms were run on, by which of them was right. */
export interface Paired {
	both: number;
	onlyA: number;
	onlyB: number;
	neither: number;
}

/**
 * Accuracy of A less that of B on the same problems, with its 95 % interval: the hybrid score method for paired proportions
 * (Newcombe, Statistics in Medicine 17, 1998, 2635-2650, method 10). Unlike a bootstrap it is no point where the arms never differ.
 */
export function pairedDifference({ both, onlyA, onlyB, neither }: Paired): Estimate {
	const n = both + onlyA + onlyB + neither;
	if (n === 0) {
		return { value: NaN, ci: [-1, 1], n };
	}
	const [rightA, rightB] = [both + onlyA, both + onlyB];
	const [a, b] = [rightA / n, rightB / n];
	const [lowA, highA] = wilson(rightA, n);
	const [lowB, highB] = wilson(rightB, n);
	const margins = rightA * (n - rightA) * rightB * (n - rightB);
	const product = both * neither - onlyA * onlyB;
	// A positive association is taken with a correction for continuity, so that the interval is not too short.
	const correlation = margins === 0 ? 0 : (product > 0 ? Math.max(product - n / 2, 0) : product) / Math.sqrt(margins);
	const half = (one: number, other: number) => Math.sqrt(Math.max(0, one ** 2 - 2 * correlation * one * other + other ** 2));
	return { value: a - b, ci: [Math.max(-1, a - b - half(a - lowA, highB - b)), Math.min(1, a - b + half(highA - a, b - lowB))], n };
}

/** Resamples of a bootstrap: the bounds of an interval move by less than a tenth of its width. */
const RESAMPLES = 1_000;

/** Percentile bootstrap of the mean, 95 %, over values that are independent of each other (Efron, 1979). The same for the same seed. */
export function bootstrapMean(values: readonly number[], seed = 0): Estimate {
	const n = values.length;
	const mean = values.reduce((sum, value) => sum + value, 0) / n;
	if (n < 2) {
		return { value: mean, ci: [NaN, NaN], n };
	}
	const uniform = generator(seed, 'bootstrap');
	const means = Float64Array.from({ length: RESAMPLES }, () => {
		let sum = 0;
		for (let i = 0; i < n; i++) {
			sum += values[Math.floor(uniform() * n)]!;
		}
		return sum / n;
	}).sort();
	return { value: mean, ci: [quantile(means, 0.025), quantile(means, 0.975)], n };
}

/** Of ascending values, linear between neighbours. */
export function quantile(ascending: Float64Array, at: number): number {
	const place = at * (ascending.length - 1);
	const low = Math.floor(place);
	const high = Math.ceil(place);
	return ascending[low]! + (ascending[high]! - ascending[low]!) * (place - low);
}

/**
 * McNemar's exact test of two arms on the same problems: two-sided p of `onlyFirst` and `onlySecond` right answers under a fair
 * coin. 1 where the arms never differ.
 */
export function mcnemar(onlyFirst: number, onlySecond: number): number {
	const n = onlyFirst + onlySecond;
	let term = -n * Math.LN2;
	let tail = 0;
	for (let k = 0; k <= Math.min(onlyFirst, onlySecond); k++) {
		tail += Math.exp(term);
		term += Math.log((n - k) / (k + 1));
	}
	return Math.min(1, 2 * tail);
}
