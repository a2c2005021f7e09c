import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { summarise, type Chain } from '../../../src/analysis/chains';
import { groupedSpearman, spearman } from '../../../src/analysis/correlation';
import { generator } from '../../../src/shared/random';

const pairs = (x: number[], y: number[]) => x.map((value, i) => ({ x: value, y: y[i]! }));

describe("Spearman's correlation", () => {
	test('with ties as scipy has it', () => {
		const found = spearman(pairs([1, 2, 2, 4, 5, 7, 7, 7], [3, 1, 4, 4, 9, 2, 6, 5]));
		assert.ok(Math.abs(found - SCIPY) < 1e-12, String(found));
	});

	test('only the order counts, and without variation there is none', () => {
		assert.equal(spearman(pairs([1, 2, 3], [1, 100, 1e9])), 1);
		assert.equal(spearman(pairs([1, 2, 3], [3, 2, 1])), -1);
		assert.ok(Number.isNaN(spearman(pairs([1, 1], [1, 2]))));
		assert.ok(Number.isNaN(spearman([])));
	});

	test('groups of equal pairs are as good as one pair: the interval does not shrink with their size', () => {
		const uniform = generator(1, 'test');
		const single = Array.from({ length: 40 }, () => [{ x: uniform(), y: uniform() }]);
		const copied = single.map(([pair]) => new Array(10).fill(pair!));
		const [a, b] = [groupedSpearman(single), groupedSpearman(copied)];
		assert.ok(Math.abs(a.value - b.value) < 1e-9);
		assert.deepEqual([a.n, b.n], [40, 40]);
		const width = ({ ci }: typeof a) => ci[1] - ci[0];
		assert.ok(Math.abs(width(b) / width(a) - 1) < 0.05, `${width(a)} ${width(b)}`);
		assert.ok(a.ci[0] < 0 && a.ci[1] > 0);
		assert.deepEqual(groupedSpearman(single), a);
	});

	test('one group has no interval', () => {
		assert.deepEqual(groupedSpearman([[{ x: 1, y: 1 }, { x: 2, y: 2 }], []]).ci, [NaN, NaN]);
	});
});

const SCIPY = 0.43840526508317174;

describe('a set of chains', () => {
	const sentence = (bits: number, changed?: boolean, deltaLogOdds = NaN) => ({
		bits,
		referenceBits: NaN,
		kl: NaN,
		dropped: changed === undefined ? undefined : { changed, deltaLogOdds },
	});
	const chains: Chain[] = [
		{
			record: { arm: 'cot', tokens: 4, legalSteps: { legal: 1, steps: 2 }, repetition: 0.5 },
			correct: true,
			sentences: [sentence(1, true, -3), sentence(3, false, 1)],
			withoutChain: { changed: true, deltaLogOdds: -5 },
		},
		{
			record: { arm: 'cot', tokens: 1, legalSteps: { legal: 1, steps: 1 } },
			correct: false,
			sentences: [sentence(2, false, -1)],
			withoutChain: { changed: false, deltaLogOdds: 0 },
		},
		{ correct: false, sentences: [] },
	];

	test('means of problems, each over the problems where it was measured', () => {
		const found = summarise(chains);
		const read = (estimate: { value: number; n: number } | undefined) => estimate && [estimate.value, estimate.n];
		assert.deepEqual(read(found.accuracy), [1 / 3, 3]);
		assert.deepEqual(read(found.tokens), [5 / 3, 3]);
		assert.deepEqual(read(found.sentences), [1, 3]);
		assert.deepEqual(read(found.bits), [(4 / 4 + 2) / 2, 2]);
		assert.deepEqual(read(found.legalSteps), [0.75, 2]);
		assert.deepEqual(read(found.repetition), [0.5, 1]);
		assert.deepEqual([found.kl, found.referenceBits, found.rareWords], [undefined, undefined, undefined]);
	});

	test('load-bearing: sentences within problems, problems, the whole chain, and the correlation over sentences', () => {
		const { sentenceChanged, anyChanged, withoutChain, deltaLogOdds, association } = summarise(chains).loadBearing!;
		assert.deepEqual([sentenceChanged.value, sentenceChanged.n], [0.25, 2]);
		assert.deepEqual([anyChanged.value, withoutChain!.value, deltaLogOdds!.value], [0.5, 0.5, -1]);
		assert.equal(association.bits!.value, 1);
		assert.equal(association.kl, undefined);
		assert.equal(summarise([{ ...chains[0]!, sentences: [sentence(1)] }]).loadBearing, undefined);
	});
});
