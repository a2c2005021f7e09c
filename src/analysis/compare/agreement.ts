/** Whether values that were computed again are the same, as far as arithmetic in another order can tell. */
import { fromHalf } from '../../trace/half';
import type { PlaneData } from '../../trace/planes';

/** The first value that is not. */
export interface Parting {
	/** Place in the values. */
	index: number;
	recorded: number;
	here: number;
	/** Of a number: what would still count as the same. */
	tolerance?: number;
}

/** Ids, and the values that they are ranked by, where they are. */
export interface Ranked {
	own: PlaneData | undefined;
	values: PlaneData | undefined;
}

/** `share`: of the largest value in a group of `group` (of 1 where all are smaller), by which a value may differ. */
export function differentNumber(one: PlaneData | undefined, other: PlaneData | undefined, group: number, share: number): Parting | undefined {
	const [a, b] = [numbers(one), numbers(other)];
	for (let start = 0; start < a.length; start += group) {
		const allowed = share * largest(a, start, group);
		for (let i = start; i < start + group; i++) {
			const [recorded, here] = [a[i]!, b[i] ?? NaN];
			if (!(Object.is(recorded, here) || Math.abs(recorded - here) <= allowed)) {
				return { index: i, recorded, here, tolerance: allowed };
			}
		}
	}
	return undefined;
}

/** Tokens whose values are as good as the same may change places; one that fell off the list was not better than its last. */
export function differentRank(one: Ranked, other: Ranked, group: number, share: number): Parting | undefined {
	const [ids, values, idsHere, valuesHere] = [one.own, one.values, other.own, other.values].map((data) => data ?? new Float32Array()) as [PlaneData, PlaneData, PlaneData, PlaneData];
	for (let start = 0; start < ids.length; start += group) {
		const allowed = share * largest(values, start, group);
		const place = (id: number) => idsHere.subarray(start, start + group).indexOf(id);
		for (let i = start; i < start + group; i++) {
			const found = place(ids[i]!);
			const value = found < 0 ? valuesHere[start + group - 1] : valuesHere[start + found];
			if (ids[i] !== idsHere[i] && !(Math.abs(values[i]! - (value ?? NaN)) <= allowed)) {
				return { index: i, recorded: ids[i]!, here: idsHere[i] ?? NaN };
			}
		}
	}
	return undefined;
}

/** Of absolute values, and 1 where all are smaller. */
function largest(values: ArrayLike<number>, start: number, count: number): number {
	let most = 1;
	for (let i = start; i < start + count; i++) {
		const value = Math.abs(values[i] ?? 0);
		most = value < Infinity ? Math.max(most, value) : most;
	}
	return most;
}

function numbers(data: PlaneData | undefined): ArrayLike<number> {
	return data instanceof Uint16Array ? fromHalf(data) : (data ?? []);
}
