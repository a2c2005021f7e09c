/** Values of a comparison in words, and what the page keeps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PlaneView } from '../../../src/shared/compare';
import { restored } from '../../../webview/compare/state';
import { cellText, klText, tokenText } from '../../../webview/compare/words';

const plane: PlaneView = { name: 'lens.entropy', label: 'Δ lens.entropy', unit: 'nats', definition: '', signed: true, columns: ['0', '1/2'] };

test('a cell says its step, its layers and its value', () => {
	assert.equal(cellText(plane, 2, 1, -0.5), 'Step 3, layer 1/2: −0.500 nats');
	assert.equal(cellText(plane, 0, 0, 0.25), 'Step 1, layer 0: +0.250 nats');
	assert.equal(cellText({ ...plane, signed: false, unit: '', columns: [''] }, 0, 0, 0.25), 'Step 1: 0.250');
	assert.equal(cellText(plane, 0, 0, NaN), 'Step 1, layer 0: not measured on both sides');
});

test('a divergence says whether it is a bound', () => {
	const group = { a: 'x', b: 'y', same: false, kl: { atLeast: 1.5, exact: false } };
	assert.equal(klText(group), '≥ 1.500');
	assert.equal(klText({ ...group, kl: { atLeast: 1.5, exact: true } }), '1.500');
	assert.equal(klText({ a: '', b: 'y', same: false }), '–');
	assert.match(tokenText({ ...group, bitsA: 1 }), /^surprisal 1\.00 bits in A, – in B\nKL/);
});

test('what was kept may be anything', () => {
	for (const kept of [undefined, null, 3, 'x', { plane: 3, row: 'x' }, { row: 1.5 }]) {
		assert.deepEqual(restored(kept), {});
	}
	assert.deepEqual(restored({ plane: 'lens.entropy', row: 4 }), { plane: 'lens.entropy', row: 4 });
});
