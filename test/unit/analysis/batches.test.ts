/** What goes in one call and which variants go together: pure, on plans that are written down here. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { calls, MAX_BATCH_BYTES, planGroups, rowsThatFit } from '../../../src/analysis/batches';
import { planVariants, type CleanRun, type Feed, type Replacement, type Variant } from '../../../src/analysis/causal';
import type { Step } from '../../../src/trace/document';

/** Ten positions of prompt, a begin token, four thoughts, an end token. */
const RUN: CleanRun = {
	prompt: 10,
	steps: [
		{ kind: 'token', id: 1, forced: true },
		...[0, 1, 2, 3].map((thought): Step => ({ kind: 'latent', id: -1, thought })),
		{ kind: 'token', id: 2, forced: true },
	],
	sentences: [],
	trainedLatents: 4,
	layers: 2,
	vocabulary: 50,
};

const think = (thought: number, by?: Replacement): Feed => ({ kind: 'think', thought, by });
const END: Feed = { kind: 'tokens', ids: [2] };

describe('calls', () => {
	test('a vector that follows from the state before it begins a call; the first one follows from the unchanged run', () => {
		assert.deepEqual(calls([think(0, { kind: 'zero' }), think(1), END]), [[think(0, { kind: 'zero' })], [think(1), END]]);
		assert.deepEqual(calls([think(0), END]), [[think(0), END]]);
		assert.deepEqual(calls([]), []);
	});

	test('what is known beforehand goes in one call', () => {
		const known: Replacement[] = [
			{ kind: 'zero' },
			{ kind: 'mean' },
			{ kind: 'resample', draw: 0 },
			{ kind: 'interchange' },
			{ kind: 'transplant' },
		];
		const feeds = [...known.map((by, i) => think(i, by)), END];
		assert.deepEqual(calls(feeds), [feeds]);
		const frozen: Feed[] = [think(0, { kind: 'noise' }), { kind: 'keep', thoughts: [1, 2, 3] }, END];
		assert.deepEqual(calls(frozen), [frozen]);
	});

	test('what depends on the thought itself, or on its lens, waits for it', () => {
		const own: Replacement[] = [{ kind: 'noise' }, { kind: 'jitter', ratio: 1 }, { kind: 'tokens', top: 5, rescaled: false }];
		for (const by of own) {
			assert.equal(calls([think(0, by), think(1, by), think(2, by), END]).length, 3);
		}
	});
});

describe('groups', () => {
	const variants = planVariants(RUN, ['ablate-zero', 'snap-1', 'truncate', 'patch'], 'each');
	const places = (groups: { variants: number[] }[]) => groups.flatMap((group) => group.variants).sort((a, b) => a - b);

	test('every variant is in one group, and all share the same positions', () => {
		const groups = planGroups(variants, 1, 32);
		assert.deepEqual(places(groups), [...variants.keys()]);
		const longest = Math.max(...variants.map(({ prefix }) => prefix));
		groups.forEach(({ shared }) => assert.equal(shared, longest));
	});

	test('what is computed again is told, and none is padded to more than twice its length, nor waits for one that is fed at once', () => {
		for (const { variants: members, calls: most, fed } of planGroups(variants, 1, 32)) {
			const counted = members.map((place) => calls(variants[place]!.feeds).length);
			const lengths = members.map((place) => length(variants[place]!));
			assert.equal(most, Math.max(...counted));
			assert.equal(fed, Math.max(...lengths));
			assert.ok(counted.every((count) => count === 1) || counted.every((count) => count > 1));
			assert.ok(fed <= 2 * Math.min(...lengths));
		}
	});

	test('a group is no larger than asked for, nor than its keys and values may be', () => {
		assert.ok(planGroups(variants, 1, 5).every(({ variants: { length: size } }) => size <= 5));
		const positions = Math.max(...variants.map(({ prefix }) => prefix)) + Math.max(...variants.map(length));
		const bytes = MAX_BATCH_BYTES / positions / 3;
		assert.ok(planGroups(variants, bytes, 32).every(({ variants: { length: size } }) => size <= 3));
		assert.equal(Math.max(...planGroups(variants, bytes, 32).map(({ variants: { length: size } }) => size)), 3);
	});

	test('one that goes alone shares just what it has, however little fits', () => {
		const groups = planGroups(variants, 10 * MAX_BATCH_BYTES, 32);
		assert.equal(groups.length, variants.length);
		groups.forEach(({ variants: [place], shared }) => assert.equal(shared, variants[place!]!.prefix));
	});

	test('no variants, no groups; no room, one row', () => {
		assert.deepEqual(planGroups([], 1, 32), []);
		assert.equal(rowsThatFit(MAX_BATCH_BYTES, 2, 32), 1);
	});
});

function length({ feeds }: Variant): number {
	return feeds.reduce((sum, feed) => sum + (feed.kind === 'tokens' ? feed.ids.length : feed.kind === 'keep' ? feed.thoughts.length : 1), 0);
}
