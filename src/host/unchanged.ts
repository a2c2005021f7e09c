/** Carries ranges between two versions of a text: what lies before the first and after the last change has only moved. */
import type { Range } from '../shared/range';

export class Unchanged {
	/** Length of the common beginning and of the common end; they do not overlap in either text. */
	private readonly head: number;
	private readonly tail: number;

	constructor(
		private readonly before: string,
		private readonly after: string,
	) {
		const shorter = Math.min(before.length, after.length);
		let head = 0;
		while (head < shorter && before[head] === after[head]) {
			head++;
		}
		let tail = 0;
		while (tail < shorter - head && before[before.length - 1 - tail] === after[after.length - 1 - tail]) {
			tail++;
		}
		this.head = head;
		this.tail = tail;
	}

	/** Where a range of the text before stands in the text after; undefined where it was touched. */
	forward(range: Range): Range | undefined {
		return carry(range, this.head, this.tail, this.before.length, this.after.length);
	}

	/** Where an offset of the text after stood in the text before; undefined within what is new. */
	back(offset: number): number | undefined {
		return carry({ start: offset, end: offset + 1 }, this.head, this.tail, this.after.length, this.before.length)?.start;
	}
}

function carry(range: Range, head: number, tail: number, length: number, otherLength: number): Range | undefined {
	if (range.end <= head) {
		return range;
	}
	const moved = otherLength - length;
	return range.start >= length - tail ? { start: range.start + moved, end: range.end + moved } : undefined;
}
