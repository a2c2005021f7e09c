import { MIP_FACTOR } from './check';

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

/** Row-wise maxima over groups of `MIP_FACTOR` rows, column by column. NaN (not measured) only where the whole group is. */
export function maxMip(data: Float32Array, stride: number): Float32Array {
	const rows = data.length / stride;
	const out = new Float32Array(Math.ceil(rows / MIP_FACTOR) * stride).fill(NaN);
	for (let row = 0; row < rows; row++) {
		const target = Math.floor(row / MIP_FACTOR) * stride;
		for (let column = 0; column < stride; column++) {
			const value = data[row * stride + column]!;
			const most = out[target + column]!;
			if (value > most || Number.isNaN(most)) {
				out[target + column] = value;
			}
		}
	}
	return out;
}
