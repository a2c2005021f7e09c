/** Chooses the L2 penalty of a probe: a path over a grid, judged on groups that were left out of the fit. */
import { constant, fitLogistic, logit, logLoss, type Design, type Logistic } from './logistic';

/**
 * From so strong that little but the class means is left, to so weak that a hundred examples are separated. Strong first: each fit
 * begins where the one before it ended.
 */
export const PENALTIES: readonly number[] = [10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001];
/** Parts of the training groups, each left out once. */
export const FOLDS = 4;

/** One class's examples: `labels` (0 or 1) by row of the design, and the rows that have one. */
export interface Target {
	labels: ArrayLike<number>;
	members: readonly number[];
}

/** Classes share a penalty. */
export interface Choice {
	penalty: number;
	/** Mean log loss of the examples that were left out, by penalty of the grid; nats. */
	losses: number[];
}

/** `foldOf`: the part of a row's group. A tie goes to the stronger penalty. */
export function* choosePenalty(
	design: Design,
	targets: readonly Target[],
	foldOf: (row: number) => number,
	penalties: readonly number[] = PENALTIES,
): Generator<void, Choice> {
	const losses = penalties.map(() => 0);
	let count = 0;
	for (let fold = 0; fold < FOLDS; fold++) {
		for (const { labels, members } of targets) {
			const kept = members.filter((row) => foldOf(row) !== fold);
			const left = members.filter((row) => foldOf(row) === fold);
			count += left.length;
			let fit: Logistic | undefined;
			for (const [i, penalty] of penalties.entries()) {
				fit = yield* fitAny(design, { labels, members: kept }, penalty, fit);
				losses[i]! += left.reduce((sum, row) => sum + logLoss(logit(design, row, fit!), labels[row]!), 0);
			}
		}
	}
	const best = losses.reduce((found, loss, i) => (loss < losses[found]! ? i : found), 0);
	return { penalty: penalties[best]!, losses: losses.map((loss) => loss / count) };
}

/** The fit, or where only one label occurs the constant one. */
export function* fitAny(design: Design, { labels, members }: Target, penalty: number, start?: Logistic): Generator<void, Logistic> {
	const positives = members.reduce((sum, row) => sum + labels[row]!, 0);
	return positives === 0 || positives === members.length
		? constant(design.width, positives, members.length)
		: yield* fitLogistic(design, labels, members, penalty, start);
}
