import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import type { NoteView, ReviewView } from '../../../src/shared/review';
import { countInWords, markOf, neighbourOf, notesOf, reviewIntent } from '../../../webview/review';

const note = (row: number, text = ''): NoteView => ({ row, text, own: true });
const review = (notes: NoteView[], elsewhere = 0): ReviewView => ({ notes, elsewhere });
const key = (key: string, more: object = {}) => ({ ...{ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false }, ...more });

describe('notes in the panel', () => {
	test('keys: AltGr writes brackets on some keyboards, Ctrl and Alt alone mean something else', () => {
		assert.deepEqual(reviewIntent(key('b')), { kind: 'bookmark' });
		assert.deepEqual(reviewIntent(key(']', { ctrlKey: true, altKey: true })), { kind: 'go', by: 1 });
		assert.equal(reviewIntent(key('b', { ctrlKey: true })), undefined);
		assert.equal(reviewIntent(key('n', { altKey: true })), undefined);
		assert.equal(reviewIntent(key('constructor')), undefined);
	});

	test('a row has the mark of its strongest note, also among ten thousand', () => {
		const many = review(Array.from({ length: 10_000 }, (_, row) => note(row)).concat(note(9_999, 'Odd.')));
		assert.equal(markOf(notesOf(many, 5)), 'bookmark');
		assert.equal(markOf(notesOf(many, 9_999)), 'note');
		assert.equal(markOf(notesOf(many, 10_000)), undefined);
		assert.equal(markOf(notesOf(undefined, 5)), undefined);
	});

	test('from one noted step to the next, around the ends', () => {
		const some = review([note(2), note(4), note(4), note(9)]);
		assert.deepEqual([undefined, 2, 4, 9].map((row) => neighbourOf(some, row, 1)), [2, 4, 9, 2]);
		assert.deepEqual([undefined, 2, 4, 9].map((row) => neighbourOf(some, row, -1)), [9, 9, 2, 4]);
		assert.equal(neighbourOf(review([]), 3, 1), undefined);
	});

	test('the count', () => {
		assert.deepEqual([review([note(1)]), review([note(1), note(2)], 1)].map(countInWords), ['1 note', '2 notes · 1 elsewhere']);
	});
});
