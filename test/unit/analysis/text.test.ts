import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { completed, incomplete, instead, joined, legible, printable, visible } from '../../../src/analysis/text';

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
		['\ufffd', '⟨U+FFFD⟩'],
		['\u0301', '◌\u0301'],
		[' \u0301', '·\u0301'],
		['e\u0301', 'e\u0301'],
		['\u200d', '⟨U+200D⟩'],
		['\ufe0f', '⟨U+FE0F⟩'],
		['\u3164\u034f', '⟨U+3164⟩⟨U+034F⟩'],
		['👩\u200d👩\u200d👧 ❤\ufe0f 👍🏽', '👩\u200d👩\u200d👧 ❤\ufe0f 👍🏽'],
		['👩\u200d', '👩⟨U+200D⟩'],
		['a\u200db', 'a⟨U+200D⟩b'],
	] as const) {
		test(JSON.stringify(text), () => assert.equal(visible(text), shown));
	}

	test('spaces stay in running text', () => assert.equal(printable(' a\n'), ' a↵'));

	test('nothing unseen is left, and doing it twice changes nothing', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'binary' }), (text) => {
				const shown = visible(text);
				assert.equal(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffd]|^ | $/u.test(shown), false);
				assert.equal(visible(shown), shown);
			}),
		);
	});
});

describe('bytes', () => {
	const bytes = (...list: number[]) => Uint8Array.from(list);
	const utf8 = (text: string) => new TextEncoder().encode(text);

	test('that are text are shown as it, and others are written out', () => {
		for (const [list, shown] of [
			[[], ''],
			[[0x61], 'a'],
			[[...utf8(' é\n')], ' é\n'],
			[[0xe2, 0x80], '⟨E2 80⟩'],
			[[0x20, 0xe2, 0x80], ' ⟨E2 80⟩'],
			[[0x80, 0x9f, 0x61], '⟨80 9F⟩a'],
			[[0xc0, 0x80], '⟨C0 80⟩'],
			[[0xed, 0xa0, 0x80], '⟨ED A0 80⟩'],
			[[0xf4, 0x90, 0x80, 0x80], '⟨F4 90 80 80⟩'],
			[[0xef, 0xbb, 0xbf, 0x61], '\ufeffa'],
			[[0xef, 0xbf, 0xbd], '\ufffd'],
		] as [number[], string][]) {
			assert.equal(legible(bytes(...list)), shown);
			assert.equal(incomplete(bytes(...list)), shown.includes('⟨'));
		}
	});

	test('are told apart as the encoding standard does', () => {
		const any = fc.array(fc.oneof(fc.constantFrom(0x61, 0x80, 0xa0, 0xbf, 0xc2, 0xe0, 0xed, 0xef, 0xbd, 0xf0, 0xf4, 0x90), fc.nat(255)), { maxLength: 12 });
		fc.assert(
			fc.property(any, (list) => {
				const lossy = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes(...list));
				const texts = instead(bytes(...list));
				let next = 0;
				assert.equal(lossy.replace(/\ufffd/g, () => texts[next++]!), legible(bytes(...list)));
				assert.equal(next, texts.length);
			}),
			{ numRuns: 2000 },
		);
	});

	test('of tokens that follow each other make the character that they are', () => {
		fc.assert(
			fc.property(fc.string({ unit: 'grapheme', maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1 }), (text, cuts) => {
				const all = utf8(text);
				const tokens: string[] = [];
				for (let at = 0, i = 0; at < all.length; i++) {
					const end = at + cuts[i % cuts.length]!;
					tokens.push(legible(all.subarray(at, end)));
					at = end;
				}
				assert.equal(tokens.reduce(joined, ''), text);
			}),
		);
		assert.deepEqual(completed(['a', '⟨F0 9F⟩', '⟨98⟩', '⟨80⟩', 'b']), ['a', '⟨F0 9F⟩', '⟨98⟩', '⟨80⟩😀', 'b']);
		assert.deepEqual(completed([' ⟨E2⟩', '⟨80 99⟩s', '⟨80⟩', '⟨99⟩']), [' ⟨E2⟩', '⟨80 99⟩’s', '⟨80⟩', '⟨99⟩']);
		assert.deepEqual(completed(['⟨F0 9F 98⟩', '⟨80 F0 9F⟩', '⟨98 81⟩']), ['⟨F0 9F 98⟩', '⟨80 F0 9F⟩😀', '⟨98 81⟩😁']);
		assert.equal(['⟨E2 80⟩', 'a', '⟨99⟩'].reduce(joined), '⟨E2 80⟩a⟨99⟩');
		assert.equal(['⟨E2⟩', '⟨U+000D⟩'].reduce(joined), '⟨E2⟩⟨U+000D⟩');
	});
});
