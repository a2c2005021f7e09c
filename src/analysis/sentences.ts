import type { ArmRecord } from '../trace/document';

/** A stretch of what an arm wrote. */
export interface Sentence {
	role: 'thought' | 'answer';
	/** Positions in the arm's sequence, ascending. */
	steps: number[];
	text: string;
}

/** A full stop, question or exclamation mark, and the quotes and brackets that close after it. */
const FULL_STOP = /[.!?]["'”’)\]]*\s*$/;

/**
 * Groups what an arm wrote into sentences. The prompt, the recipe's own tokens, latents and the tokens in `stops` (which end a
 * segment) are no part of any. A full stop ends a sentence only where white space or nothing follows, so that `3.5` is one
 * word.
 */
export function sentences(arm: Pick<ArmRecord, 'steps'>, textOf: (id: number) => string, stops: ReadonlySet<string>): Sentence[] {
	const out: Sentence[] = [];
	let open: Sentence | undefined;
	for (const [position, step] of arm.steps.entries()) {
		const text = step.id < 0 ? '' : textOf(step.id);
		if (step.kind === 'prompt' || step.kind === 'latent' || step.forced || stops.has(text)) {
			open = undefined;
			continue;
		}
		const role = step.kind === 'answer' ? 'answer' : 'thought';
		const ended = open && (open.role !== role || open.text.includes('\n') || (FULL_STOP.test(open.text) && /^\s/.test(text)));
		if (!open || ended) {
			open = { role, steps: [], text: '' };
			out.push(open);
		}
		open.steps.push(position);
		open.text += text;
	}
	return out;
}

/**
 * Texts of the tokens that a recipe feeds or stops at. The recipe is the manifest's, as it was, so nothing is taken for
 * granted.
 */
export function recipeTokens(recipe: unknown): Set<string> {
	const arms = isRecord(recipe) && isRecord(recipe['arms']) ? Object.values(recipe['arms']) : [];
	const lists = arms
		.flatMap((segments) => (Array.isArray(segments) ? segments : []))
		.flatMap((segment) => (isRecord(segment) ? [segment['tokens'], segment['stop']] : []));
	return new Set(lists.flatMap((list) => (Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [])));
}

function isRecord(value: unknown): value is Record<string, unknown> {
	return typeof value === 'object' && value !== null;
}
