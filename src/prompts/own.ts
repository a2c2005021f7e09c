/**
 * The words of a prompt that are its file's own: without what a chat template writes around them, or stands between messages. Through them what
 * was analysed is held against a file that may have changed since.
 */
import type { Range } from '../shared/range';
import type { PromptRecord } from '../trace/document';
import { conversationOf, type Piece, type Prompt } from './prompt';

type Written = Pick<PromptRecord, 'text' | 'pieces'>;

/** Equal stretches of the own words, of the prompt's text, and of the file. */
interface Stretch {
	own: Range;
	text: Range;
	file: Range;
}

export class OwnWords {
	readonly text: string;
	private readonly stretches: readonly Stretch[];

	/** Of pieces of texts, each with its words. */
	constructor(parts: readonly (Piece & { words: string })[]) {
		let text = '';
		this.stretches = parts.map((part) => {
			const own = { start: text.length, end: text.length + part.words.length };
			text += part.words;
			return { own, text: part.text, file: part.file };
		});
		this.text = text;
	}

	/** Offset in the own words of an offset in the file; undefined where the file's text is not part of the prompt. A `\r` is at its `\n`. */
	atFile(offset: number): number | undefined {
		const found = this.stretches.find(
			({ file, text }, i) => file.start <= offset && (offset < file.end || (offset === file.end && this.stretches[i + 1]?.text.start === text.end)),
		);
		return found && found.own.start + (offset - found.file.start);
	}

	/** Offset in the prompt's text of an offset in the own words. */
	inText(offset: number): number | undefined {
		const found = this.stretches.find(({ own }) => own.start <= offset && offset < own.end);
		return found && found.text.start + (offset - found.own.start);
	}

	/** The own words in a range of the prompt's text: what is not theirs is left out of it. Ascending. */
	fromText(range: Range): Range[] {
		return this.carried(range, 'text', 'own');
	}

	/** The file's ranges of a range of the own words. */
	toFile(range: Range): Range[] {
		return this.carried(range, 'own', 'file');
	}

	private carried(range: Range, from: 'own' | 'text', to: 'own' | 'file'): Range[] {
		const parts: Range[] = [];
		let reached: number | undefined;
		for (const stretch of this.stretches) {
			const start = Math.max(stretch[from].start, range.start);
			const end = Math.min(stretch[from].end, range.end);
			if (start >= end) {
				continue;
			}
			const by = stretch[to].start - stretch[from].start;
			// Lines that only a `\r` keeps apart become one range.
			if (start === reached) {
				parts.at(-1)!.end = end + by;
			} else {
				parts.push({ start: start + by, end: end + by });
			}
			reached = end;
		}
		return parts;
	}
}

/** Of a text whose pieces say where in the file they stand. */
export function ownWords({ text, pieces }: Written): OwnWords {
	return new OwnWords(pieces.map((piece) => ({ ...piece, words: text.slice(piece.text.start, piece.text.end) })));
}

/** The words of the file as it is now that stand where those of `then` stood: of all messages where a template wrote it. */
export function ownWordsNow(then: Written, prompt: Prompt, input: Written): OwnWords {
	if (!isTemplated(then)) {
		return ownWords(input);
	}
	const { text } = ownWords(then);
	// Many templates trim what they are given.
	const trimmed = new OwnWords(conversationOf(prompt).flatMap((message) => wordsOf(message, true)));
	return trimmed.text === text ? trimmed : new OwnWords(conversationOf(prompt).flatMap((message) => wordsOf(message, false)));
}

function wordsOf({ text, pieces }: Written, trim: boolean): (Piece & { words: string })[] {
	const first = trim ? Math.max(0, text.search(/\S/)) : 0;
	const last = trim ? text.trimEnd().length : text.length;
	return pieces.flatMap((piece) => {
		const start = Math.max(piece.text.start, first);
		const end = Math.min(piece.text.end, last);
		const moved = piece.file.start - piece.text.start;
		return start < end ? [{ words: text.slice(start, end), text: { start, end }, file: { start: start + moved, end: end + moved } }] : [];
	});
}

/** Whether a text holds more than its file's own words and the white space between them: then a template has written it. */
export function isTemplated({ text, pieces }: Written): boolean {
	let done = 0;
	for (const piece of pieces) {
		if (text.slice(done, piece.text.start).trim() !== '') {
			return true;
		}
		done = piece.text.end;
	}
	return text.slice(done).trim() !== '';
}
