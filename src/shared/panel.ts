/**
 * The boundary between the extension host and the panel (or the trace editor: both show the same views).
 *
 * The panel holds no trace. The host sends complete snapshots of the state; the panel asks for the rows and tiles that it shows.
 */
import type { Range } from './range';
import type { Call } from './rpc';

/** Calls that the host answers. */
export interface HostApi {
	/** The panel's script runs; the host answers by sending `state` and `selection`. */
	ready: Call;
	rows: Call<RowsQuery, Row[]>;
	tile: Call<TileQuery, Tile>;
	details: Call<{ revision: number; row: number }, Details>;
	select: Call<Selection>;
	act: Call<Action>;
}

/** Calls that the panel answers. */
export interface PanelApi {
	state: Call<PanelState>;
	selection: Call<Selection>;
}

/** What a button of the panel asks for; the host maps it to a command. */
export type Action = 'analyze' | 'cancel' | 'saveTrace' | 'chooseModel' | 'showLog' | 'manageTrust' | 'openExample' | 'restartEngine';

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
	/** Rows of the shared step axis. */
	rows: number;
	/** Sites 0..layers. */
	layers: number;
	/** Heatmaps that can be drawn, the default one first. */
	probes: ProbeView[];
	/** Figures of every cell of a probe's fit; see `ProbeView.fit`. */
	fits: ProbeCell[][];
	notes: string[];
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
}

export interface ProbeView {
	name: string;
	/** What a score near 1 claims. */
	label: string;
	/** Held-out AUROC at the last layer averaged over steps, with its controls; absent where the trace has none. */
	metrics?: { auroc: number; shuffled: number; random: number };
	/** Index in `Run.fits`: the classes of one probe were fitted and held out together. */
	fit: number;
}

/** Held-out figures of what was fitted at one step and layer: AUROC with its 95 % interval, and its controls. */
export interface ProbeCell {
	step: number;
	layer: number;
	auroc: number;
	ci: [number, number];
	shuffled: number;
	random: number;
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
	/** `thought` or `answer`. */
	role: 'thought' | 'answer';
	/** Where the task's graph is known: whether the step is a true edge and whether it can still reach the answer. */
	verdict?: 'on a path' | 'dead end' | 'no such fact';
}

export interface TokenView {
	/** Position in the arm's sequence. */
	step: number;
	text: string;
	/** Probability that the model gave to it, 0..1; absent where the trace has none (yet). */
	prob?: number;
}

export interface ThoughtView {
	index: number;
	/** Why it is spare; absent where it is not. */
	spare?: string;
	/** Highest-ranked tokens at the asked layer. `live`: the task's structure allows it at this step; absent where it has none. */
	top: { text: string; prob: number; live?: boolean }[];
	/** Entropy at the asked layer, in nats. */
	entropy: number;
	/** Top-1 text per site, 0..layers. */
	strip: string[];
}

export interface TileQuery {
	revision: number;
	probe: string;
	rows: Range;
}

/** Row-major [rows, layers + 1]; NaN where not measured. */
export interface Tile {
	rows: Range;
	values: Float32Array;
}

/** Everything known about one row, for the pane below. */
export interface Details {
	row: number;
	/** Logit lens at every site of the thought's position, last site first. */
	layers: { layer: number; top: { text: string; prob: number }[]; entropy: number; klFinal: number }[];
	/** Input embeddings nearest to the thought's vector. */
	neighbours: { text: string; cosine: number }[];
	/** Norm of the vector that was fed back. */
	norm?: number;
	probes: { name: string; label: string; scores: number[] }[];
	tokens: (TokenView & { id: number; surprisalBits?: number })[];
}

/** What is selected, everywhere at once. Nothing where `row` is absent. */
export interface Selection {
	row?: number;
	layer?: number;
	/** A token of the chain of thought: its position in the arm. */
	step?: number;
}
