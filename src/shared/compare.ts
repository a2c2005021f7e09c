/** The boundary between the extension host and the page that shows two traces side by side. As of the panel, the page holds neither of them. */
import type { Range } from './range';
import type { Call } from './rpc';

/** Calls that the host answers. */
export interface CompareHostApi {
	/** The page's script runs; the host answers by sending `state`. */
	ready: Call;
	rows: Call<{ revision: number; rows: Range }, CompareRow[]>;
	tile: Call<{ revision: number; plane: string; rows: Range }, CompareTile>;
	choose: Call<CompareChoice>;
	/** Shows one of the traces by itself. */
	open: Call<'a' | 'b'>;
	/** Makes A of B and B of A. */
	swap: Call;
	/** Reads both files again. */
	reload: Call;
}

/** Calls that the page answers. */
export interface ComparePageApi {
	state: Call<CompareState>;
}

/** Names of an arm of A and an arm of B, and how their steps are aligned. */
export interface CompareChoice {
	a: string;
	b: string;
	by: 'text' | 'index';
}

/** Every state names its files, from which the page comes back after a reload of the window. */
export type CompareState = { files: { a: NamedFile; b: NamedFile } } & (
	| { kind: 'loading' }
	| { kind: 'failed'; message: string }
	| { kind: 'ready'; view: CompareView }
);

export interface NamedFile {
	uri: string;
	/** Of the file, or of the prompt that it is the trace of. */
	label: string;
}

export interface CompareView {
	/** Changes whenever rows or tiles that were asked for before may have changed. */
	revision: number;
	a: SideView;
	b: SideView;
	/** Absent where one of the traces has no arms. */
	choice?: CompareChoice;
	/** All arms of each side. */
	arms: { a: string[]; b: string[] };
	answers: { a?: string; b?: string; same: boolean };
	rows: number;
	/** Rows that are not the same. */
	differing: number[];
	planes: PlaneView[];
	notes: string[];
}

export interface SideView {
	/** Of the file or the prompt. */
	name: string;
	title: string;
	subtitle: string;
}

export interface PlaneView {
	name: string;
	/** `Δ lens.entropy` */
	label: string;
	unit: string;
	definition: string;
	/** Whether values lie on both sides of 0. */
	signed: boolean;
	columns: string[];
}

export interface CompareTile {
	/** Row-major [rows, columns]; NaN where not measured on both sides. */
	values: Float32Array;
	/** Largest absolute value of the whole plane, and the round end of its scale, which is symmetrical around 0. NaN where nothing was measured. */
	largest: number;
	limit: number;
}

export interface CompareRow {
	index: number;
	a?: StepView;
	b?: StepView;
	same: boolean;
	/** One side of a group may be empty; a latent is one, with the word that it reads as. */
	tokens: TokensView[];
}

export interface StepView {
	/** `latent`, `thought`, `answer`, … */
	kind: string;
	/** `latent 3`, `answer`; empty of a sentence of the chain of thought. */
	label: string;
}

/** Tokens that stand for the same characters, or in the place of others. */
export interface TokensView {
	a: string;
	b: string;
	same: boolean;
	/** Of two texts that differ: ranges of each that the other has not. */
	changed?: { a: Range[]; b: Range[] };
	/** Surprisal in bits; absent where not known. */
	bitsA?: number;
	bitsB?: number;
	/** KL(A || B) in nats, or the least that it can be; absent where not measured. */
	kl?: { atLeast: number; exact: boolean };
}
