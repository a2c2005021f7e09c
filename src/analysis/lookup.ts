import type { Range } from '../shared/range';
import type { ArmRecord, ProbeRecord, TraceDocument } from '../trace/document';
import { planeSpec, type PlaneName, type TraceSource } from '../trace/planes';
import { EvidenceIndex } from './evidenceIndex';
import { outline, shown, shownApart, type Outline } from './outline';
import { Readout } from './readout';
import { placesOf } from './sentences';

/** Values of one position, or nothing where they are not there. */
export type ByPosition = (position: number) => Float32Array | undefined;

/** Where the steps of a probe stand in its arm. */
interface Places {
	arm: ArmRecord;
	positions: readonly number[];
}

/** What every view of a trace asks for: texts of tokens, how the arms line up, and planes by position. */
export class Lookup {
	/** Valid for one document; a run in progress replaces its document with every step. */
	private cached?: { document: TraceDocument; tokens: ReadonlyMap<number, string>; outline: Outline; places: Map<string, Places | undefined> };
	private indexed?: EvidenceIndex;

	constructor(readonly source: TraceSource) {}

	get document(): TraceDocument {
		return this.source.document;
	}

	get outline(): Outline {
		return this.current().outline;
	}

	/** Absent where no tests and controls were run (yet). */
	get evidence(): EvidenceIndex | undefined {
		const { evidence } = this.document;
		if (evidence !== this.indexed?.record) {
			this.indexed = evidence && new EvidenceIndex(evidence);
		}
		return this.indexed;
	}

	/** Site numbers, 0..layers. */
	get sites(): number[] {
		return Array.from({ length: this.document.model.layers + 1 }, (_, site) => site);
	}

	/** A token without a text is called by its number. */
	text(id: number): string {
		return this.current().tokens.get(id) ?? `#${id}`;
	}

	/** The entity that a token names where the task is known, else its text made visible. */
	word(id: number): string {
		return shown(this.text(id), this.outline.task);
	}

	/** Of tokens that stand in one list. */
	words(ids: readonly number[]): string[] {
		return shownApart(ids.map((id) => this.text(id)), this.outline.task);
	}

	/** Where the steps of a probe stand in its arm, and that arm; undefined where it was not run. */
	placesOf({ arm: name, at = 'thoughts' }: ProbeRecord): Places | undefined {
		const { places, tokens, outline } = this.current();
		const key = `${at} ${name}`;
		if (!places.has(key)) {
			const arm = this.document.arms.find((candidate) => candidate.name === name);
			const known = at === 'tokens' && arm === outline.written ? outline.sentences.map(({ steps }) => steps.at(-1)!) : undefined;
			places.set(key, arm && { arm, positions: known ?? placesOf(arm, at, (id) => tokens.get(id) ?? '', this.document.model.recipe) });
		}
		return places.get(key);
	}

	async readout(arm: ArmRecord, positions: readonly number[]): Promise<Readout | undefined> {
		return positions.length > 0 ? Readout.read(this.source, arm.name, span(positions)) : undefined;
	}

	/** Planes of one value a position, and of one a position and site. */
	async floats(arm: ArmRecord, plane: PlaneName, positions: readonly number[]): Promise<ByPosition> {
		const rows = span(positions);
		const values = positions.length > 0 ? await this.source.read(arm.name, plane, rows) : undefined;
		const stride = planeSpec(plane)?.axes.includes('site') ? this.sites.length : 1;
		return (position) => {
			const row = position - rows.start;
			return values instanceof Float32Array && (row + 1) * stride <= values.length
				? values.subarray(row * stride, (row + 1) * stride)
				: undefined;
		};
	}

	private current() {
		const { document } = this.source;
		if (this.cached?.document !== document) {
			const tokens = new Map(document.tokens.map(({ id, text }) => [id, text]));
			this.cached = { document, tokens, outline: outline(document, (id) => tokens.get(id) ?? ''), places: new Map() };
		}
		return this.cached;
	}
}

/** The smallest range that holds all positions: thoughts and sentences lie close together, and one read is cheaper than many. */
function span(positions: readonly number[]): Range {
	return {
		start: positions.reduce((a, b) => Math.min(a, b), Infinity),
		end: positions.reduce((a, b) => Math.max(a, b), -1) + 1,
	};
}
