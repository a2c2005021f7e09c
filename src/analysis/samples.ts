/** Samples of a log or a data set as a list: what is said of each, and which are listed in which order. */
import type { Reasoning, TraceDocument } from '../trace/document';
import { titleOf } from './headline';

/** A sample as the command line's `import` lists it. */
export interface ListedSample {
	id: string;
	/** What it asks, in one line; empty where the source has no prompt. */
	title: string;
	/** Positions of the trace's first arm: tokens where the source has them, else sentences; of activations without text just that. */
	steps: number;
	unit: 'tokens' | 'sentences' | 'positions';
	reasoning: Reasoning;
	/** As the source has them. */
	scores: { name: string; value: string }[];
	hasLogprobs: boolean;
	hasActivations: boolean;
}

/** `planes`: names of the trace's tensors. */
export function listedSample(id: string, document: TraceDocument, planes: readonly string[]): ListedSample {
	const has = (plane: string) => planes.some((name) => name.endsWith(`/${plane}`));
	const { reasoning, steps, scores } = document.origin!;
	const [first] = document.arms;
	return {
		id,
		title: titleOf({ ...document, origin: undefined }),
		steps: first!.steps.length,
		unit: first!.text === '' && first!.steps.every(({ id }) => id < 0) ? 'positions' : steps,
		reasoning,
		scores,
		hasLogprobs: has('tokens.logprob'),
		hasActivations: has('hidden.resid'),
	};
}

/** `score`: lowest first; what has none, or one that is no number, comes last. */
export type SampleOrder = 'file' | 'length' | 'score';

export interface SampleFilter {
	/** Only samples whose source holds the chain of thought itself. */
	reasoning: boolean;
	order: SampleOrder;
}

/** Samples that a filter keeps, in its order; ties stay in the order of the file. */
export function arranged(samples: readonly ListedSample[], { reasoning, order }: SampleFilter): ListedSample[] {
	const kept = samples.filter((sample) => !reasoning || sample.reasoning === 'full');
	switch (order) {
		case 'file':
			return kept;
		case 'length':
			return kept.sort((a, b) => b.steps - a.steps);
		case 'score':
			return kept.map((sample) => ({ sample, score: scoreOf(sample) })).sort((a, b) => a.score - b.score || 0).map(({ sample }) => sample);
	}
}

/** `score C · 214 tokens · full reasoning · log-probabilities` */
export function sampleInWords({ scores, steps, unit, reasoning, hasLogprobs, hasActivations }: ListedSample): string {
	return [
		...scores.map(({ name, value }) => `${name} ${value}`),
		`${steps} ${steps === 1 ? unit.slice(0, -1) : unit}`,
		reasoning === 'none' ? 'no reasoning' : reasoning === 'full' ? 'full reasoning' : `reasoning ${reasoning === 'summary' ? 'summarised' : 'redacted'}`,
		...(hasLogprobs ? ['log-probabilities'] : []),
		...(hasActivations ? ['activations'] : []),
	].join(' · ');
}

/** Inspect's letters for correct, partially correct and incorrect answers, and refused ones. */
const LETTERS: Readonly<Record<string, number>> = { C: 1, P: 0.5, I: 0, N: 0 };

/** Of the first score; infinite where it cannot be compared. */
function scoreOf({ scores: [first] }: ListedSample): number {
	const value = first?.value.trim() ?? '';
	const number = LETTERS[value] ?? ({ true: 1, false: 0 } as Record<string, number>)[value.toLowerCase()] ?? (value === '' ? NaN : Number(value));
	return Number.isNaN(number) ? Number.MAX_VALUE : number;
}
