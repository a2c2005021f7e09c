/**
 * How usual and how repetitive a chain of thought is, as numbers. None of them says whether a chain is good: illegible steps may carry an
 * answer and legible ones may not, which only a causal test can tell.
 */
import type { LegibilityRecord } from '../trace/evidence';
import type { OutlinedSentence } from './outline';
import type { Task } from './task';

/** Tokens of an n-gram whose return counts as repetition: shorter ones recur in any grammar, longer ones miss loops of a few words. */
const GRAM = 3;
/** A word: letters and digits, with apostrophes and hyphens inside. */
const WORD = /[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu;

/** Share of the `size`-grams of a list that occurred before in it, overlapping ones included; absent where the list is shorter. */
export function repetition(items: readonly (number | string)[], size = GRAM): number | undefined {
	const grams = Math.max(0, items.length - size + 1);
	const seen = new Set<string>();
	for (let start = 0; start < grams; start++) {
		seen.add(JSON.stringify(items.slice(start, start + size)));
	}
	return grams === 0 ? undefined : (grams - seen.size) / grams;
}

/** The words of a reference text. */
export interface Lexicon {
	/** In lower case. */
	words: ReadonlySet<string>;
	/** Running words. */
	of: number;
}

export function lexicon(texts: Iterable<string>): Lexicon {
	const words = new Set<string>();
	let of = 0;
	for (const text of texts) {
		for (const word of wordsOf(text)) {
			words.add(word);
			of++;
		}
	}
	return { words, of };
}

/** Running words of a text that do not occur in the reference text, whatever their case; absent where either has no words. */
export function rareWords(text: string, { words, of }: Lexicon): LegibilityRecord['rareWords'] {
	const found = wordsOf(text);
	return found.length === 0 || of === 0
		? undefined
		: { share: found.filter((word) => !words.has(word)).length / found.length, words: found.length, of };
}

function wordsOf(text: string): string[] {
	return [...text.matchAll(WORD)].map(([word]) => word.toLowerCase());
}

/**
 * Written steps that state a fact of the prompt, on a path or not. Every sentence of the chain is a step, also one that does not read as
 * any: it states no fact. Absent where the task has no structure or nothing was written.
 */
export function legalSteps(sentences: readonly OutlinedSentence[], task: Task | undefined): LegibilityRecord['legalSteps'] {
	const steps = sentences.filter(({ role }) => role === 'thought');
	return !task || steps.length === 0 ? undefined : { legal: steps.filter((step) => isLegal(step, task)).length, steps: steps.length };
}

export function isLegal({ subject, text }: OutlinedSentence, task: Task): boolean {
	const step = task.step(text);
	return step !== undefined && subject !== undefined && task.isFact(subject, step.object);
}

/** What can be told of a chain without any model. `ids`: its tokens. */
export function figures(
	ids: readonly number[],
	sentences: readonly OutlinedSentence[],
	task: Task | undefined,
	reference: Lexicon | undefined,
): Pick<LegibilityRecord, 'tokens' | 'repetition' | 'repeatedSentences' | 'rareWords' | 'legalSteps'> {
	const written = sentences.filter(({ role }) => role === 'thought').map(({ text }) => text);
	const texts = written.map((text) => text.trim());
	return {
		tokens: ids.length,
		repetition: repetition(ids),
		repeatedSentences: texts.length === 0 ? undefined : { repeated: texts.length - new Set(texts).size, sentences: texts.length },
		rareWords: reference && rareWords(written.join(''), reference),
		legalSteps: legalSteps(sentences, task),
	};
}
