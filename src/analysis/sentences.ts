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

/** The end of a sentence's text that is looked at with each step: the whole text each time would cost its square, which a file may abuse. */
const TAIL = 64;

/** The sentence that is being written. */
interface Open {
	sentence: Sentence;
	/** Its text is `body` and `tail`, which holds `TAIL` characters or more as soon as there are. */
	body: string;
	tail: string;
	/** Whether it has a word, and whether a line has ended after that. */
	begun: boolean;
	broken: boolean;
}

/**
 * Groups what an arm writes into sentences, step by step. The prompt, the recipe's own tokens, latents, steps without a text, and the
 * tokens in `stops` (which end a segment) are no part of any. A full stop ends a sentence only where white space or nothing follows,
 * so that `3.5` is one word. Blank lines belong to the sentence that they follow.
 */
export class SentenceSplitter {
	readonly sentences: Sentence[] = [];
	private open?: Open;

	constructor(private readonly stops: ReadonlySet<string>) {}

	/** Whether the step belongs to a sentence, which is then the last one. `text`: of its token. */
	add(position: number, step: Step, text: string): boolean {
		if (step.kind === 'prompt' || step.kind === 'latent' || step.id < 0 || step.forced || step.part === 'markup' || this.stops.has(text)) {
			this.open = undefined;
			return false;
		}
		const { open } = this;
		const role = step.part ?? (step.kind === 'answer' ? 'answer' : 'thought');
		const ended = open && (open.sentence.role !== role || (text.trim() !== '' && isWhole(open, text)));
		if (!open || ended) {
			this.open = { sentence: { role, steps: [], text: '' }, body: '', tail: '', begun: false, broken: false };
			this.sentences.push(this.open.sentence);
		}
		extend(this.open!, position, text);
		return true;
	}
}

function extend(open: Open, position: number, text: string): void {
	const words = open.begun ? text : text.trimStart();
	open.begun ||= words !== '';
	open.broken ||= words.includes('\n');
	if (open.tail.length > 2 * TAIL) {
		open.body += open.tail.slice(0, -TAIL);
		open.tail = open.tail.slice(-TAIL);
	}
	open.tail = joined(open.tail, text);
	open.sentence.steps.push(position);
	open.sentence.text = open.body + open.tail;
}

/** Whether a sentence ends before what follows. */
function isWhole({ tail, broken }: Open, next: string): boolean {
	const isApart = /^\s/.test(next) || /\s$/.test(tail);
	return broken || (FULL_STOP.test(tail) && isApart);
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
