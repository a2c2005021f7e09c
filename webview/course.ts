/** What is said and chosen about all thoughts at once: words for a point, keys, places of bins. */
import { decimals, difference } from '../src/shared/decimals';
import type { Course, CurveView, PathView } from '../src/shared/panel';
import { clamp } from '../src/shared/range';
import type { CurveKind } from './draw/curve';
import type { Axes } from './draw/path';
import { exact } from './figures';

const MISSING = 'not measured';
/** Thoughts that Page Up and Page Down move by. */
const PAGE = 10;

/** The thought that a key leads to from `row`; absent where the key means nothing here. */
export function moved(key: string, row: number | undefined, count: number): number | undefined {
	const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, PageDown: PAGE, PageUp: -PAGE, Home: -Infinity, End: Infinity }[key];
	if (by === undefined || count === 0) {
		return undefined;
	}
	return clamp(row === undefined ? (by === Infinity ? count - 1 : 0) : row + by, 0, count - 1);
}

/** The bin that holds a selected row; absent where none is selected, or a row beyond the last thought. */
export function binOf({ thoughts, every }: Course, row: number | undefined): number | undefined {
	return row === undefined || row >= thoughts ? undefined : Math.floor(row / every);
}

/** Pairs of components that can be looked at, of those that tell anything. */
export function planes({ shares }: Pick<PathView, 'shares'>): { value: string; label: string; axes: Axes }[] {
	const known = shares.slice(0, 3).filter((share) => share > 0).length;
	const pairs: Axes[] = known >= 3 ? [[0, 1], [0, 2], [1, 2]] : [[0, 1]];
	return pairs.map((axes) => ({ value: axes.join(), label: `${axes[0] + 1} × ${axes[1] + 1}`, axes }));
}

/** `21 %` */
export function percent(share: number): string {
	return `${decimals(100 * share, share > 0 && share < 0.01 ? 1 : 0)} %`;
}

/** `Thought 23`, or `Thoughts 21–30` where they share a bin; counted from 1. */
export function nameOf({ thoughts, every }: Course, bin: number): string {
	const first = bin * every + 1;
	const last = Math.min(thoughts, first + every - 1);
	return last > first ? `Thoughts ${first}–${last}` : `Thought ${first}`;
}

/** A value of a curve and what it is held against; `whole`: with range or interval. `kind`: differences have a sign. */
export function reading({ series, control }: CurveView, bin: number, kind: CurveKind, whole: boolean): { value: string; control: string } {
	const print = kind === 'stems' ? (value: number | undefined) => difference(value) : (value: number | undefined) => decimals(value);
	const within = (of: CurveView['series']) => (whole && of.high[bin]! > of.low[bin]! ? ` [${print(of.low[bin])}, ${print(of.high[bin])}]` : '');
	const measured = !Number.isNaN(series.mean[bin]!);
	const value = measured ? `${print(series.mean[bin])}${within(series)}` : MISSING;
	if (!control) {
		return { value, control: '' };
	}
	const against = control.kind === 'level' ? decimals(control.value) : `${print(control.series.mean[bin])}${within(control.series)}`;
	return { value, control: control.kind === 'curve' && !measured ? '' : `${control.label} ${against}` };
}

/** One line a measure. */
export function explain(course: Course, bin: number): string {
	const { curves, effects, path } = course;
	const codes = (path?.labels ?? []).flatMap(({ by, groups, of }) => {
		const name = groups[of[bin] ?? -1]?.name;
		return name === undefined ? [] : [`${by}: ${name}`];
	});
	const line = (curve: CurveView, kind: CurveKind) => {
		const { value, control } = reading(curve, bin, kind, true);
		return `${curve.label}: ${value}${curve.unit === 'nats' && value !== MISSING ? ' nats' : ''}${control === '' ? '' : ` (${control})`}`;
	};
	const name = `${nameOf(course, bin)}${path?.spare[bin] === 1 ? ', spare' : ''}`;
	return [name, ...codes, ...curves.map((curve) => line(curve, 'line')), ...(effects ? [line(effects, 'stems')] : [])].join('\n');
}

/** An end of a curve's scale. */
export function endOf(value: number): string {
	return exact(Number(value.toPrecision(2)));
}

/** What the section says beside its name. */
export function summary({ path, effects, thoughts, every }: Course): string {
	const shown = (path?.shares ?? []).slice(0, 2);
	const parts = [
		every > 1 && `${every} thoughts a point`,
		path && `2 components hold ${percent(shown.reduce((sum, share) => sum + share, 0))} of the variance`,
		effects && `answer tested at ${effects.measured} of ${thoughts} thoughts`,
	];
	return parts.filter(Boolean).join(' · ');
}
