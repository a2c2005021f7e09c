import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { lost, merged, parseReview, reviewName, reviewText, type Note, type Review } from '../../../src/trace/review';

const note = (id: string, more: Partial<Note> = {}): Note => ({
	...{ id: id.padEnd(8, '0'), arm: 'latent', position: 3, text: 'Odd.', changed: '2026-01-01T00:00:00.000Z' },
	...more,
});
const review = (notes: Note[]): Review => ({ format: 'neuralese-review', version: 1, trace: { created: 'then', promptSha256: '0'.repeat(64) }, notes });

describe('reviews', () => {
	test('a name beside the trace', () => {
		assert.equal(reviewName('davis.trace.safetensors'), 'davis.review.json');
		assert.equal(reviewName('other.safetensors'), undefined);
		assert.equal(reviewName('.trace.safetensors'), undefined);
	});

	test('what is written is read back, in the order of arms and positions, one property a line', () => {
		const notes = [note('c', { position: 9 }), note('b', { arm: 'cot' }), note('a', { position: 9 })];
		const text = reviewText(review(notes));
		assert.deepEqual(parseReview(text, 'x.review.json').notes.map(({ id }) => id[0]), ['b', 'a', 'c']);
		assert.equal(reviewText(parseReview(text, 'x')), text);
		assert.ok(text.split('\n').every((line) => (line.match(/": /g) ?? []).length <= 1), text);
	});

	test('two reviewers: notes of both, the later text of one, and what was taken back stays away', () => {
		const later = '2026-02-01T00:00:00.000Z';
		const ours = [note('a', { text: 'new', changed: later }), note('b'), note('d', { removed: true, changed: later })];
		const theirs = [note('a', { text: 'old' }), note('c'), note('d')];
		const both = merged(ours, theirs);
		assert.deepEqual(both.map(({ id, text }) => id[0] + text).sort(), ['anew', 'bOdd.', 'cOdd.', 'dOdd.']);
		assert.deepEqual(merged(theirs, ours).map(({ id, text }) => id[0] + text).sort(), both.map(({ id, text }) => id[0] + text).sort());
	});

	test('what another writer took off the disk is known, and what is newer there is not', () => {
		const later = '2026-02-01T00:00:00.000Z';
		const mine = [note('a'), note('b', { changed: later }), note('c'), note('d')];
		const theirs = [note('b'), note('c', { changed: later }), note('d')];
		assert.deepEqual(lost(mine, theirs).map(({ id }) => id[0]), ['a', 'b']);
	});

	const damaged: [what: string, text: string, says: RegExp][] = [
		['no JSON', '{"format"', /x\.review\.json is no review of a trace \(.*JSON.*\): correct it/],
		['a merge that was left', '<<<<<<< ours\n{}\n=======\n', /conflict markers of a merge/],
		['another file', '{"name":"x"}', /format: /],
		['a later version', '{"format":"neuralese-review","version":2}', /version 2, and this Neuralese Inspector reads up to 1: update it/],
		['a null', 'null', /is no review/],
		['a time that is none', JSON.stringify(review([note('a', { changed: 'yesterday' })])), /notes\.0\.changed: expected a time/],
		['a position that is none', JSON.stringify(review([note('a', { position: -1 })])), /notes\.0\.position/],
		['a text of any length', JSON.stringify(review([note('a', { text: 'x'.repeat(20_001) })])), /notes\.0\.text/],
	];
	for (const [what, text, says] of damaged) {
		test(`refused in one sentence: ${what}`, () => {
			assert.throws(() => parseReview(text, 'x.review.json'), says);
		});
	}
});
