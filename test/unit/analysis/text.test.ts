import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { printable, visible } from '../../../src/analysis/text';

describe('visible text', () => {
	for (const [text, shown] of [
		['', ''],
		['a b', 'a b'],
		[' a ', '·a·'],
		['  ', '··'],
		['a\nb\t', 'a↵b⇥'],
		['\r\n', '⟨U+000D⟩↵'],
		['\u202Eabc', '⟨U+202E⟩abc'],
		['a\u0000\u001b[31m', 'a⟨U+0000⟩⟨U+001B⟩[31m'],
		['\u200B\uFEFF\u00A0\u2028', '⟨U+200B⟩⟨U+FEFF⟩⟨U+00A0⟩⟨U+2028⟩'],
		['\u{E0041}', '⟨U+E0041⟩'],
		['\ud800x', '⟨U+D800⟩x'],
		['<b>é𝒳 汉</b>', '<b>é𝒳 汉</b>'],
	] as const) {
		test(JSON.stringify(text), () => assert.equal(visible(text), shown));
	}

	test('spaces stay in running text', () => assert.equal(printable(' a\n'), ' a↵'));

	test('nothing unseen is left, and doing it twice changes nothing', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'binary' }), (text) => {
				const shown = visible(text);
				assert.equal(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|^ | $/u.test(shown), false);
				assert.equal(visible(shown), shown);
			}),
		);
	});
});
