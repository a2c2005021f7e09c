/** Two arms of two traces, step by step. Planes and tokens are read when they are asked for. */
import { MAX_TOP } from '../../trace/check';
import { lensAt, sameTokens, type SameTokens } from './distributions';
import { differences } from './differences';
import { divergence, type Divergence, type TopTokens } from './divergence';
import { groups, laid } from './groups';
import { alignSteps, type AlignedBy, type ArmPair } from './pairing';
import { byInterest, comparable, DIVERGENCE, PERCENTILE_COLUMNS, type Comparable } from './planes';
import { cells, sideOf, sumOf, widthOf, writtenBy, type Comparand, type Side } from './side';
import { MAX_STEPS, type ComparedStep } from './steps';
import type { Values } from './values';

/** Values of one side that are held at once: a batch of steps with the vectors of all their layers. */
const BATCH_VALUES = 4 * 1024 * 1024;

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
		const [a, b] = [await sideOf(one, pair.a), await sideOf(other, pair.b)];
		const tokensBy = sameTokens(one, other, pair);
		const { pairs, note } = alignSteps(a.steps, b.steps, by);
		const rows = pairs.map((at): ComparedRow => {
			const [stepA, stepB] = [at.a === undefined ? undefined : a.steps[at.a], at.b === undefined ? undefined : b.steps[at.b]];
			return { ...(stepA ? { a: stepA } : {}), ...(stepB ? { b: stepB } : {}), same: isSame(stepA, stepB) };
		});
		const planesOfB = new Set(other.planes(pair.b));
		const shared = one.planes(pair.a).filter((plane) => planesOfB.has(plane));
		const planes = shared.flatMap((plane) => comparable(plane) ?? []).filter((plane) => widthOf(a, plane) === widthOf(b, plane)).sort(byInterest);
		const hasLens = tokensBy.by === 'id' && shared.includes('lens.topk_logit');
		const notes = [...differences(one.source.document, other.source.document, tokensBy), ...armNotes('A', a), ...armNotes('B', b), ...(note === undefined ? [] : [note])];
		return new Comparison(pair, notes, rows, [...(hasLens ? [DIVERGENCE] : []), ...planes], a, b, tokensBy);
	}

	/** Surprisals and divergences of a row's tokens; a latent is as a whole what it reads as, a position its number. */
	async tokens(row: ComparedRow): Promise<ComparedTokens[]> {
		if ([row.a, row.b].some((step) => step?.tokens.length === 0)) {
			const kl = row.a && row.b ? (await this.divergences([row.a], [row.b])).at(-1) : undefined;
			const words = (step: ComparedStep | undefined) => (step ? [step.text] : []);
			return [{ a: words(row.a), b: words(row.b), same: row.same, bitsA: NaN, bitsB: NaN, ...(kl ? { kl } : {}) }];
		}
		const [a, b] = await Promise.all([writtenBy(this.a, row.a), writtenBy(this.b, row.b)]);
		return groups(laid(a.texts), laid(b.texts)).map((group): ComparedTokens => {
			const [fromA, fromB] = [a.takenFrom[group.a.start], b.takenFrom[group.b.start]];
			const both = group.a.start < group.a.end && group.b.start < group.b.end;
			const kl = both ? this.diverges(fromA, fromB) : undefined;
			return {
				a: a.texts.slice(group.a.start, group.a.end),
				b: b.texts.slice(group.b.start, group.b.end),
				same: group.same,
				bitsA: sumOf(a.bits.slice(group.a.start, group.a.end)),
				bitsB: sumOf(b.bits.slice(group.b.start, group.b.end)),
				...(kl ? { kl } : {}),
			};
		});
	}

	/** Names of a plane's columns. */
	columns({ columns }: Comparable): string[] {
		return columns === 'sites' ? this.sites.map(([a, b]) => (a === b ? `${a}` : `${a}/${b}`)) : columns === 'percentiles' ? PERCENTILE_COLUMNS : [''];
	}

	async delta(plane: Comparable): Promise<PlaneDelta> {
		const names = this.columns(plane);
		const values = new Float32Array(this.rows.length * names.length).fill(NaN);
		const shared = this.rows.flatMap(({ a, b }, row) => (a && b ? [{ a, b, row }] : []));
		const batch = Math.max(1, Math.floor(BATCH_VALUES / (names.length * (plane.measure === 'divergence' ? MAX_TOP : widthOf(this.a, plane)))));
		for (let start = 0; start < shared.length; start += batch) {
			const part = shared.slice(start, start + batch);
			const [a, b] = [part.map((one) => one.a), part.map((one) => one.b)];
			const found = plane.measure === 'divergence' ? (await this.divergences(a, b)).map((one) => one?.atLeast ?? NaN) : await this.distances(plane, a, b);
			part.forEach(({ row }, i) => values.set(found.slice(i * names.length, (i + 1) * names.length), row * names.length));
		}
		const largest = values.reduce((most, value) => (Number.isNaN(value) || Math.abs(value) <= most ? most : Math.abs(value)), NaN);
		return { ...plane, names, values, largest };
	}

	/** Pairs of sites that are held against each other. */
	private get sites(): [a: number, b: number][] {
		return sitePairs(this.a.source.document.model.layers, this.b.source.document.model.layers);
	}

	/** Row-major [steps, sites]. */
	private async divergences(stepsA: readonly ComparedStep[], stepsB: readonly ComparedStep[]): Promise<(Divergence | undefined)[]> {
		const [a, b] = await Promise.all([
			lensAt(this.a.source, this.a.arm, stepsA.map(({ from }) => from), this.sites.map(([site]) => site)),
			lensAt(this.b.source, this.b.arm, stepsB.map(({ from }) => from), this.sites.map(([, site]) => site)),
		]);
		return a.map((one, i) => this.diverges(one, b[i]));
	}

	/** Row-major [steps, columns]: differences, or distances of vectors. */
	private async distances(plane: Comparable, stepsA: readonly ComparedStep[], stepsB: readonly ComparedStep[]): Promise<number[]> {
		const [a, b] = await Promise.all([cells(this.a, plane, stepsA), cells(this.b, plane, stepsB)]);
		const columns = plane.columns === 'sites' ? this.sites : this.columns(plane).map((_, column) => [column, column] as const);
		const width = widthOf(this.a, plane);
		return a.flatMap((one, i) =>
			columns.map(([ofA, ofB]) => (plane.measure === 'distance' ? distance(one.subarray(ofA * width, (ofA + 1) * width), b[i]!.subarray(ofB * width, (ofB + 1) * width)) : (b[i]![ofB] ?? NaN) - (one[ofA] ?? NaN))),
		);
	}

	/** Undefined where it cannot be told. */
	private diverges(a: TopTokens | undefined, b: TopTokens | undefined): Divergence | undefined {
		const { tokensBy } = this;
		return a && b && tokensBy.by !== 'nothing' ? divergence(a, b, tokensBy.by === 'id' ? tokensBy.vocabulary : undefined) : undefined;
	}
}

/** Sites of a model beside those of another: one by one, or those of the one with fewer layers beside the nearest relative depth of the other. */
export function sitePairs(layersA: number, layersB: number): [a: number, b: number][] {
	const fewer = Math.min(layersA, layersB);
	const at = (layers: number, i: number) => (fewer === 0 ? layers : Math.round((i * layers) / fewer));
	return Array.from({ length: fewer + 1 }, (_, i) => [at(layersA, i), at(layersB, i)]);
}

function armNotes(side: 'A' | 'B', { arm, steps, of }: Side): string[] {
	return [
		...(of > steps.length ? [`Of arm ${arm.name} of ${side} the first ${MAX_STEPS} of ${of} steps are compared.`] : []),
		...(arm.state === 'done' ? [] : [`Arm ${arm.name} of ${side} is not complete (${arm.state}).`]),
	];
}

function isSame(a: ComparedStep | undefined, b: ComparedStep | undefined): boolean {
	const isAnswer = (step: ComparedStep | undefined) => step?.kind === 'answer';
	return a !== undefined && b !== undefined && isAnswer(a) === isAnswer(b) && a.text.trim() === b.text.trim() && a.text !== '';
}

/** NaN where one is missing. */
function distance(a: Values, b: Values): number {
	let sum = a.length === b.length && a.length > 0 ? 0 : NaN;
	for (let i = 0; i < a.length; i++) {
		sum += (b[i]! - a[i]!) ** 2;
	}
	return Math.sqrt(sum);
}
