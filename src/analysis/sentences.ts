import type { ArmRecord, ProbePlace, Step, StepPart } from '../trace/document';
import { joined } from './text';

/** A stretch of what an arm wrote. */
export interface Sentence {
	/** The last three of imported traces only. */
	role: 'thought' | 'answer' | Exclude<StepPart, 'markup'>;
	/** Positions in the arm's sequence, ascending. */
	steps: number[];
	text: string;
}

/** A full stop, question or exclamation mark, and the quotes and brackets that close after it. */
const FULL_STOP = /[.!?]["'”’)\]]*\s*$/;

/**
 * Groups what an arm writes into sentences, step by step. The prompt, the recipe's own tokens, latents, steps without a text, and the
 * tokens in `stops` (which end a segment) are no part of any. A full stop ends a sentence only where white space or nothing follows,
 * so that `3.5` is one word. Blank lines belong to the sentence that they follow.
 */
export class SentenceSplitter {
	readonly sentences: Sentence[] = [];
	private open?: Sentence;

	constructor(private readonly stops: ReadonlySet<string>) {}

	/** Whether the step belongs to a sentence, which is then the last one. `text`: of its token. */
	add(position: number, step: Step, text: string): boolean {
		if (step.kind === 'prompt' || step.kind === 'latent' || step.id < 0 || step.forced || step.part === 'markup' || this.stops.has(text)) {
			this.open = undefined;
			return false;
		}
		const { open } = this;
		const role = step.part ?? (step.kind === 'answer' ? 'answer' : 'thought');
		const ended = open && (open.role !== role || (text.trim() !== '' && isWhole(open.text, text)));
		if (!open || ended) {
			this.open = { role, steps: [], text: '' };
			this.sentences.push(this.open);
		}
		this.open!.steps.push(position);
		this.open!.text = joined(this.open!.text, text);
		return true;
	}
}

/** Whether a sentence of this text ends before what follows. */
function isWhole(text: string, next: string): boolean {
	const isApart = /^\s/.test(next) || /\s$/.test(text);
	return text.trimStart().includes('\n') || (FULL_STOP.test(text) && isApart);
}

/** Of a whole arm. */
export function sentences(arm: Pick<ArmRecord, 'steps'>, textOf: (id: number) => string, stops: ReadonlySet<string>): Sentence[] {
	const splitter = new SentenceSplitter(stops);
	for (const [position, step] of arm.steps.entries()) {
		splitter.add(position, step, step.id < 0 ? '' : textOf(step.id));
	}
	return splitter.sentences;
}

/** Positions at which a probe reads an arm, step by step: where its thoughts are produced, or where its sentences end. */
export function placesOf(arm: ArmRecord, at: ProbePlace | undefined, textOf: (id: number) => string, recipe: unknown): number[] {
	return at === 'tokens'
		? sentences(arm, textOf, recipeTokens(recipe)).map(({ steps }) => steps.at(-1)!)
		: arm.thoughts.map(({ producedAt }) => producedAt);
}

/**
 * Texts of the tokens that a recipe stops at. What it feeds is marked in the steps themselves: a model may write the same words.
 * The recipe is the manifest's, as it was, so nothing is taken for granted.
 */
export function recipeTokens(recipe: unknown): Set<string> {
	const arms = isRecord(recipe) && isRecord(recipe['arms']) ? Object.values(recipe['arms']) : [];
	const lists = arms
		.flatMap((segments) => (Array.isArray(segments) ? segments : []))
		.flatMap((segment) => (isRecord(segment) ? [segment['stop']] : []));
	return new Set(lists.flatMap((list) => (Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [])));
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null;
}
