import { MIP_FACTOR, mipRows } from './check';

/** Planes with fewer rows are drawn from themselves: 4096 rows are more than any panel has pixels. */
export const MIP_THRESHOLD = 4096;

/** How many mip levels a plane of `rows` rows has: until the last one is short enough to be drawn whole. */
export function mipLevels(rows: number): number {
	let levels = 0;
	for (let left = rows; left > MIP_THRESHOLD; left = Math.ceil(left / MIP_FACTOR)) {
		levels++;
	}
	return levels;
}

/**
 * A cell of a group of rows: its largest value, or of a plane with a scale around 0 the one farthest from 0, so that strong effects of either
 * sign stay in sight. NaN (not measured) only where the whole group is.
 */
type Pick = (value: number, most: number) => boolean;

const LARGEST: Pick = (value, most) => value > most;
const FARTHEST: Pick = (value, most) => Math.abs(value) > Math.abs(most);

/** The first level of a plane that arrives in pieces, cut anywhere; the plane itself is not kept. */
export class Mip {
	readonly values: Float32Array;
	private readonly pick: Pick;
	/** Values that have come. */
	private at = 0;

	/** `rows` of the plane, `stride` values each. */
	constructor(
		rows: number,
		private readonly stride: number,
		private readonly diverging: boolean,
	) {
		this.values = new Float32Array(mipRows(rows, 1) * stride).fill(NaN);
		this.pick = diverging ? FARTHEST : LARGEST;
	}

	add(piece: Float32Array): void {
		const { values, stride, pick } = this;
		let row = Math.floor(this.at / stride);
		let column = this.at % stride;
		for (const value of piece) {
			const target = Math.floor(row / MIP_FACTOR) * stride + column;
			const most = values[target]!;
			if (pick(value, most) || Number.isNaN(most)) {
				values[target] = value;
			}
			if (++column === stride) {
				column = 0;
				row++;
			}
		}
		this.at += piece.length;
	}

	/** The level after this one, once all has come. */
	next(): Mip {
		const next = new Mip(this.values.length / this.stride, this.stride, this.diverging);
		next.add(this.values);
		return next;
	}
}
