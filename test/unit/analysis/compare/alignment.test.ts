/** What is held against what: steps by text and index, tokens by characters. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { byIndex, byText, MAX_CHANGES, type Pair } from '../../../../src/analysis/compare/alignment';
import { changedRanges, groups, laid } from '../../../../src/analysis/compare/groups';
import { alignSteps } from '../../../../src/analysis/compare/pairing';
import type { ComparedStep } from '../../../../src/analysis/compare/steps';
import { legible } from '../../../../src/analysis/text';

describe('lists', () => {
	test('equal texts meet, what is between them is paired in order, the rest stands alone', () => {
		assert.deepEqual(byText(['a', 'b', 'c', 'd'], ['a', 'x', 'd', 'e']), [{ a: 0, b: 0 }, { a: 1, b: 1 }, { a: 2 }, { a: 3, b: 2 }, { b: 3 }]);
		assert.deepEqual(byIndex(1, 2), [{ a: 0, b: 0 }, { b: 1 }]);
		assert.deepEqual(byText([], []), []);
	});

	test('every place is in one pair, in order, whatever the lists are', () => {
		const list = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 });
		fc.assert(
			fc.property(list, list, (a, b) => {
				const pairs = byText(a, b)!;
				const places = (side: keyof Pair) => pairs.flatMap((pair) => pair[side] ?? []);
				assert.deepEqual(places('a'), a.map((_, i) => i));
				assert.deepEqual(places('b'), b.map((_, i) => i));
			}),
		);
	});

	test('lists with too little in common are not aligned by text', () => {
		const [a, b] = ['a', 'b'].map((name) => Array.from({ length: MAX_CHANGES }, (_, i) => `${name}${i}`)) as [string[], string[]];
		assert.equal(byText(a, b), undefined);
	});
});

const step = (kind: ComparedStep['kind'], text: string): ComparedStep => ({ kind, text, from: 0, at: 0, tokens: [] });

describe('steps', () => {
	test('answers meet answers, also where one chain is shorter', () => {
		const a = [step('thought', 'x'), step('thought', 'y'), step('answer', 'p')];
		const b = [step('thought', 'x'), step('answer', 'q')];
		assert.deepEqual(alignSteps(a, b, 'text').pairs, [{ a: 0, b: 0 }, { a: 1 }, { a: 2, b: 1 }]);
	});

	test('latents are aligned by index with latents, and with the sentences of a written chain', () => {
		const latents = [step('latent', 'y'), step('latent', 'x'), step('answer', 'p')];
		const written = [step('thought', 'x'), step('thought', 'y'), step('thought', 'z'), step('answer', 'p')];
		assert.deepEqual(alignSteps(latents, latents.toReversed().slice(1).toReversed(), 'text').pairs.slice(0, 2), [{ a: 0, b: 0 }, { a: 1, b: 1 }]);
		assert.deepEqual(alignSteps(latents, written, 'text').pairs, [{ a: 0, b: 0 }, { a: 1, b: 1 }, { b: 2 }, { a: 2, b: 3 }]);
	});
});

describe('tokens', () => {
	const cut = (a: string[], b: string[]) =>
		groups(laid(a), laid(b)).map(({ a: ofA, b: ofB, same }) => [a.slice(ofA.start, ofA.end).join(''), b.slice(ofB.start, ofB.end).join(''), same]);

	test('the same words in other tokens meet where both have an end', () => {
		assert.deepEqual(cut([' is', ' a', ' rempus', '.'], [' is a', ' rem', 'pus.']), [
			[' is a', ' is a', true],
			[' rempus.', ' rempus.', true],
		]);
	});

	test('a changed word is a group of its own, and so is one that only one side has', () => {
		assert.deepEqual(cut(['Davis', ' is', ' a', ' rempus', '.'], ['Davis', ' is', ' not', ' a', ' impus', '.']), [
			['Davis', 'Davis', true],
			[' is', ' is', true],
			['', ' not', false],
			[' a', ' a', true],
			[' rempus', ' impus', false],
			['.', '.', true],
		]);
	});

	test('a character of several tokens has no end inside it', () => {
		const bytes = new TextEncoder().encode('😀');
		const halves = [legible(bytes.subarray(0, 2)), legible(bytes.subarray(2))];
		assert.equal(laid(['a', ...halves, 'b']).text, 'a😀b');
		assert.deepEqual(laid(['a', ...halves, 'b']).ends, [1, undefined, 3, 4]);
		assert.deepEqual(groups(laid(['a', ...halves, 'b']), laid(['a', '😀b'])).map(({ a, b, same }) => [a.end, b.end, same]), [
			[1, 1, true],
			[4, 2, true],
		]);
	});

	test('changed words inside one token are ranges of both texts', () => {
		const [a, b] = ['The fox sits here.', 'The old cow sits.'];
		const { a: ofA, b: ofB } = changedRanges(a, b);
		assert.deepEqual(ofA.map(({ start, end }) => a.slice(start, end)), [' fox', ' here']);
		assert.deepEqual(ofB.map(({ start, end }) => b.slice(start, end)), [' old cow']);
	});

	test('every token is in one group, and groups that are the same have the same text', () => {
		const tokens = fc.array(fc.constantFrom('a', 'b ', ' c', 'ab', ' ', '.', 'a b', '😀', ''), { maxLength: 14 });
		fc.assert(
			fc.property(tokens, tokens, (a, b) => {
				const found = groups(laid(a), laid(b));
				for (const side of ['a', 'b'] as const) {
					const list = { a, b }[side];
					assert.deepEqual(found.flatMap(({ [side]: { start, end } }) => Array.from({ length: end - start }, (_, i) => start + i)), list.map((_, i) => i));
				}
				for (const { a: ofA, b: ofB, same } of found) {
					assert.equal(same, a.slice(ofA.start, ofA.end).join('').trim() === b.slice(ofB.start, ofB.end).join('').trim());
				}
			}),
			{ numRuns: 2_000 },
		);
	});
});
