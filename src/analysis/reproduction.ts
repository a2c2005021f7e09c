/** Published figures beside measured ones. A figure of another model is printed and not judged. Pure: from a result to lines. */
import type { Evaluation, Interval } from './evaluation/result';
import { bounds, decimal, percent, percentBounds, points, pValue } from './report/format';
import {
	INVARIANT_TOLERANCE,
	ORDERS,
	PROSQA,
	PUBLISHED_DATA,
	type Check,
	type PublishedAccuracy,
	type PublishedOrder,
	type Verdict,
} from './presets';
import { bootstrapMean } from './statistics';

/** Mean AUROC of fits to shuffled labels may lie so far from chance: two of a hundred pairs. */
const SHUFFLED_TOLERANCE = 0.02;

/** What the checks of some presets gave on one model. */
export interface Reproduction {
	model: { id: string; sha256: string };
	data: { name: string; sha256: string; n: number };
	checks: Check[];
	/** What the accuracies were counted from. */
	evaluation?: Evaluation;
}

/** Accuracies and their order. `evaluation` has a twin where the model has one. */
export function accuracyChecks(evaluation: Evaluation): Check[] {
	return [...PROSQA.flatMap((one) => accuracyCheck(one, evaluation)), ...ORDERS.flatMap((one) => orderCheck(one, evaluation))];
}

function accuracyCheck(published: PublishedAccuracy, evaluation: Evaluation): Check {
	const { what, value, shown, source, unlike } = published;
	const expected = `${shown} (${published.model})`;
	const line = { preset: 'prosqa' as const, what, expected, source };
	const { twin } = evaluation;
	const side = published.role === 'model' ? evaluation : twin;
	const id = published.role === 'model' ? evaluation.model.id : twin?.model.id;
	const arm = side?.arms[published.arm];
	if (!arm || arm.accuracy === null) {
		const why = side ? `${id} has no arm “${published.arm}”.` : 'The model names no twin.';
		return { ...line, measured: '–', verdict: 'not measured', why };
	}
	return {
		...line,
		measured: `${percent(arm.accuracy)} % (${percentBounds(arm.ci)}), ${arm.correct} of ${evaluation.n}, ${id}, arm ${published.arm}`,
		verdict: 'not comparable',
		why: `Another model, and ${unlike}${value === undefined ? '' : `; ${placed(value, arm.ci)}`}${dataNote(evaluation)}.`,
	};
}

/** Only what both would have to share is judged: which of two is ahead. */
function orderCheck({ what, difference, expects, source, first, second, twin }: PublishedOrder, evaluation: Evaluation): Check {
	const aheadness = expects === 'first ahead' ? 'first ahead' : 'about equal';
	const line = { preset: 'prosqa' as const, what, expected: `${aheadness} (published ${points(difference)} points)`, source };
	const found = twin
		? evaluation.twin?.against.find(({ arm, test }) => arm === first && test === undefined)
		: evaluation.pairs.find(({ a, b }) => a === first && b === second);
	const [low, high] = found?.ci ?? [null, null];
	if (!found || low === null || high === null) {
		return { ...line, measured: '–', verdict: 'not measured', why: 'The two were not both run.' };
	}
	const verdict: Verdict = (expects === 'first ahead' ? low > 0 : low <= 0 && high >= 0) ? 'within' : 'outside';
	return {
		...line,
		measured: `${points(found.difference)} points (${percentBounds(found.ci)}), p ${pValue(found.p)}`,
		verdict,
		why: `${
			verdict === 'within'
				? `Only the order is judged, not the size, which is another model’s`
				: expects === 'first ahead'
					? 'The first is not ahead here beyond the interval'
					: `The bundled models differ where the published ones did not: here ${low > 0 ? 'the thoughts carry what pauses do not' : 'pauses do better'}`
		}${dataNote(evaluation)}.`,
	};
}

function placed(value: number, [low, high]: Interval): string {
	if (low === null || high === null) {
		return 'nothing was measured';
	}
	return `${percent(value)} lies ${value < low ? 'below' : value > high ? 'above' : 'inside'} the measured interval`;
}

/** What else was measured on than the published file. */
function dataNote({ data }: Evaluation): string {
	if (data.sha256 !== PUBLISHED_DATA.sha256) {
		return `; measured on ${data.name}, which is not the published file`;
	}
	return data.n < data.of ? `; measured on the first ${data.n} of its ${data.of} problems` : '';
}

/** Differences that should be none but for rounding. `value` is absent where it could not be measured; then `why` says why. */
export interface Invariant {
	what: string;
	value?: number;
	/** Of what. */
	unit: 'logits' | 'residual stream';
	why: string;
}

export function invariantCheck({ what, value, unit, why }: Invariant): Check {
	const verdict: Verdict = value === undefined ? 'not measured' : value <= INVARIANT_TOLERANCE ? 'within' : 'outside';
	return {
		preset: 'invariants',
		what,
		expected: `at most ${INVARIANT_TOLERANCE} (${unit})`,
		source: 'by construction',
		measured: value === undefined ? '–' : value === 0 ? '0' : value.toExponential(1),
		verdict,
		why,
	};
}

/** Of probes that were fitted to shuffled labels: their AUROC in every cell. */
export function shuffledCheck(cells: readonly number[]): Check {
	const line = {
		preset: 'negatives' as const,
		what: 'Probes fitted to shuffled labels: mean AUROC',
		expected: `.5, at most ${SHUFFLED_TOLERANCE} away`,
		source: 'what a control is',
	};
	if (cells.length === 0) {
		return { ...line, measured: '–', verdict: 'not measured', why: 'The model has no probes.' };
	}
	const { value, ci } = bootstrapMean(cells);
	return {
		...line,
		measured: `${decimal(value, 3)} (${bounds(ci, 3)}), ${cells.length} cells`,
		verdict: Math.abs(value - 0.5) <= SHUFFLED_TOLERANCE ? 'within' : 'outside',
		why: 'As the probes’ files record it; cells of one fit are not independent, so the interval is too short.',
	};
}
