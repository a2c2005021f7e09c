/** One side of a comparison: an arm of a trace, its steps, and what is read of them. */
import type { ArmRecord } from '../../trace/document';
import type { PlaneName, TraceSource } from '../../trace/planes';
import { surprisalBits } from '../lens';
import { Lookup } from '../lookup';
import { takenFrom } from './distributions';
import type { TopTokens } from './divergence';
import { PERCENTILE_COLUMNS, type Comparable } from './planes';
import { stepsOf, type ComparedStep } from './steps';
import { valuesAt, type Values } from './values';

/** A trace, and which planes each of its arms has. */
export interface Comparand {
	source: TraceSource;
	planes(arm: string): readonly PlaneName[];
}

export interface Side {
	source: TraceSource;
	arm: ArmRecord;
	lookup: Lookup;
	/** The first of `of`. */
	steps: readonly ComparedStep[];
	of: number;
}

export async function sideOf({ source }: Comparand, name: string): Promise<Side> {
	const arm = source.document.arms.find((one) => one.name === name)!;
	const lookup = new Lookup(source);
	return { source, arm, lookup, ...(await stepsOf(lookup, arm)) };
}

/** Texts of a step's tokens, their surprisals in bits, and what each was taken from. */
export async function writtenBy({ source, arm, lookup }: Side, step: ComparedStep | undefined): Promise<{ texts: string[]; bits: number[]; takenFrom: (TopTokens | undefined)[] }> {
	const places = step?.tokens ?? [];
	const textOf = (id: number) => lookup.text(id);
	const logprobs = await valuesAt(source, arm.name, 'tokens.logprob', places, 1);
	return {
		texts: places.map((place) => textOf(arm.steps[place]!.id)),
		bits: logprobs.map((values) => surprisalBits(values[0] ?? NaN)),
		takenFrom: await takenFrom(source, arm, places, textOf),
	};
}

/** Of each step the values of a plane: of all sites or columns, or vectors one after the other. */
export async function cells({ source, arm }: Side, compared: Comparable, steps: readonly ComparedStep[]): Promise<Values[]> {
	const { name, place, columns } = compared;
	const plane = name as PlaneName;
	const each = columns === 'sites' ? source.document.model.layers + 1 : columns === 'percentiles' ? PERCENTILE_COLUMNS.length : 1;
	const stride = each * widthOf({ source, arm }, compared);
	if (place === 'tokens') {
		const all = await valuesAt(source, arm.name, plane, steps.flatMap(({ tokens }) => tokens), stride);
		let next = 0;
		return steps.map(({ tokens }) => Float32Array.of(sumOf(tokens.map(() => all[next++]?.[0] ?? NaN))));
	}
	const places = steps.map((step) => (place === 'thought' ? step.thought : step[place]));
	const found = await valuesAt(source, arm.name, plane, places.filter(isThere), stride);
	let next = 0;
	return places.map((one) => (isThere(one) ? found[next++]! : new Float32Array()));
}

function isThere(place: number | undefined): place is number {
	return place !== undefined && place >= 0;
}

/** Values of a plane in each column: of a vector its width. */
export function widthOf({ source, arm }: Pick<Side, 'source' | 'arm'>, { name, measure }: Comparable): number {
	const { width } = source.document.model;
	return measure !== 'distance' ? 1 : name === 'latent.vec' ? (arm.latentWidth ?? width) : width;
}

/** NaN of nothing, and where one of them is. */
export function sumOf(values: readonly number[]): number {
	return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0);
}
