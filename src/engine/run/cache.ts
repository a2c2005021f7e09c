/** Caches of several sequences: rows that are stacked, picked, repeated or cut out. Nothing is shared with what they come from. */
import type { Cache } from '../model/body';
import { floats, type Tensor } from '../runtime';

type Dims = [rows: number, heads: number, length: number, headWidth: number];

/** Of the first `length` positions. */
export function shortened(cache: Cache, length: number): Cache {
	return length === cache.length ? cache : rowOf(cache, 0, [{ start: 0, end: length }]);
}

/** Row `row` at the positions of `ranges` only, as a cache of one row. */
export function rowOf(cache: Cache, row: number, ranges: readonly { start: number; end: number }[]): Cache {
	const length = ranges.reduce((sum, { start, end }) => sum + end - start, 0);
	const values = cache.values.map(({ data, dims }) => {
		const [, heads, from, headWidth] = dims as Dims;
		const kept = new Float32Array(heads * length * headWidth);
		let at = 0;
		for (let head = 0; head < heads; head++) {
			const first = (row * heads + head) * from;
			for (const { start, end } of ranges) {
				kept.set((data as Float32Array).subarray((first + start) * headWidth, (first + end) * headWidth), at);
				at += (end - start) * headWidth;
			}
		}
		return floats(kept, 1, heads, length, headWidth);
	});
	return { length, values };
}

/** One row each, padded at the end to the length of the longest. */
export function stacked(caches: readonly Cache[]): Cache {
	const length = Math.max(...caches.map((cache) => cache.length));
	const values = caches[0]!.values.map(({ dims }, value): Tensor => {
		const [, heads, , headWidth] = dims as Dims;
		const all = new Float32Array(caches.length * heads * length * headWidth);
		for (const [row, cache] of caches.entries()) {
			const data = cache.values[value]!.data as Float32Array;
			const size = cache.length * headWidth;
			for (let head = 0; head < heads; head++) {
				all.set(data.subarray(head * size, (head + 1) * size), (row * heads + head) * length * headWidth);
			}
		}
		return floats(all, caches.length, heads, length, headWidth);
	});
	return { length, values };
}

/** Some rows, in the order asked for. */
export function picked(cache: Cache, rows: readonly number[]): Cache {
	const values = cache.values.map(({ data, dims }) => {
		const [, ...row] = dims as Dims;
		const size = row.reduce((product, extent) => product * extent, 1);
		const all = new Float32Array(rows.length * size);
		rows.forEach((from, to) => all.set((data as Float32Array).subarray(from * size, (from + 1) * size), to * size));
		return floats(all, rows.length, ...row);
	});
	return { length: cache.length, values };
}

/** One row over and over. The memory is kept for the next one, because getting it costs more than filling it. */
export class Repeated {
	private rows = 0;
	private cache?: Cache;
	private buffers: Float32Array[] = [];

	/** `rows` times the one row of `cache`. What was given for another cache is overwritten. */
	of(cache: Cache, rows: number): Cache {
		if (cache !== this.cache || rows > this.rows) {
			cache.values.forEach(({ data }, value) => this.fill(value, data as Float32Array, rows));
			this.rows = rows;
			this.cache = cache;
		}
		const values = cache.values.map(({ data, dims }, value) => {
			const [, ...row] = dims as Dims;
			return floats(this.buffers[value]!.subarray(0, rows * data.length), rows, ...row);
		});
		return { length: cache.length, values };
	}

	private fill(value: number, data: Float32Array, rows: number): void {
		const size = rows * data.length;
		if ((this.buffers[value]?.length ?? 0) < size) {
			this.buffers[value] = new Float32Array(size);
		}
		for (let row = 0; row < rows; row++) {
			this.buffers[value]!.set(data, row * data.length);
		}
	}
}
