/** A comparison as it is shown: texts ready for display, scales with round ends. */
import type { CompareRow, CompareTile, CompareView, PlaneView, SideView, StepView, TokensView } from '../../shared/compare';
import type { Range } from '../../shared/range';
import { clamp } from '../../shared/range';
import type { TraceDocument } from '../../trace/document';
import { outline } from '../outline';
import { headline } from '../headline';
import { roundUp } from '../patchViews';
import { completed, printable, visible } from '../text';
import type { ComparedStep } from './steps';
import type { ComparedTokens, Comparison, PlaneDelta } from './comparison';
import { changedRanges } from './groups';
import type { AlignedBy } from './pairing';

/** Rows that one query may ask for: more than any screen shows. */
const MAX_ROWS = 500;

const SYMBOLS = { difference: 'Δ', distance: 'distance of' } as const;
const MEANINGS = {
	difference: 'B less A. ',
	distance: 'Euclidean distance of the vectors of A and B; of models that were trained apart it says nothing. ',
	divergence: '',
} as const;

export class ComparisonView {
	private readonly deltas = new Map<string, Promise<PlaneDelta>>();

	constructor(private readonly comparison: Comparison) {}

	async rows(range: Range): Promise<CompareRow[]> {
		const { rows } = this.comparison;
		const start = clamp(Math.trunc(range.start), 0, rows.length);
		const end = clamp(Math.trunc(range.end), start, Math.min(rows.length, start + MAX_ROWS));
		const out: CompareRow[] = [];
		for (let index = start; index < end; index++) {
			const row = rows[index]!;
			const tokens = await this.comparison.tokens(row);
			out.push({
				index,
				...(row.a ? { a: stepView(row.a) } : {}),
				...(row.b ? { b: stepView(row.b) } : {}),
				same: row.same,
				tokens: tokens.map(tokensView),
			});
		}
		return out;
	}

	async tile(name: string, range: Range): Promise<CompareTile> {
		const { values, names, largest } = await this.delta(name);
		return { values: values.slice(range.start * names.length, range.end * names.length), largest, limit: roundUp(largest) };
	}

	planes(): PlaneView[] {
		return this.comparison.planes.map((plane) => ({
			name: plane.name,
			label: plane.measure === 'divergence' ? 'KL of the lens, at least' : `${SYMBOLS[plane.measure]} ${printable(plane.name)}`,
			unit: plane.unit,
			definition: MEANINGS[plane.measure] + plane.definition,
			signed: plane.measure === 'difference',
			columns: this.comparison.columns(plane),
		}));
	}

	/** Read when it is first asked for, and kept: it is a few numbers for each step. */
	private delta(name: string): Promise<PlaneDelta> {
		const plane = this.comparison.planes.find((one) => one.name === name);
		if (!plane) {
			throw new RangeError(`There is no plane ${name} in both traces.`);
		}
		const delta = this.deltas.get(name) ?? this.comparison.delta(plane);
		this.deltas.set(name, delta);
		return delta;
	}
}

/** What both sides are, and of their arms those that are compared. `comparison` is absent where one of them has no arms. */
export function compareView(
	revision: number,
	documents: { a: TraceDocument; b: TraceDocument },
	names: { a: string; b: string },
	shownNow?: { comparison: Comparison; view: ComparisonView; by: AlignedBy },
): CompareView {
	const { a, b } = documents;
	const answer = ({ arms }: TraceDocument, name: string | undefined) => arms.find((arm) => arm.name === name)?.answer;
	const pair = shownNow?.comparison.pair;
	const [answerA, answerB] = [answer(a, pair?.a), answer(b, pair?.b)];
	const rows = shownNow?.comparison.rows ?? [];
	return {
		revision,
		a: sideView(a, names.a),
		b: sideView(b, names.b),
		...(pair ? { choice: { ...pair, by: shownNow!.by } } : {}),
		arms: { a: a.arms.map(({ name }) => name), b: b.arms.map(({ name }) => name) },
		answers: { ...(answerA === undefined ? {} : { a: visible(answerA) }), ...(answerB === undefined ? {} : { b: visible(answerB) }), same: answerA === answerB },
		rows: rows.length,
		differing: rows.flatMap(({ same }, index) => (same ? [] : [index])),
		planes: shownNow?.view.planes() ?? [],
		notes: shownNow ? shownNow.comparison.notes.map(printable) : ['There is nothing to compare, because one of the traces has no arms.'],
	};
}

function sideView(document: TraceDocument, name: string): SideView {
	const texts = new Map(document.tokens.map(({ id, text }) => [id, text]));
	const { title, subtitle } = headline(document, outline(document, (id) => texts.get(id) ?? ''), undefined, 0, {});
	return { name: printable(name), title, subtitle };
}

function stepView({ kind, thought }: ComparedStep): StepView {
	return { kind, label: kind === 'latent' ? `latent ${thought}` : kind === 'thought' || kind === 'position' ? '' : kind };
}

function tokensView({ a, b, same, bitsA, bitsB, kl }: ComparedTokens): TokensView {
	const [one, other] = [shown(a), shown(b)];
	return {
		...{ a: one, b: other, same },
		...(same ? {} : { changed: changedRanges(one, other) }),
		...(Number.isNaN(bitsA) ? {} : { bitsA }),
		...(Number.isNaN(bitsB) ? {} : { bitsB }),
		...(kl ? { kl } : {}),
	};
}

function shown(texts: readonly string[]): string {
	return completed(texts).map(printable).join('');
}
