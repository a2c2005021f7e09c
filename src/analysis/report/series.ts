/** What plots of a result show: the model, and its control beside it. */
import type { Against, CausalResult, Evaluation, Interval } from '../evaluation/result';
import type { Dot } from './content';

export function seriesOf({ model, twin }: Evaluation): string[] {
	return [model.id, ...(twin ? [twin.model.id] : [])];
}

export function curves(evaluation: Evaluation, tests: readonly CausalResult[], at: (one: CausalResult) => number) {
	const { model, twin } = evaluation;
	const series = (name: string, found: readonly CausalResult[]) => ({
		name,
		points: found.map((one) => ({ x: at(one), ...dot(one) })),
	});
	const others = tests.flatMap((one) => twinTest(evaluation, one) ?? []);
	return [series(model.id, tests), ...(twin && others.length > 0 ? [series(twin.model.id, others)] : [])];
}

/** Norm of the added noise over the thought's, of a test that adds it. */
export function noiseOf({ test, form }: CausalResult): number | undefined {
	const ratio = test === 'jitter' ? Number(form) : NaN;
	return Number.isFinite(ratio) ? ratio : undefined;
}

export function twinTest({ twin }: Evaluation, one: CausalResult): CausalResult | undefined {
	return twin?.causal?.find((other) => same(one, other));
}

export function same(one: CausalResult, other: CausalResult | Against): boolean {
	return one.arm === other.arm && one.test === other.test && one.form === other.form && one.step === other.step;
}

export function dot({ accuracy, ci }: { accuracy: number | null; ci: Interval }): Dot {
	return { value: accuracy, ci };
}

export function dots(own: Dot, other: Dot | undefined, twin: unknown): (Dot | undefined)[] {
	return twin ? [own, other] : [own];
}
