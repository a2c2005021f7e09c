import type { Range } from '../shared/range';
import { parseTask, type Task } from './task';

/** More marks than this do not help anybody find anything. */
const MAX_OCCURRENCES = 500;

/**
 * Where a token's or sentence's text stands in the prompt: the fact that it states, else its own words, else the entity that it
 * names. `subject` is what a step that leaves its subject out (` is a yimpus.`) is about.
 */
export function findInPrompt(
	text: string,
	prompt: string,
	subject?: string,
	task: Task | undefined = parseTask(prompt),
): Range[] {
	const step = task?.step(text);
	const about = step?.subject ?? subject;
	const fact = step && about !== undefined ? (task?.occurrences(about, step.object) ?? []) : [];
	if (fact.length > 0) {
		return [...fact];
	}
	const exact = wholeWords(text.trim(), prompt);
	const entity = task?.wordOf(text) ?? step?.object;
	return exact.length > 0 || entity === undefined ? exact : wholeWords(entity, prompt);
}

/** Occurrences that are not part of a longer word. */
function wholeWords(words: string, prompt: string): Range[] {
	const out: Range[] = [];
	if (words === '') {
		return out;
	}
	for (
		let start = prompt.indexOf(words);
		start >= 0 && out.length < MAX_OCCURRENCES;
		start = prompt.indexOf(words, start + words.length)
	) {
		const end = start + words.length;
		const inside = (at: number) => isWord(prompt[at - 1]) && isWord(prompt[at]);
		if (!inside(start) && !inside(end)) {
			out.push({ start, end });
		}
	}
	return out;
}

function isWord(character: string | undefined): boolean {
	return character !== undefined && /[\p{L}\p{N}_]/u.test(character);
}
