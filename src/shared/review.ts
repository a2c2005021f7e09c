/** Notes on a trace as the panel shows them, and what it asks to be changed. */

export interface ReviewView {
	/** Why the file beside the trace is not shown; nothing is written while it cannot be read. */
	problem?: string;
	/** In the order of the step axis. */
	notes: NoteView[];
	/** Notes about what the step axis does not show. */
	elsewhere: number;
}

export interface NoteView {
	row: number;
	/** Empty: a bookmark. */
	text: string;
	author?: string;
	/** By whoever sits here, who may change it. */
	own: boolean;
}

/** The own note of a step: its text, empty for a bookmark; `null` takes it back. */
export interface NoteChange {
	row: number;
	text: string | null;
}

/** A picture to be drawn: SVG text that needs nothing from outside, and its size in CSS pixels. */
export interface Drawing {
	svg: string;
	width: number;
	height: number;
}

/** What the page shows that the host does not know. */
export interface Shown {
	/** Heatmap on view; absent where there is none. */
	probe?: string;
	/** Its colours from the lowest to the highest value, `#rrggbb`. */
	colours: string[];
}
