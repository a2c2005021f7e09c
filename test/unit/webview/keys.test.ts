import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Selection } from '../../../src/shared/panel';
import { intent, keysInWords, type Extents } from '../../../webview/keys';

const EXTENTS: Extents = { rows: 6, layers: 2, layer: 2, page: 4, steps: [80, 81, 82] };

function press(
	key: string,
	selection: Selection = {},
	modifiers: { shiftKey?: boolean; ctrlKey?: boolean } = {},
	extents = EXTENTS,
) {
	return intent({ key, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...modifiers }, selection, extents);
}

const select = (selection: Selection) => ({ kind: 'select', selection });

describe('keys', () => {
	test('are told where they mean something', () => {
		const depth = { prelude: 1, loops: 4, arms: [], measures: [] };
		assert.match(keysInWords({ rows: 6, columns: { sentences: true } }), /^↑↓ step · .*Shift\+←→ token · .*Esc clear$/);
		assert.doesNotMatch(keysInWords({ rows: 6, depth, columns: { sentences: false } }), /token|loop/);
		assert.equal(keysInWords({ rows: 0, depth, columns: { sentences: false } }), '↑↓ token · ←→ loop');
		assert.equal(keysInWords({ rows: 0, columns: { sentences: false } }), '');
	});

	test('plus, minus and 0 zoom, with and without Shift; with Ctrl they are the editor’s', () => {
		assert.deepEqual(
			['+', '=', '-', '_', '0'].map((key) => press(key, { row: 1 }, { shiftKey: true })),
			[1, 1, -1, -1, 0].map((by) => ({ kind: 'zoom', by })),
		);
		assert.equal(press('+', {}, { ctrlKey: true }), undefined);
	});

	test('up and down move the step, keep the layer, leave the token, and stop at the ends', () => {
		assert.deepEqual(press('ArrowDown'), select({ row: 0, layer: undefined }));
		assert.deepEqual(press('ArrowDown', { row: 2, layer: 1, step: 81 }), select({ row: 3, layer: 1 }));
		assert.deepEqual(press('ArrowDown', { row: 5 }), select({ row: 5, layer: undefined }));
		assert.deepEqual(press('ArrowUp', { row: 0 }), select({ row: 0, layer: undefined }));
	});

	test('left and right move the layer from the one that is shown', () => {
		assert.deepEqual(press('ArrowLeft', { row: 1 }), select({ row: 1, layer: 1 }));
		assert.deepEqual(press('ArrowRight', { row: 1, layer: 2 }), select({ row: 1, layer: 2 }));
		assert.deepEqual(press('ArrowLeft', {}), select({ row: 0, layer: 1 }));
		assert.deepEqual(press('ArrowLeft', { row: 1, layer: 0 }, {}, { ...EXTENTS, layer: 0 }), select({ row: 1, layer: 0 }));
	});

	test('with shift they move the token within the sentence', () => {
		assert.deepEqual(press('ArrowRight', { row: 1 }, { shiftKey: true }), select({ row: 1, step: 80 }));
		assert.deepEqual(press('ArrowLeft', { row: 1 }, { shiftKey: true }), select({ row: 1, step: 82 }));
		assert.deepEqual(press('ArrowRight', { row: 1, step: 80 }, { shiftKey: true }), select({ row: 1, step: 81 }));
		assert.deepEqual(press('ArrowRight', { row: 1, step: 82 }, { shiftKey: true }), select({ row: 1, step: 82 }));
		assert.deepEqual(
			press('ArrowRight', { row: 1 }, { shiftKey: true }, { ...EXTENTS, steps: [] }),
			select({ row: 1, step: undefined }),
		);
	});

	test('home, end and pages', () => {
		assert.deepEqual(
			[press('Home', { row: 3 }), press('End'), press('PageDown', { row: 1 }), press('PageUp', { row: 1 })],
			[0, 5, 5, 0].map((row) => select({ row, layer: undefined })),
		);
	});

	test('enter opens the details, escape clears', () => {
		assert.deepEqual([press('Enter'), press('Escape')], [{ kind: 'details' }, { kind: 'clear' }]);
	});

	test('other keys, chords, and an empty list are left to the browser', () => {
		assert.deepEqual(
			[press('a'), press('Tab'), press('ArrowDown', {}, { ctrlKey: true }), press('End', {}, {}, { ...EXTENTS, rows: 0 })],
			[undefined, undefined, undefined, undefined],
		);
	});
});
