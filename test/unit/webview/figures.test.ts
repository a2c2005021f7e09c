import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatProbability } from '../../../src/shared/probability';
import { decimals } from '../../../src/shared/decimals';
import { exact, interval, plural, proportion, surprisal } from '../../../webview/figures';

describe('figures', () => {
	test('a probability is never shown as a 0 or 1 that is only rounded', () => {
		assert.deepEqual([0, 1e-9, 0.0099, 0.01, 0.444, 0.994, 0.9951, 1 - 1e-9, 1, NaN].map(formatProbability), [
			'0.00',
			'<.01',
			'<.01',
			'0.01',
			'0.44',
			'0.99',
			'>.99',
			'>.99',
			'1.00',
			'–',
		]);
	});

	test('a negative zero has no sign, other negative numbers a typographic minus', () => {
		assert.deepEqual([decimals(-0.001), decimals(-1.5), decimals(-0), decimals(-0.4, 0)], ['0.00', '−1.50', '0.00', '0']);
	});

	test('what was not measured is a dash, what has no bound says so', () => {
		assert.deepEqual([decimals(undefined), decimals(Number.NaN), decimals(Infinity), decimals(-Infinity)], ['–', '–', '∞', '−∞']);
	});

	test('the exact value keeps four significant digits at every magnitude', () => {
		assert.deepEqual(
			[exact(0.44123), exact(1), exact(0), exact(0.00006103), exact(-123456)],
			['0.4412', '1', '0', '6.103e−5', '−123500'],
		);
	});

	test('proportions drop the leading zero, and are never a 1 that is only rounded', () => {
		assert.deepEqual([0.951, 1, 0.9999, 0].map(proportion), ['.95', '1.00', '>.99', '.00']);
		assert.equal(interval([0.931, 0.998]), '.93, >.99');
	});

	test('surprisal is in bits', () => {
		assert.deepEqual([surprisal(1), surprisal(0.5), surprisal(1 / 32), surprisal(0)], [0, 1, 5, Infinity]);
	});

	test('nouns follow their number', () => {
		assert.deepEqual([plural(0, 'note'), plural(1, 'note'), plural(2, 'note')], ['0 notes', '1 note', '2 notes']);
	});
});
