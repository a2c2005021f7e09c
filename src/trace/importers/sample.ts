/** What every importer makes of its format: one run of a model on one prompt, without tokenizer and without numbers of our own. */
import type { ArmState, OriginRecord } from '../document';
import type { Range } from '../../shared/range';

/** A stretch of a conversation after its first prompt. */
export interface Part {
	/**
	 * `reasoning`: the chain of thought itself. `summary`: an account of it. `redacted`: `text` says what was withheld. `answer`: what the
	 * model said. `call`: a tool that it called. `input`: what it was given back.
	 */
	kind: 'reasoning' | 'summary' | 'redacted' | 'answer' | 'call' | 'input';
	text: string;
}

/** One token as the source logged it. */
export interface LoggedToken {
	text: string;
	/** Natural log; NaN where the source has none. */
	logprob: number;
	/** Likeliest first. */
	alternatives: { text: string; logprob: number }[];
}

/** What the model wrote in one go, or what it was given between two such. */
export interface Turn {
	parts: Part[];
	/** Of everything that the model wrote in this turn. */
	tokens?: LoggedToken[];
}

/** Residual streams of the sample's last turn, row by row. */
export interface Activations {
	/** Positions with a row. */
	rows: number;
	/** How many of them are the prompt's; the others are of tokens that the model wrote. */
	prompt: number;
	/** L + 1. */
	sites: number;
	width: number;
	/** The last site is after the final norm. */
	normed: boolean;
	/** Row-major [rows, sites, width]; NaN where not measured. */
	read(rows: Range): Float32Array | Promise<Float32Array>;
}

/** A latent thought that is known by the words it decodes to, likeliest first, and by nothing else. */
export interface DecodedThought {
	words: string[];
}

export interface Sample extends Pick<OriginRecord, 'producer' | 'target' | 'reference' | 'scores' | 'sampling'> {
	/** As its file names it; see `distinct`. */
	id: string;
	/** Everything before the model's first turn. */
	prompt: string;
	turns: Turn[];
	/** As the source calls it. */
	model?: string;
	/** ISO 8601. */
	created?: string;
	state: ArmState;
	thoughts?: DecodedThought[];
	activations?: Activations;
	/** One sentence each. */
	notes: string[];
}

/** A sample of a file, read when it is asked for. */
export interface SampleRef {
	id: string;
	read(): Promise<Sample>;
}

/** A file whose format is known. Nothing of it is held but where its samples are. */
export interface ImportedFile {
	/** Name of the importer. */
	format: string;
	/** In the order of the file, one after the other. */
	samples(): AsyncIterable<SampleRef>;
	/** What the reader should know about the file: complete once `samples` came to its end. */
	warnings: string[];
	/** What has to be said before a sample can become a trace: one sentence, and a mapping that may be right. */
	ask?: { question: string; guess?: string };
}

/** Of a sample about which the source says nothing more. */
export function plainSample(id: string, prompt: string, turns: Turn[]): Sample {
	return { id, prompt, turns, scores: [], sampling: {}, state: 'done', notes: [] };
}
