/** Two arms of two traces, step by step. Planes and tokens are read when they are asked for. */
import { MAX_TOP } from '../../trace/check';
import type { ArmRecord } from '../../trace/document';
import type { PlaneName, TraceSource } from '../../trace/planes';
import { Lookup } from '../lookup';
import { surprisalBits } from '../lens';
import { lensAt, sameTokens, takenFrom, type SameTokens } from './distributions';
import { differences } from './differences';
import { divergence, type Divergence, type TopTokens } from './divergence';
import { groups, laid } from './groups';
import { alignSteps, type AlignedBy, type ArmPair } from './pairing';
import { byInterest, comparable, DIVERGENCE, PERCENTILE_COLUMNS, type Comparable } from './planes';
import { MAX_STEPS, stepsOf, type ComparedStep } from './steps';
import { valuesAt } from './values';

/** Values of one side that are held at once: a batch of steps with the vectors of all their layers. */
const BATCH_VALUES = 4 * 1024 * 1024;

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
		const planes = shared.flatMap((plane) => comparable(plane) ?? []).filter((plane) => widthOf(a, plane) === widthOf(b, plane)).sort(byInterest);
		const hasLens = tokensBy.by === 'id' && shared.includes('lens.topk_logit');
		const notes = [...differences(one.source.document, other.source.document, tokensBy), ...armNotes('A', a), ...armNotes('B', b), ...(note === undefined ? [] : [note])];
		return new Comparison(pair, notes, rows, [...(hasLens ? [DIVERGENCE] : []), ...planes], a, b, tokensBy);
	}

	/** Surprisals and divergences of a row's tokens; a latent is as a whole what it reads as. */
	async tokens(row: ComparedRow): Promise<ComparedTokens[]> {
		if (row.a?.kind === 'latent' || row.b?.kind === 'latent') {
			const kl = row.a && row.b ? (await this.divergences([row.a], [row.b])).at(-1) : undefined;
			const words = (step: ComparedStep | undefined) => (step ? [step.text] : []);
			return [{ a: words(row.a), b: words(row.b), same: row.same, bitsA: NaN, bitsB: NaN, ...(kl ? { kl } : {}) }];
		}
		const [a, b] = await Promise.all([read(this.a, row.a), read(this.b, row.b)]);
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
			columns.map(([ofA, ofB]) => (plane.measure === 'distance' ? distance(one, b[i]!, ofA, ofB, width) : (b[i]![ofB] ?? NaN) - (one[ofA] ?? NaN))),
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
