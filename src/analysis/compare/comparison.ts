/** Two arms of two traces, step by step. Planes and tokens are read when they are asked for. */
import type { ArmRecord } from '../../trace/document';
import type { PlaneName, TraceSource } from '../../trace/planes';
import { Lookup } from '../lookup';
import { surprisalBits } from '../lens';
import { lensAt, sameTokens, takenFrom, type SameTokens } from './distributions';
import { differences } from './differences';
import { divergence, type Divergence, type TopTokens } from './divergence';
import { groups, laid } from './groups';
import { alignSteps, type AlignedBy, type ArmPair } from './pairing';
import { comparable, DIVERGENCE, PERCENTILE_COLUMNS, type Comparable } from './planes';
import { MAX_STEPS, stepsOf, type ComparedStep } from './steps';
import { valuesAt } from './values';

/** A trace, and which planes each of its arms has. */
export interface Comparand {
	source: TraceSource;
	planes(arm: string): readonly PlaneName[];
}

export interface ComparedRow {
	/** Absent where the other side has a step more. */
	a?: ComparedStep;
	b?: ComparedStep;
	/** Whether both say the same. A latent says what it reads as. */
	same: boolean;
}

/** Values of a plane, row-major [rows, columns]; NaN where not measured on both sides. */
export interface PlaneDelta extends Comparable {
	/** Names of the columns: sites as `l`, or `l/m` where the models have different layers. */
	names: string[];
	values: Float32Array;
	/** Largest absolute value; NaN where nothing was measured. */
	largest: number;
}

/** Tokens that stand for the same characters, or that stand where the other side has others. */
export interface ComparedTokens {
	a: string[];
	b: string[];
	same: boolean;
	/** Surprisal of all of them together; NaN where the trace has none. */
	bitsA: number;
	bitsB: number;
	/** KL(A || B) of what the first of them was taken from; absent where it was not measured. */
	kl?: Divergence;
}

interface Side {
	source: TraceSource;
	arm: ArmRecord;
	lookup: Lookup;
	steps: readonly ComparedStep[];
}

export class Comparison {
	private constructor(
		readonly pair: ArmPair,
		/** One sentence each. */
		readonly notes: readonly string[],
		readonly rows: readonly ComparedRow[],
		/** Planes that both arms have, and the divergence of their lenses where it can be told. */
		readonly planes: readonly Comparable[],
		private readonly a: Side,
		private readonly b: Side,
		private readonly tokensBy: SameTokens,
	) {}

	static async of(one: Comparand, other: Comparand, pair: ArmPair, by: AlignedBy): Promise<Comparison> {
		const [a, b] = [await sideOf(one.source, pair.a), await sideOf(other.source, pair.b)];
		const tokensBy = sameTokens(one.source.document, other.source.document);
		const { pairs, note } = alignSteps(a.steps, b.steps, by);
		const rows = pairs.map((at): ComparedRow => {
			const [stepA, stepB] = [at.a === undefined ? undefined : a.steps[at.a], at.b === undefined ? undefined : b.steps[at.b]];
			return { ...(stepA ? { a: stepA } : {}), ...(stepB ? { b: stepB } : {}), same: isSame(stepA, stepB) };
		});
		const planesOfB = new Set(other.planes(pair.b));
		const shared = one.planes(pair.a).filter((plane) => planesOfB.has(plane));
		const planes = shared.flatMap((plane) => comparable(plane) ?? []).filter((plane) => widthOf(a, plane) === widthOf(b, plane));
		const hasLens = tokensBy.by === 'id' && shared.includes('lens.topk_logit');
		const notes = [...differences(one.source.document, other.source.document, tokensBy), ...armNotes('A', a), ...armNotes('B', b), ...(note === undefined ? [] : [note])];
		return new Comparison(pair, notes, rows, [...(hasLens ? [DIVERGENCE] : []), ...planes], a, b, tokensBy);
	}

	/** Surprisals and divergences of a row's tokens; empty where it has none on either side. */
	async tokens(row: ComparedRow): Promise<ComparedTokens[]> {
		const [a, b] = await Promise.all([read(this.a, row.a), read(this.b, row.b)]);
		return groups(laid(a.texts), laid(b.texts)).map((group): ComparedTokens => {
			const [fromA, fromB] = [a.takenFrom[group.a.start], b.takenFrom[group.b.start]];
			const both = group.a.start < group.a.end && group.b.start < group.b.end;
			return {
				a: a.texts.slice(group.a.start, group.a.end),
				b: b.texts.slice(group.b.start, group.b.end),
				same: group.same,
				bitsA: sumOf(a.bits.slice(group.a.start, group.a.end)),
				bitsB: sumOf(b.bits.slice(group.b.start, group.b.end)),
				...(both ? this.diverges(fromA, fromB) : {}),
			};
		});
	}

	async delta(plane: Comparable): Promise<PlaneDelta> {
		const sites = sitePairs(this.a.source.document.model.layers, this.b.source.document.model.layers);
		const names = plane.columns === 'sites' ? sites.map(([a, b]) => (a === b ? `${a}` : `${a}/${b}`)) : plane.columns === 'percentiles' ? PERCENTILE_COLUMNS : [''];
		const values = new Float32Array(this.rows.length * names.length).fill(NaN);
		const shared = this.rows.flatMap(({ a, b }, row) => (a && b ? [{ a, b, row }] : []));
		if (plane.measure === 'divergence') {
			const [a, b] = await Promise.all([
				lensAt(this.a.source, this.a.arm, shared.map((one) => one.a.from), sites.map(([site]) => site)),
				lensAt(this.b.source, this.b.arm, shared.map((one) => one.b.from), sites.map(([, site]) => site)),
			]);
			shared.forEach(({ row }, i) => {
				for (let column = 0; column < names.length; column++) {
					const at = i * names.length + column;
					values[row * names.length + column] = this.diverges(a[at], b[at]).kl?.atLeast ?? NaN;
				}
			});
		} else {
			const [a, b] = await Promise.all([
				cells(this.a, plane, shared.map((one) => one.a)),
				cells(this.b, plane, shared.map((one) => one.b)),
			]);
			const columns = plane.columns === 'sites' ? sites : names.map((_, column) => [column, column] as const);
			shared.forEach(({ row }, i) => {
				columns.forEach(([ofA, ofB], column) => {
					values[row * names.length + column] = plane.measure === 'distance' ? distance(a[i]!, b[i]!, ofA, ofB, widthOf(this.a, plane)) : (b[i]![ofB] ?? NaN) - (a[i]![ofA] ?? NaN);
				});
			});
		}
		const largest = values.reduce((most, value) => (Number.isNaN(value) ? most : Number.isNaN(most) ? Math.abs(value) : Math.max(most, Math.abs(value))), NaN);
		return { ...plane, names, values, largest };
	}

	private diverges(a: TopTokens | undefined, b: TopTokens | undefined): { kl?: Divergence } {
		if (!a || !b || this.tokensBy.by === 'nothing') {
			return {};
		}
		return { kl: divergence(a, b, this.tokensBy.by === 'id' ? this.tokensBy.vocabulary : undefined) };
	}
}

/** Sites of a model beside those of another: one by one, or those of the one with fewer layers beside the nearest relative depth of the other. */
export function sitePairs(layersA: number, layersB: number): [a: number, b: number][] {
	const fewer = Math.min(layersA, layersB);
	const at = (layers: number, i: number) => (fewer === 0 ? layers : Math.round((i * layers) / fewer));
	return Array.from({ length: fewer + 1 }, (_, i) => [at(layersA, i), at(layersB, i)]);
}

async function sideOf(source: TraceSource, name: string): Promise<Side & { of: number }> {
	const arm = source.document.arms.find((one) => one.name === name)!;
	const lookup = new Lookup(source);
	return { source, arm, lookup, ...(await stepsOf(lookup, arm)) };
}

function armNotes(side: 'A' | 'B', { arm, steps, of }: Side & { of: number }): string[] {
	return [
		...(of > steps.length ? [`Of arm ${arm.name} of ${side} the first ${MAX_STEPS} of ${of} steps are compared.`] : []),
		...(arm.state === 'done' ? [] : [`Arm ${arm.name} of ${side} is not complete (${arm.state}).`]),
	];
}

function isSame(a: ComparedStep | undefined, b: ComparedStep | undefined): boolean {
	const isAnswer = (step: ComparedStep | undefined) => step?.kind === 'answer';
	return a !== undefined && b !== undefined && isAnswer(a) === isAnswer(b) && a.text.trim() === b.text.trim() && a.text !== '';
}

/** Texts of a step's tokens, their surprisals in bits, and what each was taken from. */
async function read({ source, arm, lookup }: Side, step: ComparedStep | undefined): Promise<{ texts: string[]; bits: number[]; takenFrom: (TopTokens | undefined)[] }> {
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
async function cells({ source, arm }: Side, compared: Comparable, steps: readonly ComparedStep[]): Promise<ArrayLike<number>[]> {
	const { name, place, columns } = compared;
	const plane = name as PlaneName;
	const each = columns === 'sites' ? source.document.model.layers + 1 : columns === 'percentiles' ? PERCENTILE_COLUMNS.length : 1;
	const stride = each * widthOf({ source, arm }, compared);
	if (place === 'tokens') {
		const all = await valuesAt(source, arm.name, plane, steps.flatMap(({ tokens }) => tokens), stride);
		let next = 0;
		return steps.map(({ tokens }) => [sumOf(tokens.map(() => all[next++]?.[0] ?? NaN))]);
	}
	const places = steps.map((step) => (place === 'thought' ? step.thought : step[place]));
	const found = await valuesAt(source, arm.name, plane, places.filter(isThere), stride);
	let next = 0;
	return places.map((one) => (isThere(one) ? found[next++]! : []));
}

function isThere(place: number | undefined): place is number {
	return place !== undefined && place >= 0;
}

/** Values of a plane in each column: of a vector its width. */
function widthOf({ source, arm }: Pick<Side, 'source' | 'arm'>, { name, measure }: Comparable): number {
	const { width } = source.document.model;
	return measure !== 'distance' ? 1 : name === 'latent.vec' ? (arm.latentWidth ?? width) : width;
}

/** NaN of nothing, and where one of them is. */
function sumOf(values: readonly number[]): number {
	return values.length === 0 ? NaN : values.reduce((sum, value) => sum + value, 0);
}

/** Of the vectors at two sites; NaN where one is missing or of another width. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>, siteA: number, siteB: number, width: number): number {
	let sum = 0;
	for (let i = 0; i < width; i++) {
		sum += ((b[siteB * width + i] ?? NaN) - (a[siteA * width + i] ?? NaN)) ** 2;
	}
	return Math.sqrt(sum);
}
