import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseDocument } from '../../../src/trace/schema';
import { sampleDocument } from './sample';

describe('tokens of a trace', () => {
	const read = (token: object) => parseDocument({ ...sampleDocument(), tokens: [token] });

	test('those that are no whole characters have bytes beside their text, all others and those of older traces have none', () => {
		for (const token of [{ id: 1, text: '⟨E2 80⟩', bytes: 'e280' }, { id: 1, text: '⟨E2 80⟩' }, { id: 1, text: '\ufffd' }]) {
			const result = read(token);
			assert.ok(result.ok);
			assert.deepEqual(result.document.tokens, [token]);
		}
	});

	test('what is no list of bytes is refused', () => {
		for (const bytes of ['', 'e28', 'E280', 'zz', 7, null]) {
			assert.equal(read({ id: 1, text: '', bytes }).ok, false, String(bytes));
		}
	});
});
