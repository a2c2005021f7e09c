/**
 * Tokens of two texts held against each other by characters: two tokenizers cut the same words in different places, and surprisals can be added
 * up only where both have an end. Offsets are UTF-16 code units of each text.
 */
import type { Range } from '../../shared/range';
import { joined } from '../text';
import { stretches } from './alignment';

/** A text of tokens. `ends[i]`: where token i ends; undefined inside a character, whose bytes are then in several tokens. */
export interface Laid {
	text: string;
	ends: (number | undefined)[];
}

/** The fewest tokens of each text that begin and end at the same places of both. Indices of tokens; one side may be empty. */
export interface Group {
	a: Range;
	b: Range;
	/** Whether both are the same characters, white space at their ends aside. */
	same: boolean;
}

/** Words, each with the space before it, as most tokenizers have them, and single other characters: what people read as changed. */
const WORD = / ?[\p{L}\p{N}\p{M}]+|[^]/gu;

export function laid(texts: readonly string[]): Laid {
	const out: Laid = { text: '', ends: [] };
	for (const next of texts) {
		const together = joined(out.text, next);
		if (together.length !== out.text.length + next.length) {
			// The bytes at the seam are one character, or the beginning of one.
			out.ends[out.ends.length - 1] = undefined;
		}
		out.text = together;
		out.ends.push(together.length);
	}
	return out;
}

/** In order, and every token is in one. */
export function groups(a: Laid, b: Laid): Group[] {
	const [startsA, startsB] = [tokenAt(a), tokenAt(b)];
	const found: Group[] = [];
	let [lastA, lastB] = [{ offset: 0, token: 0 }, { offset: 0, token: 0 }];
	for (const { a: offsetA, b: offsetB } of [...meetings(a.text, b.text), { a: a.text.length, b: b.text.length }]) {
		const [tokenA, tokenB] = [startsA.get(offsetA), startsB.get(offsetB)];
		if (tokenA === undefined || tokenB === undefined || (tokenA === lastA.token && tokenB === lastB.token)) {
			continue;
		}
		const same = a.text.slice(lastA.offset, offsetA).trim() === b.text.slice(lastB.offset, offsetB).trim();
		found.push({ a: { start: lastA.token, end: tokenA }, b: { start: lastB.token, end: tokenB }, same });
		[lastA, lastB] = [{ offset: offsetA, token: tokenA }, { offset: offsetB, token: tokenB }];
	}
	return found;
}

/** The token that begins at an offset; at the end of the text their count. One without a text goes with the one before it. */
function tokenAt({ ends }: Laid): Map<number, number> {
	const starts = new Map([[0, 0]]);
	ends.forEach((end, i) => end !== undefined && starts.set(end, i + 1));
	return starts;
}

/** Offsets at which both texts are at the same place: ascending, and the edges of what is the same among them. */
function* meetings(a: string, b: string): Generator<{ a: number; b: number }> {
	if (a === b) {
		for (let i = 1; i < a.length; i++) {
			yield { a: i, b: i };
		}
		return;
	}
	const [wordsA, wordsB] = [words(a), words(b)];
	const [offsetsA, offsetsB] = [offsets(wordsA), offsets(wordsB)];
	for (const same of stretches(wordsA, wordsB) ?? []) {
		const [startA, startB] = [offsetsA[same.a]!, offsetsB[same.b]!];
		const length = offsetsA[same.a + same.length]! - startA;
		for (let i = 0; i <= length; i++) {
			yield { a: startA + i, b: startB + i };
		}
	}
}

/** Ranges of both texts that the other has not, by words. */
export function changedRanges(a: string, b: string): { a: Range[]; b: Range[] } {
	const [one, other] = [laid(words(a)), laid(words(b))];
	const changed = groups(one, other).filter(({ same }) => !same);
	const range = ({ ends }: Laid, { start, end }: Range): Range => ({ start: ends[start - 1] ?? 0, end: ends[end - 1] ?? 0 });
	const of = (side: 'a' | 'b', text: Laid) => changed.filter((group) => group[side].start < group[side].end).map((group) => range(text, group[side]));
	return { a: of('a', one), b: of('b', other) };
}

function words(text: string): string[] {
	return text.match(WORD) ?? [];
}

/** Where each word begins, and where the last one ends. */
function offsets(words: readonly string[]): number[] {
	const out = [0];
	words.forEach((word) => out.push(out.at(-1)! + word.length));
	return out;
}
