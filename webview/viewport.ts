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

/** How much of a row is shown, from the least: a line of small text, a line, several lines with ranked words and bars. */
export const ZOOMS = ['dense', 'thin', 'tall'] as const;
export type Zoom = (typeof ZOOMS)[number];

/** What there is to lay out. */
export interface Extents {
	rows: number;
	/** Sites 0..layers. */
	layers: number;
	/** Columns that have something to show; all where absent. */
	columns?: { sentences: boolean; scores: boolean; thoughts?: boolean };
	/** As chosen by the user; by the number of rows where absent. */
	zoom?: Zoom;
}

/** Pixels, except `top`, `kept` and what has no unit. */
export interface Metrics {
	zoom: Zoom;
	/** Several lines a row, with ranked words and bars; otherwise one line a row. */
	tall: boolean;
	/** Three columns side by side, closer together; or the sentence and the heatmap above the thought. */
	layout: 'wide' | 'compact' | 'stacked';
	rowHeight: number;
	/** Of the heatmap, and of the column that holds it and the probe's figures; 0 where there is none. */
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
/** Of a row of one line. Text of 10 pixels needs 16. */
const LINE_HEIGHT = { dense: 16, thin: 24 };
const WORD_HEIGHT = 17;
/** Of a tall row without its words: the strip of all layers and the space around; where it is stacked the sentence too. */
const TALL_HEIGHT = { wide: 41, compact: 41, stacked: 80 };
/** Decoded words of a tall row. A stacked one is higher, and gives more of them up. */
const TOP_TALL = { ample: 4, short: 4, least: 3 };
const TOP_STACKED = { ample: 4, short: 4, least: 2 };
/** Without a thought in any row there are no words: room for three lines of what was written. */
const TOP_WRITTEN = 1;
/** As high in dense rows as in thin ones: who zooms out wants to see more of them. */
const KEPT = { tall: 2, thin: 8, dense: 12 };

export function metrics({ rows, layers, columns = { sentences: true, scores: true }, zoom }: Extents, width: number, room: Room): Metrics {
	const shown = zoom ?? (rows <= TALL_ROWS ? 'tall' : 'thin');
	const tall = shown === 'tall';
	const written = columns.thoughts === false;
	// With one column beside the thoughts, or without them, there is nothing to stack.
	const stacked = tall && width < STACKED_BELOW && columns.sentences && !written;
	const layout = width >= WIDE_FROM ? 'wide' : stacked ? 'stacked' : 'compact';
	const heatWidth = columns.scores ? columnWidth(layers + 1, width) : 0;
	const scoresWidth = width < FIGURES_FROM || heatWidth === 0 ? heatWidth : Math.max(heatWidth, FIGURES_WIDTH);
	const common = { zoom: shown, tall, layout, heatWidth, scoresWidth } as const;
	if (shown !== 'tall') {
		const height = LINE_HEIGHT[shown];
		return { ...common, rowHeight: height, cellTop: 0, cellHeight: height, top: TOP_THIN, kept: KEPT[shown] };
	}
	const top = written ? TOP_WRITTEN : (layout === 'stacked' ? TOP_STACKED : TOP_TALL)[room];
	return { ...common, rowHeight: TALL_HEIGHT[layout] + top * WORD_HEIGHT, cellTop: 9, cellHeight: 22, top, kept: KEPT.tall };
}

/** The next larger or smaller one, within what there is. */
export function zoomed(zoom: Zoom, by: number): Zoom {
	return ZOOMS[clamp(ZOOMS.indexOf(zoom) + by, 0, ZOOMS.length - 1)]!;
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
