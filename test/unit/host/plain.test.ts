/** Marks in text of others that the editor's lists and notifications would read. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { plain, unlinked } from '../../../src/host/plain';

/** As the editor finds links in notifications. */
const LINK = /\[([^\]]+)\]\(((?:https?:\/\/|command:|file:)[^)\s]+)(?: (["'])(.+?)(\3))?\)/i;
/** As it finds icons in lists. */
const ICON = /\$\([A-Za-z0-9-]+(?:~[A-Za-z]+)?\)/;

describe('plain text', () => {
	test('no link is left in a notification, and no other word is changed', () => {
		for (const link of ['[Fix](command:workbench.action.reloadWindow)', '[a](https://b.example "c")', '[[x](command:y)](command:z)']) {
			assert.match(link, LINK);
			assert.doesNotMatch(unlinked(`The weights ${link} are missing.`), LINK);
		}
		assert.equal(unlinked('Loading [a] (b): layer (1)'), 'Loading [a] (b): layer (1)');
	});

	test('no icon is drawn in a list, and nothing is hidden', () => {
		assert.match('$(verified) official', ICON);
		assert.doesNotMatch(plain('$(verified) official $($(x)'), ICON);
		assert.equal(plain('a\u202eb'), 'a⟨U+202E⟩b');
	});
});
