/** Which arms of two traces are held against each other, and which of their steps. */
import type { ArmRecord, TraceDocument } from '../../trace/document';
import { byIndex, byText, MAX_CHANGES, moved, type Pair } from './alignment';
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
 * sentence k. What is written is aligned by its sentences' texts, or by index, and the answers at the end only with one another.
 */
export function alignSteps(a: readonly ComparedStep[], b: readonly ComparedStep[], by: AlignedBy): { pairs: Pair[]; note?: string } {
	const [one, other] = [parts(a), parts(b)];
	const mixed = one.latents > 0 !== other.latents > 0;
	const [startA, startB] = mixed ? [0, 0] : [one.latents, other.latents];
	const written = aligned(a.slice(startA, one.answers), b.slice(startB, other.answers), mixed ? 'index' : by);
	const answers = aligned(a.slice(one.answers), b.slice(other.answers), by);
	const pairs = [...byIndex(startA, startB), ...moved(written ?? byIndex(one.answers - startA, other.answers - startB), startA, startB)];
	return {
		pairs: [...pairs, ...moved(answers ?? byIndex(a.length - one.answers, b.length - other.answers), one.answers, other.answers)],
		...(written && answers ? {} : { note: `What was written differs in more than ${MAX_CHANGES} sentences, so it is aligned by index.` }),
	};
}

/** Steps before `latents` are latents, those from `answers` on the answer's sentences. */
function parts(steps: readonly ComparedStep[]): { latents: number; answers: number } {
	return { latents: steps.findLastIndex(({ kind }) => kind === 'latent') + 1, answers: steps.findLastIndex(({ kind }) => kind !== 'answer') + 1 };
}

/** Undefined where the texts have too little in common. */
function aligned(a: readonly ComparedStep[], b: readonly ComparedStep[], by: AlignedBy): Pair[] | undefined {
	const text = (steps: readonly ComparedStep[]) => steps.map((step) => `${step.kind} ${step.text.trim()}`);
	return by === 'index' ? byIndex(a.length, b.length) : byText(text(a), text(b));
}
