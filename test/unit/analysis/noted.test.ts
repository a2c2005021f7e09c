import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { noted, placeOf } from '../../../src/analysis/noted';
import { outline } from '../../../src/analysis/outline';
import { search, type Hit } from '../../../src/analysis/search';
import { LiveTrace } from '../../../src/trace/live';
import type { Note } from '../../../src/trace/review';
import { sampleDocument } from '../trace/sample';

const document = sampleDocument();
const axis = outline(document, (id) => document.tokens.find((token) => token.id === id)?.text ?? '');
const note = (place: { arm: string; position: number }, more: Partial<Note> = {}): Note => ({
	...{ id: '00000000', ...place, text: 'Odd.', changed: '2026-01-01T00:00:00.000Z' },
	...more,
});

describe('notes on the step axis', () => {
	test('a row is kept as its thought, or as its sentence where it has none, and found again', () => {
		for (let row = 0; row < axis.rows; row++) {
			assert.deepEqual(noted(axis, [note(placeOf(axis, row)!)]).placed.map((one) => one.row), [row]);
		}
		assert.equal(placeOf(axis, axis.rows), undefined);
		const written = { ...axis, latent: undefined };
		assert.deepEqual(placeOf(written, 0), { arm: 'cot', position: axis.sentences[0]!.steps[0] });
	});

	test('any position of a sentence is on its row; what is on no row is counted, what was taken back is not', () => {
		const steps = axis.sentences[1]!.steps;
		const of = [note({ arm: 'cot', position: steps.at(-1)! }), note({ arm: 'cot', position: 0 }), note({ arm: 'gone', position: 3 }), note(placeOf(axis, 0)!, { removed: true })];
		const { placed, elsewhere } = noted(axis, of);
		assert.deepEqual([placed.map(({ row }) => row), elsewhere], [[1], 2]);
	});

	test('search finds the words of notes, in the order of the steps', async () => {
		const source = new LiveTrace(document);
		const notes = [note(placeOf(axis, 2)!, { text: 'A Wrong  branch', author: 'Kim' }), note(placeOf(axis, 0)!, { text: 'wrong branch' }), note(placeOf(axis, 1)!, { text: '' })];
		const hits: Hit[] = [];
		for await (const hit of search(source, { kind: 'text', text: 'wrong branch' }, notes)) {
			hits.push(hit);
		}
		assert.deepEqual(hits, [
			{ row: 0, kind: 'note', text: 'wrong branch' },
			{ row: 2, kind: 'note', text: 'A Wrong  branch', author: 'Kim' },
		]);
	});
});
