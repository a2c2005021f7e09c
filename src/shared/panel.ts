/**
 * The boundary between the extension host and the panel (or the trace editor: both show the same views).
 *
 * The panel holds no trace. The host sends complete snapshots of the state; the panel asks for the rows and tiles that it shows.
 */
import type { Range } from './range';
import type { Drawing, NoteChange, ReviewView, Shown } from './review';
import type { Call } from './rpc';

/** Calls that the host answers. */
export interface HostApi {
	/** The panel's script runs; the host answers by sending `state` and `selection`. */
	ready: Call;
	rows: Call<RowsQuery, Row[]>;
	tile: Call<TileQuery, Tile>;
	overview: Call<OverviewQuery, Overview>;
	details: Call<{ revision: number; row: number }, Details>;
	/** Of a model that loops over depth: one row for each position of an arm. */
	loops: Call<LoopsQuery, LoopRow[]>;
	/** `null` where nothing is known of the thoughts that could be drawn. */
	course: Call<CourseQuery, Course | null>;
	select: Call<Selection>;
	act: Call<Action>;
	note: Call<NoteChange>;
	/** URIs of files that were dropped on the page. */
	open: Call<{ uris: string[] }>;
	/** `model`: the name of a bundled or added one; the model of what is on view, or that the prompt asks for, where absent. */
	card: Call<{ model?: string }, ModelCardView>;
}

/** Calls that the panel answers. */
export interface PanelApi {
	state: Call<PanelState>;
	selection: Call<Selection>;
	/** `null` where what is on view has no notes and can have none. */
	review: Call<ReviewView | null>;
	/** Shows a part of the panel, and moves the focus there. */
	reveal: Call<Reveal>;
	shown: Call<undefined, Shown>;
	/** Bytes of a PNG file, twice as many pixels a side. */
	rasterize: Call<Drawing, Uint8Array>;
}

export type Reveal =
	/** A section of the selected step's details; `of`: with the lines about that unfolded. */
	| { section: 'tests'; of?: TestView['of'] }
	/** The note of the selected step. */
	| { section: 'note' }
	/** The card of a model, see `HostApi.card`. */
	| { section: 'card'; model?: string };

/** What a button of the panel asks for; the host maps it to a command. */
export type Action =
	| 'analyze'
	| 'cancel'
	| 'saveTrace'
	| 'chooseModel'
	| 'addModel'
	| 'showLog'
	| 'manageTrust'
	| 'openExample'
	| 'restartEngine'
	| 'testRun'
	| 'noteStep'
	| 'listNotes'
	| 'compareWith'
	| 'copyPython';

export type PanelState =
	/** No prompt file is active. */
	| { kind: 'empty' }
	/** A prompt file is active and has not been analysed. */
	| { kind: 'idle'; name: string; model: string }
	| { kind: 'untrusted'; name?: string }
	| { kind: 'unavailable'; reason: string }
	/**
	 * `run`, of what failed or was cancelled: what it had found by then (`shows: 'partial'`), or the last finished run (`'previous'`), which is
	 * `stale` where the prompt or the settings have changed since. `source`: `file` where a trace file could not be opened.
	 */
	| { kind: 'failed'; name: string; message: string; action: { label: string; act: Action }; run?: Run; shows?: 'partial' | 'previous'; stale?: boolean; source: 'run' | 'file' }
	/** `fraction` 0..1 where it can be told; `run` as soon as there is something to show. */
	| { kind: 'running'; name: string; message: string; fraction?: number; run?: Run }
	| { kind: 'cancelled'; name: string; run?: Run; shows?: 'partial' | 'previous'; stale?: boolean }
	/** `stale`: the prompt file has changed since. */
	| { kind: 'ready'; name: string; run: Run; stale: boolean; source: 'run' | 'file' };

/** Header and extents of what is shown. Everything else is asked for by range. */
export interface Run {
	/** Changes whenever rows or tiles that were asked for before may have changed. */
	revision: number;
	/** The question: the prompt's last sentence, or its first line. */
	title: string;
	/** `davis.prompt.md · prosqa, 2 layers × 128 · 6 latents · seed 0 · 214 ms` */
	subtitle: string;
	arms: ArmView[];
	/** Whether all arms that answered agree; absent while fewer than two have. */
	agree?: boolean;
	/** Of an imported trace: how much of the reasoning its source holds. */
	reasoning?: 'full' | 'summary' | 'redacted' | 'none';
	/** Rows of the shared step axis. */
	rows: number;
	/** Of a file of activations and nothing else, which has no rows: at how many positions, and how wide they are. */
	unworded?: { positions: number; width: number };
	/** Sites 0..layers. */
	layers: number;
	columns: Columns;
	/** Three numbers of the latent arm, each with its control; absent while there is no evidence. */
	meter?: MeterView[];
	/** How usual what was written is; absent while that was not measured. */
	legibility?: LegibilityView;
	/** Of a model that loops over depth. */
	depth?: DepthView;
	/** Heatmaps that can be drawn, the default one first. */
	probes: ProbeView[];
	/** Figures of every cell of a probe's fit; see `ProbeView.fit`. */
	fits: ProbeCell[][];
	notes: string[];
	/** Of an arm that has ended with enough thoughts to be drawn all at once. */
	course?: { thoughts: number };
}

/** What the rows have anything of, so that no column stands empty. */
export interface Columns {
	sentences: boolean;
	thoughts: boolean;
	/** False where no token of what was written has a probability. */
	surprise?: false;
	/** Parts that the model has learnt codes of, in the order of `ThoughtView.codes`. */
	codes: Pick<CodeReading, 'part' | 'state'>[];
	gate: boolean;
	readout: boolean;
}

/** Loops × tokens. */
export interface DepthView {
	/** Blocks before the loops, and loops. */
	prelude: number;
	loops: number;
	/**
	 * `tokens`: positions so far; `answer`: the one where the answer's first token is said; `summary`: `8 of 13 positions halted, after 5.3 loops on
	 * average`, absent where none did.
	 */
	arms: { name: string; label: string; tokens: number; answer?: number; summary?: string }[];
	measures: LoopMeasure[];
}

/** What the colours of loops × tokens may show. */
export interface LoopMeasure {
	name: 'entropy' | 'kl' | 'difference' | 'gate';
	label: string;
	/** Of its fixed colours. */
	domain: [number, number];
	unit: string;
	definition: string;
}

export interface LoopsQuery {
	revision: number;
	arm: string;
	rows: Range;
}

/** One position of an arm. Arrays are by loop, from the first; NaN where it had halted. */
export interface LoopRow {
	text: string;
	kind: 'prompt' | 'token' | 'latent' | 'answer';
	/** Why it halted before the last loop, in words, and after which loop. */
	halted?: { why: string; loop: number };
	values: { [M in LoopMeasure['name']]?: Float32Array };
	/** The coda lens: the likeliest tokens; none where it had halted. */
	top: { text: string; prob: number }[][];
}

export interface ArmView {
	name: string;
	/** `latent`, `chain of thought`, `direct`; an unknown arm's own name. */
	label: string;
	state: 'waiting' | 'running' | 'done' | 'limit' | 'cancelled';
	answer?: string;
	/** Against the latent arm (or the first one that answered); absent for that arm itself and while there is nothing to compare. */
	agrees?: boolean;
	/** Label of the arm that `agrees` is about; present where `agrees` is. */
	comparedWith?: string;
	/** How its thinking ended, in one sentence; absent while it has not, and of arms without latent thoughts. */
	ending?: string;
}

/** What is known of a model, ready for display. */
export interface ModelCardView {
	name: string;
	description: string;
	/** Why this is not all that can be known; absent where it is. */
	note?: string;
	/** `code`: to be copied, not read. */
	facts: { label: string; value: string; definition?: string; code?: true }[];
	available: { label: string; definition: string }[];
	/** `why` is the end of a sentence. */
	unavailable: { label: string; definition: string; why: string }[];
	/** `difference`: the largest absolute one. */
	tests: { name: string; difference: string; ok: boolean }[];
}

/** One of the meter's numbers, ready for display. */
export interface MeterView {
	name: 'distance' | 'effect' | 'capacity';
	/** `93rd pct` */
	value: string;
	/** What it is a value of: `from tokens · 48th from states of text` */
	label: string;
	/** Its control, with what that is: `twin 0.01 [0.00, 0.02], n = 150`; empty where there is one that was not measured (yet). */
	control: string;
	/** What it is and how it was computed. */
	definition: string;
}

/** The evidence level of a claim, and why. */
export interface LevelView {
	/** 0..4 */
	level: number;
	claim: string;
	rungs: { level: number; state: 'reached' | 'not reached' | 'not measured'; why: string }[];
}

export interface LegibilityView {
	/** Figures in the order in which they are read: `surprisal under prosqa`, `1.32 bits a token`. */
	figures: { label: string; value: string; definition: string }[];
	/** Names of the models that `TokenView.referenceBits` and `kl` are about; absent where those were not measured. */
	reference?: string;
	base?: string;
}

export interface ProbeView {
	name: string;
	/** `patch`: effect of patching the residual stream, on a diverging scale. */
	kind: 'probe' | 'patch';
	/** Fixed range of its colours. */
	domain: [number, number];
	/** What a score near 1 claims; of a patch what was put in. */
	label: string;
	/** Held-out AUROC at the last layer averaged over steps, with its controls; absent where the trace has none. */
	metrics?: { auroc: number; shuffled: number; random: number };
	/** Index in `Run.fits`: the classes of one probe were fitted and held out together; absent of a patch. */
	fit?: number;
}

/** Held-out figures of what was fitted at one step and layer: AUROC with its 95 % interval, and its controls. */
export interface ProbeCell {
	step: number;
	layer: number;
	auroc: number;
	ci: [number, number];
	shuffled: number;
	random: number;
	/** AUROC less that of the same fit to control labels, and that; calibration error; recall at 1 % false positives. Absent where not measured. */
	selectivity?: number;
	control?: number;
	ece?: number;
	recallAt1Fpr?: number;
	recallCi?: [number, number];
}

export interface RowsQuery {
	revision: number;
	rows: Range;
	/** Site whose readout the latent column shows, 0..layers. */
	layer: number;
}

/** One row of the shared axis: the k-th sentence of the chain of thought beside the k-th latent thought. */
export interface Row {
	index: number;
	sentence?: SentenceView;
	thought?: ThoughtView;
}

export interface SentenceView {
	tokens: TokenView[];
	/** Of an imported trace also `summary` and `redacted`, which are not the chain of thought, and `call`, a tool that the model called. */
	role: 'thought' | 'answer' | 'summary' | 'redacted' | 'call';
	/**
	 * Where the task's graph is known: whether the step is a true edge and whether it can still reach the answer. `dead end`: the step
	 * that leaves every path to it; `after the dead end`: true edges behind that one.
	 */
	verdict?: 'on a path' | 'dead end' | 'after the dead end' | 'no such fact';
}

export interface TokenView {
	/** Position in the arm's sequence. */
	step: number;
	text: string;
	/** Probability that the model gave to it, 0..1; absent where the trace has none (yet). */
	prob?: number;
	/** Surprisal under the reference model, bits; KL to the model that this one was tuned from, nats. Absent where not measured. */
	referenceBits?: number;
	kl?: number;
}

export interface ThoughtView {
	index: number;
	/** Of the claim that it reads as its words; absent while there is no evidence. */
	level?: LevelView;
	/** Why it is spare; absent where it is not. */
	spare?: string;
	/** What shows that it is idle: that other prompts' thoughts in its place change nothing; absent where that is not shown. */
	idle?: string;
	/** Where a rule, or the limit, ended the thinking: `here`, or before this thought. `why` is a sentence. */
	halted?: { place: 'here' | 'before'; by: string; why: string };
	/** Nearest and second nearest code of each part; absent where the model has none. */
	codes?: CodeReading[];
	/** What the thought graph's gate said, 0..1. */
	gate?: number;
	/** What the model's trained decoder of latents says. */
	readout?: string;
	/** Highest-ranked tokens at the asked layer; `prob` is NaN, and `null` once it was sent, where only their ranks are known. `live`: the task's structure allows it at this step; absent where it has none. */
	top: { text: string; prob: number; live?: boolean }[];
	/** Entropy at the asked layer, in nats. */
	entropy: number;
	/** Top-1 text per site, 0..layers. */
	strip: string[];
}

/** What a part of a thought reads as. */
export interface CodeReading {
	part: string;
	/** Whether the part is meant to be at a code, or anywhere between them. */
	state: 'discrete' | 'continuous';
	/** Nearest first; Euclidean distances from the part of the thought. */
	nearest: { text: string; distance: number }[];
}

export interface OverviewQuery {
	revision: number;
	/** At most so many bins: pixels of what they are drawn on. */
	bins: number;
	/** As of `RowsQuery`. */
	layer: number;
	/** Heatmap whose values at that layer are wanted. */
	probe?: string;
}

/** The whole step axis, in equal shares of rows: bin b holds the rows [⌈b·rows/bins⌉, ⌈(b + 1)·rows/bins⌉). */
export interface Overview {
	rows: number;
	bins: number;
	lanes: Lane[];
	/** Of each bin, bits of `OVERVIEW_MARKS` that any of its rows has. */
	marks: Uint8Array;
}

export const OVERVIEW_MARKS = { spare: 1, idle: 2, halted: 4 } as const;

/** One number or share for each bin; NaN where nothing was measured. */
export type Lane =
	| { kind: 'curve'; label: string; unit: string; least: Float32Array; most: Float32Array; definition: string }
	/** `share`: [bins, classes], of the bin's rows that are nearest to the class. */
	| { kind: 'codes'; label: string; classes: string[]; share: Float32Array; definition: string }
	/** Means of the heatmap's values at one layer. */
	| { kind: 'scores'; label: string; mean: Float32Array; definition: string };

export interface TileQuery {
	revision: number;
	probe: string;
	rows: Range;
}

/** Row-major [rows, layers + 1]; NaN where not measured. */
export interface Tile {
	rows: Range;
	values: Float32Array;
	/** Of a patch: the same values of the control model; absent where there is none. */
	control?: Float32Array;
}

/** Everything known about one row, for the pane below. */
export interface Details {
	row: number;
	/** Logit lens at every site of the thought's position, last site first. */
	layers: { layer: number; top: { text: string; prob: number }[]; entropy: number; klFinal: number }[];
	/** Input embeddings nearest to the thought's vector. */
	neighbours: { text: string; cosine: number }[];
	/** Norm of the thought. */
	norm?: number;
	/** Every code that the trace has, of each part. */
	codes: (CodeReading & { from: number; to: number })[];
	/** How the thought was made; absent where the row has none. */
	made?: MadeView;
	/** Evidence for what the thought reads as; absent while there is none. */
	level?: LevelView;
	probes: { name: string; label: string; scores: number[] }[];
	/** `id` is absent where the source of an imported trace has texts only. */
	tokens: (TokenView & { id?: number; surprisalBits?: number })[];
	/** What changing the thought or the sentence did to the answer. */
	tests: TestView[];
	/** How far the thought is from tokens and from states of text. */
	ood: OodView[];
	/** The prompt's candidates, with the thought's mass on them. */
	graph?: GraphView;
}

/** How a thought was made, and what it reads as where it was fed. */
export interface MadeView extends Pick<ThoughtView, 'gate' | 'readout' | 'spare' | 'idle' | 'halted'> {
	/** What was fed back, in words: `state after the final norm`. `through`: a thought graph made the thought from it. */
	from?: string;
	through: boolean;
	/** Numbers of the thought, and of what the model reads; they differ where latents are narrower. */
	width: number;
	modelWidth: number;
	/** Logit lens of the vector that was fed back; absent where the recipe does not decode there. */
	fed?: { top: { text: string; prob: number }[]; entropy: number };
	/** `own`: whether the recipe's own scale was used. */
	noise?: { scale: number; own: boolean; seed: number };
}

/** One change of a thought, of all thoughts together, or of a sentence. */
export interface TestView {
	of: 'thought' | 'all thoughts' | 'sentence';
	/** `its nearest token, rescaled` */
	label: string;
	later: 'recomputed' | 'frozen' | 'none';
	answer: string;
	changed: boolean;
	/** nats; NaN where not measured. */
	deltaLogOdds: number;
	kl: number;
	/** The same change on the control model; absent where there is none. */
	control?: { answer: string; changed: boolean; deltaLogOdds: number };
	/** What took the place, in full. */
	by: string;
}

export interface OodView {
	/** `distance to the 5th nearest token` */
	label: string;
	definition: string;
	/** NaN where not measured; percentiles 0..100. */
	value: number;
	tokens: number;
	text: number;
}

export interface GraphView {
	/**
	 * In order of `distance`, unreachable ones one farther than the farthest; of a list without a structure all at distance 0. The same in
	 * every thought but for `group`, `mass` (0..1) and `rank` (from 1). What holds next to nothing in all of them is one node at the end.
	 */
	nodes: { label: string; group: string; distance: number; mass: number; rank: number; asked?: boolean; option?: boolean; answer?: boolean }[];
	/** Indices of nodes. */
	edges: [number, number][];
	/** Mass on the live candidates, and its controls in words. */
	live: number;
	control: string;
}

/** All thoughts of the latent arm at once. */
export interface CourseQuery {
	revision: number;
	/** Bins of the step axis, at most: there are no more points than pixels. */
	bins: number;
	/** A `Course.effects.changes` name; the first one where absent. */
	change?: string;
}

export interface Course {
	thoughts: number;
	/** Thoughts in a bin; the last one may have fewer. */
	every: number;
	path?: PathView;
	/** In the order in which they are read. */
	curves: CurveView[];
	effects?: EffectsView;
	capacity: { label: string; value: string; control: string; definition: string }[];
}

/** Values by bin, NaN where not measured: the mean, and the lowest and highest value or end of an interval. */
export interface Series {
	mean: Float32Array;
	low: Float32Array;
	high: Float32Array;
}

export interface CurveView {
	label: string;
	unit: string;
	definition: string;
	domain: [number, number];
	series: Series;
	/** Thoughts with a value. */
	measured: number;
	/** What the values are held against: one value for all steps, with the middle 95 % of it, or another curve. */
	control?: { label: string } & ({ kind: 'level'; value: number; ci: [number, number] } | { kind: 'curve'; series: Series });
}

/** What changing each thought did to the answer. */
export interface EffectsView extends CurveView {
	/** What takes a thought's place, the shown one and the others that were measured. */
	shown: string;
	changes: { name: string; label: string }[];
}

/** Projection onto the first principal components, one point a bin: its first thought. */
export interface PathView {
	/** Row-major [bins, 3]. */
	places: Float32Array;
	/** 1 where the point's thought is spare. */
	spare: Uint8Array;
	/** Share of the variance along each component, descending; `rest`: of those that are not listed. */
	shares: number[];
	rest: number;
	/** Components that `places` tells, and how they were found. */
	definition: string;
	/** What points are called by. */
	labels: PathLabels[];
}

export interface PathLabels {
	/** `room code`: the nearest one; `top word`: of the lens at the last layer. */
	by: string;
	/** `place`: the mean of its points; the commonest names first. */
	groups: { name: string; place: [number, number, number] }[];
	/** Of each point its index in `groups`; -1 where it has none of them. */
	of: Int16Array;
}

/** What is selected, everywhere at once. Nothing where `row` is absent. */
export interface Selection {
	row?: number;
	layer?: number;
	/** A token of the chain of thought: its position in the arm. */
	step?: number;
}
