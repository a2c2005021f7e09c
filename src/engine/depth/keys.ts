/** Keys and values [rows, heads, positions, width], put together from parts. Nothing is shared with what they come from. */
import { floats, type Tensor } from '../runtime';

type Dims = [rows: number, heads: number, length: number, width: number];

/** `past` and then `added`, of the same rows. */
export function joined(past: Tensor, added: Tensor): Tensor {
	const [rows, heads, before, width] = past.dims as Dims;
	const after = (added.dims as Dims)[2];
	const all = new Float32Array(rows * heads * (before + after) * width);
	for (let lane = 0, at = 0; lane < rows * heads; lane++, at += (before + after) * width) {
		all.set(lanes(past, lane), at);
		all.set(lanes(added, lane), at + before * width);
	}
	return floats(all, rows, heads, before + after, width);
}

/** The last `count` positions. */
export function tail(keys: Tensor, count: number): Tensor {
	const [rows, heads, length, width] = keys.dims as Dims;
	const all = new Float32Array(rows * heads * count * width);
	for (let lane = 0; lane < rows * heads; lane++) {
		all.set(lanes(keys, lane).subarray((length - count) * width), lane * count * width);
	}
	return floats(all, rows, heads, count, width);
}

/** Of each row and position those of `held` where `isHeld` [rows, positions] is set, else those of `fresh`. */
export function chosen(held: Tensor, fresh: Tensor, isHeld: Uint8Array): Tensor {
	const [rows, heads, count, width] = fresh.dims as Dims;
	const all = (fresh.data as Float32Array).slice();
	for (let row = 0; row < rows; row++) {
		for (let i = 0; i < count; i++) {
			for (let head = 0; isHeld[row * count + i] && head < heads; head++) {
				const at = ((row * heads + head) * count + i) * width;
				all.set((held.data as Float32Array).subarray(at, at + width), at);
			}
		}
	}
	return floats(all, rows, heads, count, width);
}

/** Of one row and head. */
function lanes({ data, dims }: Tensor, lane: number): Float32Array {
	const size = dims[2]! * dims[3]!;
	return (data as Float32Array).subarray(lane * size, (lane + 1) * size);
}
