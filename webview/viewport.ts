/** Geometry of the windowed step axis. All rows of one run are equally high: a row's place is a product and not a search. */
import type { Range } from '../src/shared/range';
import { clamp } from '../src/shared/range';

/** Pixels, except `top` and the flags. */
export interface Metrics {
	/** Several lines a row, with ranked words and bars; otherwise one line a row. */
	tall: boolean;
	/** Three columns side by side, closer together; or the sentence and the heatmap above the thought. */
	layout: 'wide' | 'compact' | 'stacked';
	rowHeight: number;
	/** Of the heatmap, and of the column that holds it and the probe's figures. */
	heatWidth: number;
	scoresWidth: number;
	cellTop: number;
	cellHeight: number;
	/** Decoded words a row shows. */
	top: number;
}

/** More rows than this get one line each: they no longer fit a few screens, and what matters is their course. */
const TALL_ROWS = 64;
/** Room for long headings and for every word of the strip; a panel beside an editor is usually narrower. */
const WIDE_FROM = 720;
/** Below this width three columns would each be too narrow for a word with its bar. */
const STACKED_BELOW = 520;
/** What a probe's figures need to stand in one line. */
const FIGURES_WIDTH = 236;
/** Narrower panels have no room for them in one line beside what else there is. */
const FIGURES_FROM = 620;
/** Three layers with their figures. */
const NARROW_HEAT = 141;
const TOP_TALL = 4;
const TOP_THIN = 3;

export function metrics(rows: number, layers: number, width: number): Metrics {
	const tall = rows <= TALL_ROWS;
	const layout = width >= WIDE_FROM ? 'wide' : tall && width < STACKED_BELOW ? 'stacked' : 'compact';
	const heatWidth = columnWidth(layers + 1, width);
	const scoresWidth = width < FIGURES_FROM ? heatWidth : Math.max(heatWidth, FIGURES_WIDTH);
	return tall
		? {
				tall,
				layout,
				rowHeight: layout === 'stacked' ? 157 : 109,
				heatWidth,
				scoresWidth,
				cellTop: 9,
				cellHeight: 22,
				top: TOP_TALL,
			}
		: { tall, layout, rowHeight: 24, heatWidth, scoresWidth, cellTop: 0, cellHeight: 24, top: TOP_THIN };
}

/** Wide enough for figures in the cells where there are few layers, a strip of colours where there are many. */
function columnWidth(sites: number, width: number): number {
	const room = width < WIDE_FROM ? NARROW_HEAT : clamp(width * 0.3, 198, 420);
	const cell = sites <= 6 ? 66 : sites <= 13 ? 32 : 12;
	return Math.round(clamp(sites * cell, NARROW_HEAT, room));
}

/**
 * Rows that touch [scroll, scroll + height), widened by `overscan` rows and rounded outward to multiples of it: small scrolls
 * change nothing.
 */
export function visible(scroll: number, height: number, rowHeight: number, rows: number, overscan: number): Range {
	const first = Math.floor(scroll / rowHeight / overscan - 1) * overscan;
	const last = Math.ceil((scroll + height) / rowHeight / overscan + 1) * overscan;
	return { start: clamp(first, 0, rows), end: clamp(last, 0, rows) };
}

/** The nearest scroll position at which `row` is wholly in view. */
export function reveal(row: number, rowHeight: number, scroll: number, height: number): number {
	const top = row * rowHeight;
	return top < scroll ? top : Math.max(scroll, Math.min(top, top + rowHeight - height));
}
