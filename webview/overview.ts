/** What an overview shows of a stretch of rows, in words. */
import { OVERVIEW_MARKS, type Lane, type Overview } from '../src/shared/panel';
import type { Range } from '../src/shared/range';
import { decimals } from '../src/shared/decimals';

/** Codes that are named of a stretch; the rest are counted. */
const NAMED = 3;

/** `Steps 17 to 36 of 128. room a, c; entropy 0.01 to 0.30 nats; spare.` */
export function inWords(overview: Overview, { start, end }: Range): string {
	const { rows, bins, lanes, marks } = overview;
	const from = Math.floor((start * bins) / rows);
	const to = Math.max(from + 1, Math.ceil((end * bins) / rows));
	const seen = marks.slice(from, to).reduce((all, one) => all | one, 0);
	const marked = Object.entries(OVERVIEW_MARKS).flatMap(([name, bit]) => (seen & bit ? [name] : []));
	const told = [...lanes.map((lane) => laneInWords(lane, from, to)).filter(Boolean), ...marked];
	const place = end - start === 1 ? `Step ${start + 1}` : `Steps ${start + 1} to ${end}`;
	return `${place} of ${rows}.${told.length > 0 ? ` ${told.join('; ')}.` : ''}`;
}

function laneInWords(lane: Lane, from: number, to: number): string {
	switch (lane.kind) {
		case 'codes': {
			const count = lane.classes.length;
			const names = lane.classes.filter((_, id) => lane.share.slice(from * count, to * count).some((share, i) => i % count === id && share > 0));
			const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
			return names.length > 0 ? `${lane.label} ${names.slice(0, NAMED).join(', ')}${more}` : '';
		}
		case 'curve':
			return between(lane.label, lane.least.subarray(from, to), lane.most.subarray(from, to), lane.unit);
		case 'scores':
			return between(lane.label, lane.mean.subarray(from, to), lane.mean.subarray(from, to), '');
	}
}

function between(label: string, least: Float32Array, most: Float32Array, unit: string): string {
	const known = (values: Float32Array) => values.filter((value) => !Number.isNaN(value));
	const [low, high] = [known(least).reduce((a, b) => Math.min(a, b), Infinity), known(most).reduce((a, b) => Math.max(a, b), -Infinity)];
	const [a, b] = [decimals(low), decimals(high)];
	return low > high ? '' : `${label} ${a === b ? a : `${a} to ${b}`}${unit ? ` ${unit}` : ''}`;
}
