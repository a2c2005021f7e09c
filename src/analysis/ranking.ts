/** How well scores rank positives above negatives, with intervals by resampling the groups that examples come in. */
import { generator } from '../shared/random';
import { quantile } from './statistics';

/** Share of negatives that a threshold may let through: what a monitor that is looked at by people can afford. */
export const FALSE_POSITIVES = 0.01;
/** The bounds of an interval move by less than a tenth of its width. */
const RESAMPLES = 1_000;

/** One scored example. */
export interface Scored {
	score: number;
	positive: boolean;
	/** Index of its group, from 0. */
	group: number;
}

/** Examples in order of their scores; every figure may be asked for with each group counted several times, or not at all. */
export class Ranking {
	/** Descending. */
	private readonly sorted: readonly Scored[];

	constructor(examples: readonly Scored[]) {
		this.sorted = [...examples].sort((a, b) => b.score - a.score);
	}

	/**
	 * Area under the ROC curve: the share of pairs of a positive and a negative that are ranked right, ties counting half
	 * (Mann–Whitney). NaN without both. `times`: how often each group counts; once where absent.
	 */
	auroc(times?: ArrayLike<number>): number {
		let [positives, negatives, right] = [0, 0, 0];
		this.blocks(times, (inBlock, outBlock) => {
			right += outBlock * (positives + inBlock / 2);
			positives += inBlock;
			negatives += outBlock;
		});
		return positives * negatives === 0 ? NaN : right / (positives * negatives);
	}

	/** Highest share of positives at or above a threshold that at most `FALSE_POSITIVES` of the negatives reach. NaN without both. */
	recall(times?: ArrayLike<number>): number {
		const total = this.totals(times);
		if (total.positives * total.negatives === 0) {
			return NaN;
		}
		let [positives, negatives, best] = [0, 0, 0];
		this.blocks(times, (inBlock, outBlock) => {
			positives += inBlock;
			negatives += outBlock;
			if (negatives <= FALSE_POSITIVES * total.negatives) {
				best = positives;
			}
		});
		return best / total.positives;
	}

	private totals(times?: ArrayLike<number>): { positives: number; negatives: number } {
		const total = { positives: 0, negatives: 0 };
		for (const { positive, group } of this.sorted) {
			total[positive ? 'positives' : 'negatives'] += times ? times[group]! : 1;
		}
		return total;
	}

	/** Calls `visit` with the positives and negatives of each score, highest first. */
	private blocks(times: ArrayLike<number> | undefined, visit: (positives: number, negatives: number) => void): void {
		const { sorted } = this;
		for (let at = 0; at < sorted.length;) {
			const { score } = sorted[at]!;
			let [positives, negatives] = [0, 0];
			for (; at < sorted.length && sorted[at]!.score === score; at++) {
				const { positive, group } = sorted[at]!;
				const weight = times ? times[group]! : 1;
				positives += positive ? weight : 0;
				negatives += positive ? 0 : weight;
			}
			visit(positives, negatives);
		}
	}
}

/**
 * Percentile bootstrap over groups, 95 %, of several statistics on the same resamples. Resamples on which a statistic is NaN (only
 * positives, say) are left out of its interval. The same for the same seed and name.
 */
export function bootstrap<Name extends string>(
	groups: number,
	statistics: (times: Float64Array) => Record<Name, number>,
	seed: number,
	name: string,
): Record<Name, [number, number]> {
	const uniform = generator(seed, `bootstrap ${name}`);
	const drawn = new Map<Name, number[]>();
	const times = new Float64Array(groups);
	for (let i = 0; i < RESAMPLES; i++) {
		times.fill(0);
		for (let k = 0; k < groups; k++) {
			times[Math.floor(uniform() * groups)]! += 1;
		}
		for (const [key, value] of Object.entries(statistics(times)) as [Name, number][]) {
			const values = drawn.get(key) ?? [];
			drawn.set(key, values);
			if (!Number.isNaN(value)) {
				values.push(value);
			}
		}
	}
	const interval = (values: number[]): [number, number] => {
		const ascending = Float64Array.from(values).sort();
		return values.length === 0 ? [NaN, NaN] : [quantile(ascending, 0.025), quantile(ascending, 0.975)];
	};
	return Object.fromEntries([...drawn].map(([key, values]) => [key, interval(values)])) as Record<Name, [number, number]>;
}
