import type { Range } from '../shared/range';
import type { ArmRecord, TraceDocument } from './document';
import type { EvidenceRecord } from './evidence';
import type { PlaneData, PlaneName, TraceSource } from './planes';

/** Values that a plane holds where nothing was computed yet. */
const UNSET = { float: NaN, integer: -1 };

interface Growing {
	/** Values per row. */
	stride: number;
	/** Rows [0, rows) hold values. */
	rows: number;
	data: PlaneData;
}

/** What a run finds, as it finds it. */
export type TraceEvent =
	/** A complete snapshot of one arm so far. `tokens` are those not sent before. */
	| { kind: 'arm'; arm: ArmRecord; tokens: TraceDocument['tokens'] }
	/** A complete snapshot of the evidence so far; it has been gathered with the last one. */
	| { kind: 'evidence'; evidence: EvidenceRecord }
	/** Rows of a plane. */
	| { kind: 'rows'; arm: string; plane: PlaneName; rows: Range; data: PlaneData };

/** A run in progress, put together from the engine's events. */
export class LiveTrace implements TraceSource {
	private readonly planes = new Map<string, Growing>();
	private readonly known: Set<number>;
	private current: TraceDocument;

	constructor(document: TraceDocument) {
		this.current = { ...document, arms: [...document.arms], tokens: [...document.tokens] };
		this.known = new Set(document.tokens.map((token) => token.id));
	}

	get document(): TraceDocument {
		return this.current;
	}

	receive(event: TraceEvent): void {
		switch (event.kind) {
			case 'arm':
				return this.setArm(event.arm, event.tokens);
			case 'evidence':
				return this.setEvidence(event.evidence);
			case 'rows':
				return this.addRows(event.arm, event.plane, event.rows, event.data);
		}
	}

	/** Replaces the arm of that name, or adds it as the last one. */
	setArm(arm: ArmRecord, tokens: TraceDocument['tokens']): void {
		const { arms } = this.current;
		const at = arms.findIndex((other) => other.name === arm.name);
		for (const token of tokens) {
			if (!this.known.has(token.id)) {
				this.known.add(token.id);
				this.current.tokens.push(token);
			}
		}
		this.current = { ...this.current, arms: at < 0 ? [...arms, arm] : arms.with(at, arm) };
	}

	setEvidence(evidence: EvidenceRecord): void {
		this.current = { ...this.current, evidence };
	}

	/** Rows [start, end) of a plane; the length of `data` says how many values a row has. */
	addRows(arm: string, plane: PlaneName, rows: Range, data: PlaneData): void {
		const count = rows.end - rows.start;
		if (count <= 0) {
			return;
		}
		const key = `${arm}/${plane}`;
		const growing = this.planes.get(key) ?? { stride: data.length / count, rows: 0, data: data.slice(0, 0) };
		if (!Number.isInteger(growing.stride) || data.length !== growing.stride * count) {
			throw new RangeError(`${key} has ${growing.stride} values a row, but ${data.length} values came for ${count} rows.`);
		}
		growing.data = grown(growing.data, rows.end * growing.stride);
		growing.data.set(data, rows.start * growing.stride);
		growing.rows = Math.max(growing.rows, rows.end);
		this.planes.set(key, growing);
	}

	async read(arm: string, plane: PlaneName, rows: Range): Promise<PlaneData | undefined> {
		const growing = this.planes.get(`${arm}/${plane}`);
		return growing?.data.slice(rows.start * growing.stride, Math.min(rows.end, growing.rows) * growing.stride);
	}

	dispose(): void {
		this.planes.clear();
	}
}

/** The same values in an array that holds at least `length`: doubled, so that appending a row at a time stays linear. */
function grown(data: PlaneData, length: number): PlaneData {
	if (length <= data.length) {
		return data;
	}
	const larger = new (data.constructor as { new (length: number): PlaneData })(Math.max(length, data.length * 2));
	larger.fill(data instanceof Float32Array ? UNSET.float : UNSET.integer);
	larger.set(data);
	return larger;
}
