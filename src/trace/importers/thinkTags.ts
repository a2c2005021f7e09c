/** Reasoning between tags in a model's text. The opening tag may be missing (chat templates write it), the closing one too (cut off). */
import { refuse } from './limits';
import type { Part } from './sample';

/** Of one text: a run of a model has one pair for each of its turns. */
const MAX_MARKS = 10_000;

/** Opening and closing tags as models write them: DeepSeek and Qwen; others; OpenThoughts; Magistral; Kimi. */
const TAGS: readonly (readonly [string, string])[] = [
	['<think>', '</think>'],
	['<thinking>', '</thinking>'],
	['<thought>', '</thought>'],
	['<|begin_of_thought|>', '<|end_of_thought|>'],
	['[THINK]', '[/THINK]'],
	['◁think▷', '◁/think▷'],
];

/** Tags around what follows the reasoning; they say nothing more. */
const SOLUTION = /<\|(?:begin|end)_of_solution\|>|<\/?answer>/g;

interface Tagged {
	parts: Part[];
	/** What was odd about the tags; one sentence each. */
	notes: string[];
}

/** Parts of a text without tags: one answer. */
export function splitThinking(text: string): Tagged {
	const tags = TAGS.find(([open, close]) => text.includes(open) || text.includes(close));
	return tags ? split(text, tags) : { parts: parts(['answer', text]), notes: [] };
}

export function hasThinking(text: string): boolean {
	return TAGS.some((tags) => tags.some((tag) => text.includes(tag)));
}

/** Block by block: a text may hold many. */
function split(text: string, [open, close]: readonly [string, string]): Tagged {
	const found: [Part['kind'], string][] = [];
	const notes: string[] = [];
	let marks = marksOf(text, open, close);
	let at = 0;
	for (let [first] = marks; first; [first] = marks) {
		if (!first.opens) {
			notes.push(`The text has no ${open} before a ${close}: what stands before it is taken for reasoning.`);
			found.push(['reasoning', text.slice(at, first.start)]);
			[at, marks] = [first.end, marks.slice(1)];
			continue;
		}
		found.push(['answer', text.slice(at, first.start)]);
		const closing = closingOf(marks);
		if (!closing) {
			notes.push(`The text has no ${close} after its ${open}: all that follows is taken for reasoning that was cut off.`);
			found.push(['reasoning', text.slice(first.end)]);
			[at, marks] = [text.length, []];
			continue;
		}
		if (closing.note !== undefined) {
			notes.push(closing.note.replace('TAG', open));
		}
		const end = marks[closing.index]!;
		found.push(['reasoning', text.slice(first.end, end.start)]);
		[at, marks] = [end.end, marks.slice(closing.index + 1)];
	}
	found.push(['answer', text.slice(at)]);
	return { parts: parts(...found), notes: [...new Set(notes)] };
}

interface Mark {
	opens: boolean;
	start: number;
	end: number;
}

function marksOf(text: string, open: string, close: string): Mark[] {
	const found = [...placesOf(text, open, true), ...placesOf(text, close, false)];
	if (found.length > MAX_MARKS) {
		refuse(`a text has more than ${MAX_MARKS} tags around reasoning`);
	}
	return found.sort((a, b) => a.start - b.start);
}

/** No more than have to be known: each search goes on where the last one ended. */
function placesOf(text: string, tag: string, opens: boolean): Mark[] {
	const found: Mark[] = [];
	for (let start = text.indexOf(tag); start >= 0 && found.length <= MAX_MARKS; start = text.indexOf(tag, start + tag.length)) {
		found.push({ opens, start, end: start + tag.length });
	}
	return found;
}

/** Of the first opening tag: the tag that balances it, or where none does the last one. */
function closingOf(marks: readonly Mark[]): { index: number; note?: string } | undefined {
	let depth = 0;
	let nested = false;
	for (const [index, mark] of marks.entries()) {
		depth += mark.opens ? 1 : -1;
		nested ||= depth > 1;
		if (depth === 0) {
			return { index, note: nested ? 'The reasoning holds TAG itself: its tags are nested.' : undefined };
		}
	}
	const index = marks.findLastIndex(({ opens }) => !opens);
	return index < 0 ? undefined : { index, note: 'The reasoning opens TAG more often than it closes it: it is taken to end at the last closing tag.' };
}

function parts(...found: readonly [Part['kind'], string][]): Part[] {
	return found
		.map(([kind, text]): Part => ({ kind, text: (kind === 'answer' ? text.replace(SOLUTION, '') : text).trim() }))
		.filter(({ text }) => text !== '');
}
