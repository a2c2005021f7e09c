/** Every number of a result once, for `report.csv`. */
import type { CausalResult, Comparison, Evaluation, Interval, Side } from '../evaluation/result';
import type { Figure } from './content';

export function figures(evaluation: Evaluation, source: string): Figure[] {
	const { model, twin, n } = evaluation;
	const blank = { test: '', form: '', step: '', low: null, high: null, p: null };
	const side = (id: string, { arms, pairs, causal = [] }: Side): Figure[] => [
		...Object.entries(arms).flatMap(([arm, { accuracy, ci, seconds: spent }]): Figure[] => [
			{ source, model: id, arm, ...blank, measure: 'right', unit: 'share', value: accuracy, low: ci[0], high: ci[1], n },
			{ source, model: id, arm, ...blank, measure: 'time', unit: 'seconds', value: spent, n },
		]),
		...pairs.map(
			({ a, b, ...one }): Figure => ({ source, model: id, arm: `${a} - ${b}`, ...blank, ...differenceFigure(one), n }),
		),
		...causal.flatMap((one): Figure[] => {
			const of = { source, model: id, ...keyed(one), n: one.n };
			const estimate = (measure: string, unit: string, value: number | null, ci: Interval): Figure => ({
				...of,
				measure,
				unit,
				value,
				low: ci[0],
				high: ci[1],
				p: null,
			});
			return [
				{ ...estimate('right', 'share', one.accuracy, one.ci), p: one.unchanged.p },
				estimate('changed', 'share', one.changed, one.changedCi),
				...(one.follows ? [{ ...estimate('follows', 'share', one.follows.value, one.follows.ci), n: one.follows.n }] : []),
				{ ...estimate('deltaLogOdds', 'nats', one.deltaLogOdds, one.deltaLogOddsCi), n: one.measured },
				{ ...estimate('kl', 'nats', one.kl, one.klCi), n: one.measured },
			];
		}),
	];
	return [
		...side(model.id, evaluation),
		...(twin ? side(twin.model.id, twin) : []),
		...(twin?.against ?? []).map(
			(one): Figure => ({ source, model: `${model.id} - ${twin!.model.id}`, ...keyed(one), ...differenceFigure(one), n }),
		),
	];
}

type Keys = Pick<CausalResult, 'arm'> & Partial<Pick<CausalResult, 'test' | 'form' | 'step'>>;

function keyed({ arm, test = '', form = '', step }: Keys): Pick<Figure, 'arm' | 'test' | 'form' | 'step'> {
	return { arm, test, form, step: step === undefined ? '' : String(step) };
}

function differenceFigure({ difference, ci, p }: Comparison) {
	return { measure: 'difference of right', unit: 'share', value: difference, low: ci[0], high: ci[1], p };
}
