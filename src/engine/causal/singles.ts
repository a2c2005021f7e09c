/** How many thoughts of a run are changed one by one: planned from the cost model before the start, so that every machine does the same. */
import { fedPositions, rowsThatFit } from '../../analysis/batches';
import { planVariants, type CausalTest, type CleanRun } from '../../analysis/causal';
import { ALL_SINGLES, SIZES, spreadThoughts } from '../../analysis/singles';
import type { Model } from '../model/model';

/** Seconds of the cost model for the tests of one prompt, which are about a tenth as long on a core of today. */
const BUDGET = 600;

/** Ascending, for `planVariants`. */
export function singlesOf(model: Model, run: CleanRun, tests: readonly CausalTest[], draws?: number): number[] {
	const count = run.steps.filter(({ kind }) => kind === 'latent').length;
	const chosen = (most: number) => spreadThoughts(count, most, run.trainedLatents);
	const sizes = count <= ALL_SINGLES ? [count, ...SIZES] : SIZES;
	const affordable = sizes.find((most) => {
		const variants = planVariants(run, tests, 'each', draws, chosen(most));
		return variants.reduce((sum, { feeds }) => sum + fedPositions(feeds), 0) * positionSeconds(model) <= BUDGET;
	});
	return chosen(affordable ?? SIZES.at(-1)!);
}

/** Thoughts that are changed one by one on every reference prompt: of many, one of the smaller choices. */
export function cohortSingles(count: number): number[] {
	return spreadThoughts(count, count <= ALL_SINGLES ? count : SIZES[1]);
}

/** Of one more position of a row in a batch. */
function positionSeconds({ cost, manifest, positionBytes, rows }: Model): number {
	const { context } = manifest.shape;
	const size = rowsThatFit(positionBytes, context, rows);
	return cost.seconds(size, context, false) / size;
}
