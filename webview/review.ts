/** Notes on steps: which rows are marked, where the next one is, and what a key means for them. */
import type { NoteView, ReviewView } from '../src/shared/review';
import type { Key } from './keys';

export type ReviewIntent = { kind: 'bookmark' } | { kind: 'note' } | { kind: 'go'; by: 1 | -1 };

const KEYS: Readonly<Record<string, ReviewIntent>> = {
	b: { kind: 'bookmark' },
	n: { kind: 'note' },
	']': { kind: 'go', by: 1 },
	'[': { kind: 'go', by: -1 },
};

/** Absent where the key means nothing here. AltGr, which some keyboards need for brackets, counts as Ctrl and Alt. */
export function reviewIntent({ key, ctrlKey, altKey, metaKey }: Key): ReviewIntent | undefined {
	return metaKey || ctrlKey !== altKey || !Object.hasOwn(KEYS, key) ? undefined : KEYS[key];
}

const byReview = new WeakMap<ReviewView, Map<number, NoteView[]>>();

/** Of one snapshot, by row: asked for with every row that is drawn. */
export function notesOf(review: ReviewView | null | undefined, row: number): readonly NoteView[] {
	if (!review) {
		return [];
	}
	const known = byReview.get(review);
	if (known) {
		return known.get(row) ?? [];
	}
	const rows = new Map<number, NoteView[]>();
	for (const note of review.notes) {
		const there = rows.get(note.row);
		if (there) {
			there.push(note);
		} else {
			rows.set(note.row, [note]);
		}
	}
	byReview.set(review, rows);
	return rows.get(row) ?? [];
}

/** What a row's mark is called; `bookmark` where nobody has written anything there. */
export function markOf(notes: readonly NoteView[]): 'bookmark' | 'note' | undefined {
	return notes.length === 0 ? undefined : notes.some(({ text }) => text !== '') ? 'note' : 'bookmark';
}

/** The next row with a note behind or before `row`, around the ends; undefined where there is none. */
export function neighbourOf({ notes }: ReviewView, row: number | undefined, by: 1 | -1): number | undefined {
	return by === 1
		? (notes.find((note) => note.row > (row ?? -1)) ?? notes[0])?.row
		: (notes.findLast((note) => note.row < (row ?? Infinity)) ?? notes.at(-1))?.row;
}

/** `3 notes`, `1 note`, `2 notes · 1 elsewhere` */
export function countInWords({ notes, elsewhere }: ReviewView): string {
	const counted = notes.length === 1 ? '1 note' : `${notes.length} notes`;
	return elsewhere > 0 ? `${counted} · ${elsewhere} elsewhere` : counted;
}
