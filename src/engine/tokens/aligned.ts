/**
 * A text under normalisation that remembers, for each of its UTF-16 code units, which stretch of the original it came from. The
 * tokenizer library has no offsets, so what it would do to a text is done step by step here.
 */
import type { Range } from '../../shared/range';

/** Where code unit i came from, in the original; `ends` exclusive. Both ascend. */
interface Origins {
	readonly starts: readonly number[];
	readonly ends: readonly number[];
}

export class Aligned {
	private constructor(
		readonly text: string,
		/** What of the original this stands for, with what was deleted from it. */
		readonly whole: Range,
		/** Absent where unit i of the text is unit `whole.start + i` of the original: most texts are never changed. */
		private readonly origins?: Origins,
	) {}

	static of(original: string): Aligned {
		return new Aligned(original, { start: 0, end: original.length });
	}

	/** What of the original became the code units of a range, which is not empty. */
	origin({ start, end }: Range): Range {
		const { origins, whole } = this;
		return origins
			? { start: origins.starts[start]!, end: origins.ends[end - 1]! }
			: { start: whole.start + start, end: whole.start + end };
	}

	/** `range` is not empty. */
	slice(range: Range): Aligned {
		const { start, end } = range;
		const { origins } = this;
		const text = this.text.slice(start, end);
		return new Aligned(
			text,
			this.origin(range),
			origins && { starts: origins.starts.slice(start, end), ends: origins.ends.slice(start, end) },
		);
	}

	/** In front, as a part of the first character: from that on the two cannot be told apart, as in the reference implementation. */
	prepended(prefix: string): Aligned {
		const first = this.text === '' ? 0 : String.fromCodePoint(this.text.codePointAt(0)!).length;
		return first === 0 ? this : this.rewritten([{ start: 0, end: first, text: prefix + this.text.slice(0, first) }]);
	}

	/** Every match becomes its replacement, each unit of which came from the whole of the match. */
	replaced(wanted: RegExp, replace: (match: string) => string): Aligned {
		const edits: Edit[] = [];
		for (const match of this.text.matchAll(wanted)) {
			const text = replace(match[0]);
			if (text !== match[0]) {
				edits.push({ start: match.index, end: match.index + match[0].length, text });
			}
		}
		return this.rewritten(edits);
	}

	/** @param edits ascending, apart. */
	rewritten(edits: readonly Edit[]): Aligned {
		if (edits.length === 0) {
			return this;
		}
		const parts: string[] = [];
		let done = 0;
		for (const edit of edits) {
			parts.push(this.text.slice(done, edit.start), edit.text);
			done = edit.end;
		}
		parts.push(this.text.slice(done));
		const inPlace = edits.every(({ start, end, text }) => text.length === 1 && end - start === 1);
		return new Aligned(parts.join(''), this.whole, inPlace ? this.origins : this.moved(edits));
	}

	private moved(edits: readonly Edit[]): Origins {
		const starts: number[] = [];
		const ends: number[] = [];
		let done = 0;
		const keep = (to: number) => {
			for (; done < to; done++) {
				starts.push(this.origins?.starts[done] ?? this.whole.start + done);
				ends.push(this.origins?.ends[done] ?? this.whole.start + done + 1);
			}
		};
		for (const { start, end, text } of edits) {
			keep(start);
			done = end;
			if (text !== '') {
				const origin = this.origin({ start, end });
				for (let i = 0; i < text.length; i++) {
					starts.push(origin.start);
					ends.push(origin.end);
				}
			}
		}
		keep(this.text.length);
		return { starts, ends };
	}
}

/** The stretch [start, end) of a text, which is not empty, becomes `text`. */
export interface Edit extends Range {
	text: string;
}
