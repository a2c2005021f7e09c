/** Which arms of two traces are held against each other, and which of their steps. */
import type { ArmRecord, TraceDocument } from '../../trace/document';
import { byIndex, byText, MAX_CHANGES, type Pair } from './alignment';
import type { ComparedStep } from './steps';

/** Names of an arm of A and an arm of B. */
export interface ArmPair {
	a: string;
	b: string;
}

export type AlignedBy = 'text' | 'index';

/** Arms with one name; where there are none, those that think in latents, or else the first ones. */
export function armPairs(a: TraceDocument, b: TraceDocument): ArmPair[] {
	const shared = a.arms.filter(({ name }) => b.arms.some((other) => other.name === name));
	if (shared.length > 0) {
		return shared.map(({ name }) => ({ a: name, b: name }));
	}
	const thinking = ({ arms }: TraceDocument): ArmRecord | undefined => arms.find(({ thoughts }) => thoughts.length > 0) ?? arms[0];
	const [one, other] = [thinking(a), thinking(b)];
	return one && other ? [{ a: one.name, b: other.name }] : [];
}

/**
 * Latents by index: the k-th is the k-th, whatever it reads as. An arm of latents and one of written thoughts are aligned by index too, latent k with
 * sentence k, and answer with answer. What is written is aligned by its sentences' texts, or by index.
 */
export function alignSteps(a: readonly ComparedStep[], b: readonly ComparedStep[], by: AlignedBy): { pairs: Pair[]; note?: string } {
	const [latentsA, latentsB] = [a, b].map((steps) => steps.filter(({ kind }) => kind === 'latent').length) as [number, number];
	if (latentsA > 0 !== latentsB > 0) {
		const [reasonedA, reasonedB] = [a, b].map((steps) => steps.filter(({ kind }) => kind !== 'answer').length) as [number, number];
		return { pairs: [...byIndex(reasonedA, reasonedB), ...moved(byIndex(a.length - reasonedA, b.length - reasonedB), reasonedA, reasonedB)] };
	}
	const [writtenA, writtenB] = [a.slice(latentsA), b.slice(latentsB)];
	const text = ({ kind, text: words }: ComparedStep) => `${kind} ${words.trim()}`;
	const aligned = by === 'text' ? byText(writtenA.map(text), writtenB.map(text)) : undefined;
	return {
		pairs: [...byIndex(latentsA, latentsB), ...moved(aligned ?? byIndex(writtenA.length, writtenB.length), latentsA, latentsB)],
		...(by === 'text' && !aligned ? { note: `What was written differs in more than ${MAX_CHANGES} sentences, so it is aligned by index.` } : {}),
	};
}

function moved(pairs: readonly Pair[], byA: number, byB: number): Pair[] {
	return pairs.map(({ a, b }) => ({ ...(a === undefined ? {} : { a: a + byA }), ...(b === undefined ? {} : { b: b + byB }) }));
}
