/** What a report says, before it is Markdown, CSV or a page. Texts of models and files are in it as they are: the renderers escape. */

export interface Report {
	title: string;
	/** One for each result or trace. */
	parts: Part[];
	/** ISO 8601, UTC. */
	created: string;
	producer: string;
}

export interface Part {
	title: string;
	/** One sentence on what was run. */
	subtitle: string;
	/** The few figures that are read first. */
	headline: Headline[];
	sections: Section[];
	/** What was asked for and is not there: one sentence each. */
	notes: string[];
	/** Hashes, seed, versions. */
	provenance: { label: string; value: string }[];
	/** Every number of the part once, for `report.csv`. */
	figures: Figure[];
}

export interface Headline {
	label: string;
	value: string;
	unit: string;
	/** Its interval. */
	range: string;
	/** What it is held against. */
	control?: string;
}

export interface Section {
	title: string;
	/** How to read it. */
	text: string;
	plot?: Plot;
	/** Of everything that the plot shows, too. */
	tables: Table[];
}

export interface Table {
	caption: string;
	/** `short`: is not broken into lines. */
	columns: { label: string; numeric?: true; short?: true }[];
	rows: string[][];
}

/** A value with its 95 % interval, 0..1; null where not measured. */
export interface Dot {
	value: number | null;
	ci: [number | null, number | null];
}

/** Shares on one axis from 0 to 100 %. `series` are at most two: what is measured, and its control. */
export type Plot =
	| {
			kind: 'dots';
			caption: string;
			series: string[];
			/** `dots`: one for each series. */
			rows: { label: string; dots: (Dot | undefined)[] }[];
			/** What the dots are compared with: one for each series, or none. */
			lines: { label: string; values: (number | null)[] } | undefined;
	  }
	| {
			kind: 'curve';
			caption: string;
			xLabel: string;
			series: { name: string; points: (Dot & { x: number })[] }[];
			mark?: { x: number; label: string };
	  };

/** One number and what it is of. Empty text: does not apply. */
export interface Figure {
	source: string;
	model: string;
	arm: string;
	test: string;
	form: string;
	step: string;
	measure: string;
	/** `share`, `nats`, `points`, `seconds`, `bits`, `percentile`, `level`, `dimensions` */
	unit: string;
	value: number | null;
	low: number | null;
	high: number | null;
	n: number | null;
	p: number | null;
}
