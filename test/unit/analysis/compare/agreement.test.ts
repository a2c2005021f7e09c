/** What counts as the same when a run is repeated. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { differentNumber, differentRank } from '../../../../src/analysis/compare/agreement';
import { toHalf } from '../../../../src/trace/half';

const floats = (...values: number[]) => new Float32Array(values);
const ids = (...values: number[]) => new Int32Array(values);

test('numbers may differ by a share of the largest beside them, and not measured is the same as not measured', () => {
	assert.equal(differentNumber(floats(100, 0.001, NaN), floats(100.009, 0, NaN), 3, 1e-4), undefined);
	assert.equal(differentNumber(floats(100, 0.001), floats(100, 0.02), 2, 1e-4)?.index, 1);
	assert.equal(differentNumber(floats(100, 0.001), floats(100, 0.002), 1, 1e-4)?.index, 1);
	assert.equal(differentNumber(floats(NaN), floats(0), 1, 1e-4)?.index, 0);
	assert.equal(differentNumber(floats(1, 2), floats(1), 1, 1e-4)?.index, 1, 'what is missing is different');
	assert.equal(differentNumber(toHalf(floats(1, 300)), toHalf(floats(1, 300.25)), 1, 2 ** -10), undefined);
});

test('tokens of the same value may change places; others may not', () => {
	const one = { own: ids(1, 2, 3), values: floats(5, 4, 3.99999) };
	assert.equal(differentRank(one, { own: ids(1, 3, 2), values: floats(5, 4, 3.99999) }, 3, 1e-4), undefined);
	assert.deepEqual(differentRank(one, { own: ids(2, 1, 3), values: floats(5, 4, 3.99999) }, 3, 1e-4), { index: 0, recorded: 1, here: 2 });
	assert.equal(differentRank(one, { own: ids(1, 2, 9), values: floats(5, 4, 3.99999) }, 3, 1e-4), undefined, 'the last one gave way to an equal');
	assert.equal(differentRank(one, { own: ids(1, 2, 9), values: floats(5, 4, 3.9) }, 3, 1e-4)?.index, 2);
});
