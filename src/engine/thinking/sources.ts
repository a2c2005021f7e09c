/** What a thought is made from: one file and one line in the table for each site that can be fed back. */
import type { Embedder } from '../model/embedder';
import type { Head } from '../model/head';
import { token, tokens } from './dummies';
import { mixture } from './mixture';
import { normed, resid } from './states';
import type { Feedback, Moment } from './step';

/** What sources ask of a model. */
export interface Parts {
	readonly head: Head;
	readonly embedder: Embedder;
	/** Input embedding of a token [width]. */
	embedding(id: number): Promise<Float32Array>;
}

type Site = Feedback['site'];

export interface Source<S extends Site> {
	/** A vector [width] of its own, and the token whose embedding it is, where it is one. */
	vector(model: Parts, feedback: Extract<Feedback, { site: S }>, moment: Moment): Promise<{ vector: Float32Array; token?: number }>;
	/** `texts`: of its tokens. */
	inWords(feedback: Extract<Feedback, { site: S }>, texts: readonly string[]): string;
}

const SOURCES: { readonly [S in Site]: Source<S> } = { normed, resid, token, tokens, mixture };

export function sourceOf(feedback: Feedback): Source<Site> {
	return SOURCES[feedback.site] as Source<Site>;
}
