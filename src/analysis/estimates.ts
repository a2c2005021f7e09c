/** Estimates and percentiles in words. */
import { decimals } from '../shared/decimals';
import type { Estimate } from '../trace/evidence';

/** `0.01 [0.00, 0.02]` */
export function withInterval({ value, ci: [low, high] }: Estimate, digits = 2): string {
	return `${decimals(value, digits)} [${decimals(low, digits)}, ${decimals(high, digits)}]`;
}

/** A share with its interval, in percent: `12 % [9, 16]` */
export function percent({ value, ci: [low, high] }: Estimate): string {
	const [share, from, to] = [value, low, high].map((one) => decimals(100 * one, 0));
	return `${share} % [${from}, ${to}]`;
}

/** `93rd`; one that is not at an end of the scale is not rounded to it: `>99th`. */
export function ordinal(percentile: number): string {
	if (Number.isNaN(percentile)) {
		return decimals(percentile);
	}
	const rounded = Math.round(percentile);
	if (rounded === 100 && percentile < 100) {
		return '>99th';
	}
	return rounded === 0 && percentile > 0 ? '<1st' : `${rounded}${suffix(rounded)}`;
}

function suffix(n: number): string {
	const teens = n % 100 >= 11 && n % 100 <= 13;
	return (teens ? undefined : ['th', 'st', 'nd', 'rd'][n % 10]) ?? 'th';
}
