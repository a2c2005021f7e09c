/** Rows of planes at places that need not lie together. */
import type { Range } from '../../shared/range';
import { fromHalf } from '../../trace/half';
import type { PlaneData, PlaneName, TraceSource } from '../../trace/planes';

/** Rows between the first and the last place are read together up to here; where there are more, place by place. */
const MAX_SPAN_VALUES = 4 * 1024 * 1024;

export type Values = Float32Array | Int32Array;

/** By place; empty where there is no such row, or no such plane. Half-precision values come out as numbers. */
export async function valuesAt(source: TraceSource, arm: string, plane: PlaneName, places: readonly number[], stride: number): Promise<Values[]> {
	if (places.length === 0) {
		return [];
	}
	const span: Range = { start: places.reduce((a, b) => Math.min(a, b)), end: places.reduce((a, b) => Math.max(a, b)) + 1 };
	if ((span.end - span.start) * stride <= MAX_SPAN_VALUES) {
		const all = numbers(await source.read(arm, plane, span));
		return places.map((place) => all.subarray((place - span.start) * stride, (place + 1 - span.start) * stride));
	}
	const found: Values[] = [];
	for (const place of places) {
		found.push(numbers(await source.read(arm, plane, { start: place, end: place + 1 })));
	}
	return found;
}

function numbers(data: PlaneData | undefined): Values {
	return data instanceof Uint16Array ? fromHalf(data) : data instanceof Float32Array || data instanceof Int32Array ? data : new Float32Array();
}
