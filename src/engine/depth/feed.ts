/** The positions of a call, as the core and the coda are told them: which they are, and which others each of them sees. */
import { integers, type Tensor } from '../runtime';

/** `rows` sequences of `count` positions after `past` cached ones. */
export interface Feed {
	rows: number;
	count: number;
	past: number;
	/** [rows, count]. */
	positions: readonly number[];
	/** [rows, past]: 1 where a cached position is the row's own. */
	sees: Uint8Array;
	/** [rows, count]: 1 where it is no padding. */
	real: Uint8Array;
}

/**
 * Keys are the cached ones [past], then in the place of some of the call's positions those that they left when they halted [count, where
 * `held` is given], then what the call itself computes [count].
 */
export function maskOf({ rows, count, past, sees, real }: Feed, held?: Uint8Array): Tensor {
	const keys = past + (held ? 2 : 1) * count;
	const mask = new Uint8Array(rows * count * keys);
	for (let row = 0; row < rows; row++) {
		for (let i = 0; i < count; i++) {
			const line = mask.subarray((row * count + i) * keys, (row * count + i + 1) * keys);
			line.set(sees.subarray(row * past, (row + 1) * past));
			for (let other = 0; other < i; other++) {
				const at = row * count + other;
				if (real[at]) {
					line[(held?.[at] ? past : keys - count) + other] = 1;
				}
			}
			// Itself, also where it is padding: a row of scores must not be empty.
			line[keys - count + i] = 1;
		}
	}
	return { type: 'bool', data: mask, dims: [rows, count, keys] };
}

/**
 * Of `times` states at each position, side by side: keys are the cached ones [past], what the call's positions left [count, unless
 * `alone`], then those of the states [times × count]. A state sees itself, and of the others what they left.
 */
export function lensMaskOf({ rows, count, past, sees, real }: Feed, times: number, alone: boolean): Tensor {
	const left = alone ? 0 : count;
	const keys = past + left + times * count;
	const mask = new Uint8Array(rows * times * count * keys);
	for (let row = 0; row < rows; row++) {
		for (let query = 0; query < times * count; query++) {
			const line = mask.subarray((row * times * count + query) * keys, (row * times * count + query + 1) * keys);
			line.set(sees.subarray(row * past, (row + 1) * past));
			for (let other = 0; other < Math.min(left, query % count); other++) {
				line[past + other] = real[row * count + other]!;
			}
			line[past + left + query] = 1;
		}
	}
	return { type: 'bool', data: mask, dims: [rows, times * count, keys] };
}

/** [rows, times × count]. */
export function positionsOf({ rows, count, positions }: Feed, times = 1): Tensor {
	const all = Array.from({ length: rows }, (_, row) => Array.from({ length: times }, () => positions.slice(row * count, (row + 1) * count)).flat()).flat();
	return integers(all, rows, times * count);
}
