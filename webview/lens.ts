/** Geometry of an overview: the part of a long list that is in view, as a lens on the whole of it. Pixels. */
import { clamp } from '../src/shared/range';

export interface Axis {
	/** Height of all rows, of the view on them, and of the overview. */
	content: number;
	view: number;
	overview: number;
}

/** A lower one could not be taken hold of. */
const LEAST_HEIGHT = 12;

/** Where the lens lies while the list is scrolled to `scroll`. As long as it shows true heights, its edges are true too. */
export function lensAt(scroll: number, { content, view, overview }: Axis): { top: number; height: number } {
	const height = clamp((view / Math.max(content, 1)) * overview, Math.min(LEAST_HEIGHT, overview), overview);
	const furthest = Math.max(0, content - view);
	return { top: furthest === 0 ? 0 : (clamp(scroll, 0, furthest) / furthest) * (overview - height), height };
}

/** The scroll position that brings the lens to `top`. */
export function scrollFor(top: number, axis: Axis): number {
	const free = axis.overview - lensAt(0, axis).height;
	return free <= 0 ? 0 : (clamp(top, 0, free) / free) * Math.max(0, axis.content - axis.view);
}

/** Places of `bins` bins, that share `height` equally: whole pixels that leave no gap. */
export function binBox(bin: number, bins: number, height: number): { top: number; bottom: number } {
	return { top: Math.round((bin / bins) * height), bottom: Math.max(Math.round(((bin + 1) / bins) * height), Math.round((bin / bins) * height) + 1) };
}

/** Rows of a bin, of `bins` that share `rows` equally, half-open. */
export function rowsOfBin(bin: number, bins: number, rows: number): { start: number; end: number } {
	return { start: Math.ceil((bin * rows) / bins), end: Math.ceil(((bin + 1) * rows) / bins) };
}
