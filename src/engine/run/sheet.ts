/** The planes of one arm while it runs: rows are appended, and what was not sent yet can be taken out. */
import type { Range } from '../../shared/range';
import type { Step, Thought } from '../../trace/document';
import { planeSpec, type PlaneData, type PlaneName, type TensorInput } from '../../trace/planes';
import { PERCENTILES } from '../../trace/check';

/** Bytes of rows in one event: larger messages stall the receiver's loop for tens of milliseconds. */
export const MAX_EVENT_BYTES = 1024 * 1024;

/** A tensor whose pieces are there. */
type HeldTensor = TensorInput & { chunks: Iterable<PlaneData> };

const ARRAYS = { F16: Uint16Array, F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const;

/** Rows of one plane in an array that doubles when it is full. */
class Column {
	rows = 0;
	/** Rows before it have been taken. */
	taken = 0;
	private data: PlaneData;

	constructor(
		private readonly dtype: keyof typeof ARRAYS,
		/** Extents after the first. */
		readonly extents: readonly number[],
		private readonly stride: number,
		data?: PlaneData,
	) {
		this.data = data ?? new ARRAYS[dtype](0);
	}

	append(values: PlaneData): void {
		const length = this.rows * this.stride;
		if (length + values.length > this.data.length) {
			const larger = new ARRAYS[this.dtype](Math.max(length + values.length, this.data.length * 2));
			larger.set(this.data.subarray(0, length));
			this.data = larger;
		}
		this.data.set(values, length);
		this.rows += values.length / this.stride;
	}

	set(row: number, values: PlaneData): void {
		this.data.set(values, row * this.stride);
		this.taken = Math.min(this.taken, row);
	}

	/** A copy, so that a message does not ship the whole buffer. */
	slice(rows: Range): PlaneData {
		return this.data.slice(rows.start * this.stride, rows.end * this.stride);
	}

	/** Ranges that have not been taken, each at most `MAX_EVENT_BYTES`. */
	take(): Range[] {
		const most = Math.max(1, Math.floor(MAX_EVENT_BYTES / (this.stride * this.data.BYTES_PER_ELEMENT)));
		const out: Range[] = [];
		for (; this.taken < this.rows; this.taken = Math.min(this.rows, this.taken + most)) {
			out.push({ start: this.taken, end: Math.min(this.rows, this.taken + most) });
		}
		return out;
	}

	copy(): Column {
		const column = new Column(this.dtype, this.extents, this.stride, this.slice({ start: 0, end: this.rows }));
		column.rows = this.rows;
		return column;
	}

	tensor(name: string): HeldTensor {
		return {
			name,
			dtype: this.dtype,
			shape: [this.rows, ...this.extents],
			chunks: this.chunks(),
		};
	}

	/** In pieces, so that a cancel gets through while they are written. */
	private *chunks(): Generator<PlaneData> {
		const end = this.rows * this.stride;
		const most = MAX_EVENT_BYTES / this.data.BYTES_PER_ELEMENT;
		for (let start = 0; start < end; start += most) {
			yield this.data.subarray(start, Math.min(end, start + most));
		}
	}
}

/** Extents of the axes that planes have. */
export interface Extents {
	site: number;
	top: number;
	width: number;
	/** Width of the thoughts that are stored. */
	latent: number;
	/** Codes of each part. */
	code: number;
}

export class Sheet {
	readonly steps: Step[] = [];
	readonly thoughts: Thought[] = [];
	private readonly columns = new Map<PlaneName, Column>();

	constructor(private readonly extents: Extents) {}

	/** Another sheet that begins with the same rows: arms share the prompt, and each has thoughts of its own width. */
	copy(latent: number): Sheet {
		const sheet = new Sheet({ ...this.extents, latent });
		sheet.steps.push(...this.steps);
		for (const [plane, column] of this.columns) {
			sheet.columns.set(plane, column.copy());
		}
		return sheet;
	}

	append(plane: PlaneName, values: PlaneData): void {
		this.column(plane).append(values);
	}

	set(plane: PlaneName, row: number, values: PlaneData): void {
		this.column(plane).set(row, values);
	}

	/** What was added or changed since the last call, but for the residual stream, which only the file has. */
	take(): { plane: PlaneName; rows: Range; data: PlaneData }[] {
		return [...this.columns].flatMap(([plane, column]) =>
			plane === 'hidden.resid' ? [] : column.take().map((rows) => ({ plane, rows, data: column.slice(rows) })),
		);
	}

	tensors(arm: string): HeldTensor[] {
		return [...this.columns].map(([plane, column]) => column.tensor(`${arm}/${plane}`));
	}

	private column(plane: PlaneName): Column {
		let column = this.columns.get(plane);
		if (!column) {
			const { dtype, axes } = planeSpec(plane)!;
			const extents = axes.map((axis) => (axis === 'percentile' ? PERCENTILES : this.extents[axis]));
			column = new Column(
				dtype,
				extents,
				extents.reduce((product, extent) => product * extent, 1),
			);
			this.columns.set(plane, column);
		}
		return column;
	}
}
