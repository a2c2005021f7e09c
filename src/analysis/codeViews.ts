/** What thoughts read as by learnt codes. */
import type { CodeReading } from '../shared/panel';
import type { Range } from '../shared/range';
import type { CodeRecord } from '../trace/document';
import type { PlaneData, TraceSource } from '../trace/planes';
import { visible } from './text';

/** Codes that stand in a row: the nearest, and the one to compare it with. */
export const ROW_CODES = 2;

/** A part's codes of the thoughts in a range, `stride` of each, nearest first; fewer thoughts where a run has not come so far. */
interface Part extends Pick<CodeRecord, 'name' | 'state' | 'classes'> {
	stride: number;
	ids: PlaneData;
	distances?: PlaneData;
}

/** Every part of one thought with at most `count` codes; undefined where it was not read by codes (yet). */
export type CodeReader = (thought: number, count: number) => CodeReading[] | undefined;

export async function codeReader(source: TraceSource, arm: string, rows: Range): Promise<CodeReader> {
	const parts = await Promise.all((source.document.model.codes ?? []).map((code) => readPart(source, arm, code, rows)));
	return (thought, count) => {
		const readings = parts.map((part) => reading(part, thought - rows.start, count));
		return readings.length > 0 && readings.every(({ nearest }) => nearest.length > 0) ? readings : undefined;
	};
}

/** Class of the nearest code of each thought in the range, as far as a run has come. */
export async function nearestClasses(source: TraceSource, arm: string, code: CodeRecord, rows: Range): Promise<number[]> {
	const { ids, stride } = await readPart(source, arm, code, rows);
	return Array.from({ length: stride === 0 ? 0 : ids.length / stride }, (_, i) => ids[i * stride]!);
}

async function readPart(source: TraceSource, arm: string, { name, state, classes }: CodeRecord, rows: Range): Promise<Part> {
	const [first, ids = new Int32Array(0), distances] = await Promise.all([
		source.read(arm, `code.${name}.id`, { start: 0, end: 1 }),
		source.read(arm, `code.${name}.id`, rows),
		source.read(arm, `code.${name}.distance`, rows),
	]);
	return { name, state, classes, stride: first?.length ?? 0, ids, distances };
}

function reading({ name, state, classes, stride, ids, distances }: Part, at: number, count: number): CodeReading {
	const places = Array.from({ length: Math.min(count, stride) }, (_, i) => at * stride + i);
	return {
		part: visible(name),
		state,
		nearest: places
			// There may be fewer classes than places for them.
			.filter((place) => classes[ids[place] ?? -1] !== undefined)
			.map((place) => ({ text: visible(classes[ids[place]!]!), distance: distances?.[place] ?? NaN })),
	};
}
