/** Geometry of the windowed step axis. All rows of one run are equally high: a row's place is a product and not a search. */
import type { Range } from '../src/shared/range';
import { clamp } from '../src/shared/range';

/** What the panel has room for: everything in full; all but the steps in a line each; or that, and fewer words a row. */
export type Room = 'ample' | 'short' | 'least';

/** Where header, meter and the head of the steps in full leave room for the steps and for the details. */
const AMPLE_FROM = { width: 700, height: 1000 };
/** Lower panels do not hold two rows of four words beside the details. */
const SHORT_FROM = 680;

export function roomOf(width: number, height: number): Room {
	return height < SHORT_FROM ? 'least' : width < AMPLE_FROM.width || height < AMPLE_FROM.height ? 'short' : 'ample';
}

/** Pixels, except `top`, `kept` and the flags. */
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
	/** Rows for which there is always room: what stands below the steps gives way to them. */
	kept: number;
}

/** More rows than this get one line each: they no longer fit a few screens, and what matters is their course. */
const TALL_ROWS = 64;
/** Room for long headings and for every word of the strip; a panel beside an editor is usually narrower. */
const WIDE_FROM = 720;
/** Below this width three columns would each be too narrow for a word with its bar. */
const STACKED_BELOW = 490;
/** What a probe's figures need to stand in one line. */
const FIGURES_WIDTH = 236;
/** Narrower panels have no room for them in one line beside what else there is. */
const FIGURES_FROM = 620;
/** Three layers with their figures. */
const NARROW_HEAT = 141;
const TOP_THIN = 3;
const THIN_HEIGHT = 24;
const WORD_HEIGHT = 17;
/** Of a tall row without its words: the strip of all layers and the space around; where it is stacked the sentence too. */
const TALL_HEIGHT = { wide: 41, compact: 41, stacked: 80 };
/** Decoded words of a tall row. A stacked one is higher, and gives more of them up. */
const TOP_TALL = { ample: 4, short: 4, least: 3 };
const TOP_STACKED = { ample: 4, short: 4, least: 2 };
const KEPT = { tall: 2, thin: 8 };

export function metrics(rows: number, layers: number, width: number, room: Room): Metrics {
	const tall = rows <= TALL_ROWS;
	const layout = width >= WIDE_FROM ? 'wide' : tall && width < STACKED_BELOW ? 'stacked' : 'compact';
	const heatWidth = columnWidth(layers + 1, width);
	const scoresWidth = width < FIGURES_FROM ? heatWidth : Math.max(heatWidth, FIGURES_WIDTH);
	const columns = { layout, heatWidth, scoresWidth } as const;
	if (!tall) {
		return { ...columns, tall, rowHeight: THIN_HEIGHT, cellTop: 0, cellHeight: THIN_HEIGHT, top: TOP_THIN, kept: KEPT.thin };
	}
	const top = (layout === 'stacked' ? TOP_STACKED : TOP_TALL)[room];
	return { ...columns, tall, rowHeight: TALL_HEIGHT[layout] + top * WORD_HEIGHT, cellTop: 9, cellHeight: 22, top, kept: KEPT.tall };
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
