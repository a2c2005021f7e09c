/** Chooses the L2 penalty of a probe: a path over a grid, judged on groups that were left out of the fit. */
import { constant, fitLogistic, logit, logLoss, type Design, type Logistic } from './logistic';

/**
 * From so strong that little but the class means is left, to so weak that a hundred examples are separated. Strong first: each fit
 * begins where the one before it ended.
 */
export const PENALTIES: readonly number[] = [100, 30, 10, 3, 1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001];
/** Parts of the training groups, each left out once. */
export const FOLDS = 4;

/** Gradient's norm of the fits that are only compared: their losses are right to about its square. */
const PATH_GRADIENT = 1e-4;

/** One class's examples: `labels` (0 or 1) by row of the design, and the rows that have one. */
export interface Target {
	labels: ArrayLike<number>;
	members: readonly number[];
}

/** Penalties after the best one that may be worse before the path ends: weaker ones take longest and only fit noise. */
const PATIENCE = 2;

/** Classes share a penalty. */
export interface Choice {
	penalty: number;
	/** Mean log loss of the examples that were left out, in nats: of the penalties that were tried, in the grid's order. */
	losses: number[];
}

/** `foldOf`: the part of a row's group. A tie goes to the stronger penalty. */
export function* choosePenalty(
	design: Design,
	targets: readonly Target[],
	foldOf: (row: number) => number,
	penalties: readonly number[] = PENALTIES,
): Generator<void, Choice> {
	const parts = Array.from({ length: FOLDS }, (_, fold) =>
		targets.map(({ labels, members }) => ({
			labels,
			members: members.filter((row) => foldOf(row) !== fold),
			left: members.filter((row) => foldOf(row) === fold),
			fit: undefined as Logistic | undefined,
		})),
	).flat();
	const count = parts.reduce((sum, { left }) => sum + left.length, 0);
	const losses: number[] = [];
	let best = 0;
	for (const penalty of penalties) {
		let loss = 0;
		for (const part of parts) {
			const fit: Logistic = yield* fitAny(design, part, penalty, part.fit, PATH_GRADIENT);
			part.fit = fit;
			loss += part.left.reduce((sum, row) => sum + logLoss(logit(design, row, fit), part.labels[row]!), 0);
		}
		losses.push(loss / count);
		if (losses.at(-1)! < losses[best]!) {
			best = losses.length - 1;
		} else if (losses.length - 1 - best >= PATIENCE) {
			break;
		}
	}
	return { penalty: penalties[best]!, losses };
}

/** The fit, or where only one label occurs the constant one. */
export function* fitAny(
	design: Design,
	{ labels, members }: Target,
	penalty: number,
	start?: Logistic,
	tolerance?: number,
): Generator<void, Logistic> {
	const positives = members.reduce((sum, row) => sum + labels[row]!, 0);
	return positives === 0 || positives === members.length
		? constant(design.width, positives, members.length)
		: yield* fitLogistic(design, labels, members, penalty, start, tolerance);
}
