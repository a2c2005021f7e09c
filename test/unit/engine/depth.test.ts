/** Loops over depth: what a recipe may say of them, who sees whom, where they start, and when a position halts. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { lensMaskOf, maskOf, positionsOf, type Feed } from '../../../src/engine/depth/feed';
import { Halting } from '../../../src/engine/depth/halting';
import { chosen, joined, tail } from '../../../src/engine/depth/keys';
import { startOf } from '../../../src/engine/depth/start';
import { EngineError } from '../../../src/engine/error';
import { costOf } from '../../../src/engine/model/cost';
import { positionBytes } from '../../../src/engine/model/footprint';
import { atLoops, parseManifest } from '../../../src/engine/model/manifest';
import { floats, type Tensor } from '../../../src/engine/runtime';
import { MODEL } from './harness';

interface Raw {
	shape: Record<string, unknown>;
	files: Record<string, unknown>;
	recipe: Record<string, unknown>;
}

const DEPTH = { count: 8, state: { start: 'normal' } };

/** A manifest with one block before the loops, two that are looped and one after them. */
function written(change: (raw: Raw) => void = () => {}): string {
	const raw = JSON.parse(readFileSync(`${MODEL}/model.json`, 'utf8')) as Raw;
	raw.shape = { ...raw.shape, layers: 4, core: 2, coda: 1 };
	raw.files = { ...raw.files, core: raw.files['body'], coda: raw.files['body'] };
	raw.recipe = { ...raw.recipe, version: 3, depth: DEPTH };
	change(raw);
	return JSON.stringify(raw);
}

function refusal(change: (raw: Raw) => void): string {
	try {
		parseManifest(written(change));
	} catch (error) {
		assert.ok(error instanceof EngineError && error.code === 'bad-model');
		assert.match(error.message, /^[^\n]+\.$/);
		return error.message;
	}
	return '';
}

const withDepth = (depth: object) => refusal((raw) => (raw.recipe['depth'] = { ...DEPTH, ...depth }));

describe('loops over depth', () => {
	test('every loop is a site, and has keys and values of its own unless only the last one’s are kept', () => {
		const manifest = parseManifest(written());
		assert.deepEqual(manifest.layout, { prelude: 1, core: 2, coda: 1, loops: 8, slots: 8, sites: 11, caches: 18, blocks: 18, alone: false });
		assert.equal(manifest.shape.layers, 10);
		const fewer = atLoops(manifest, 3);
		assert.equal(fewer.shape.layers, 5);
		assert.equal(atLoops(fewer, 8).shape.layers, 10);
		const shared = parseManifest(written((raw) => (raw.recipe['depth'] = { ...DEPTH, keys: 'last' })));
		const reading = parseManifest(written((raw) => (raw.recipe['depth'] = { ...DEPTH, stop: [{ rule: 'kl', below: 1 }] })));
		assert.deepEqual([shared, reading].map(({ layout }) => layout!.alone), [true, true]);
		assert.equal(positionBytes(manifest.shape) / positionBytes(shared.shape), 18 / 4);
		assert.ok(costOf(manifest).parameters > 3 * costOf(fewer).parameters * (8 / 18), 'a loop costs what its blocks do');
		assert.throws(() => atLoops(manifest, 254), /At most 253 loops of this model can be read out, and 254 were asked for: ask for fewer\./);
	});

	test('what is wrong is named by its field', () => {
		const at = (field: string, what = '') => new RegExp(`at ${field.replaceAll('.', '\\.')} \\(.*${what}`);
		assert.match(withDepth({ count: 0 }), at('recipe.depth.count'));
		assert.match(withDepth({ count: 254 }), at('recipe.depth.count', 'expected at most 253, because every loop is a site'));
		assert.match(withDepth({ count: 2.5 }), at('recipe.depth.count'));
		assert.match(withDepth({ state: { start: 'moon' } }), at('recipe.depth.state.start'));
		assert.match(withDepth({ state: { start: 'normal', scale: -1 } }), at('recipe.depth.state.scale'));
		assert.match(withDepth({ stop: [] }), at('recipe.depth.stop'));
		assert.match(withDepth({ stop: [{ rule: 'token', tokens: ['<eos>'] }] }), at('recipe.depth.stop.0.rule'));
		assert.match(withDepth({ stop: [{ rule: 'kl', below: 0 }] }), at('recipe.depth.stop.0.below'));
		assert.match(withDepth({ stop: [{ rule: 'gate', above: 2 }] }), at('recipe.depth.stop.0.above'));
		assert.match(withDepth({ keys: 'mine' }), at('recipe.depth.keys'));
		assert.match(withDepth({ least: 9 }), at('recipe.depth.least', 'expected at most 8'));
		assert.match(withDepth({ stops: [] }), at('recipe.depth.stops'));
		assert.match(refusal((raw) => (raw.recipe['version'] = 2)), at('recipe.version', 'expected 3, because the recipe loops over depth'));
		assert.match(refusal((raw) => delete raw.files['core']), at('files.core', 'expected the blocks that recipe.depth loops'));
		assert.match(refusal((raw) => delete raw.shape['core']), at('shape.core'));
		assert.match(refusal((raw) => delete raw.shape['coda']), at('shape.coda'));
		assert.match(refusal((raw) => delete raw.recipe['depth']), at('files.core', 'expected none'));
		assert.match(refusal((raw) => (raw.shape['layers'] = 2)), at('shape.layers', 'expected at least 3'));
	});
});

/** Two rows of three positions after two cached ones, of which the second row has one; its last position is padding. */
const FEED: Feed = { rows: 2, count: 3, past: 2, positions: [2, 3, 4, 1, 2, 3], sees: Uint8Array.of(1, 1, 1, 0), real: Uint8Array.of(1, 1, 1, 1, 1, 0) };

const numbers = ({ data }: Tensor) => Array.from(data as ArrayLike<number | bigint>, Number);

function lines({ data, dims }: Tensor): string[] {
	const keys = dims[2]!;
	return Array.from({ length: data.length / keys }, (_, i) => Array.from(data as Uint8Array).slice(i * keys, (i + 1) * keys).join(''));
}

describe('who sees whom', () => {
	test('a position sees what is its row’s own before it, and itself', () => {
		assert.deepEqual(lines(maskOf(FEED)), ['11100', '11110', '11111', '10100', '10110', '10111']);
	});

	test('of one that has halted it sees what that left, in the place of what the loop computes', () => {
		// The first position of each row has halted; keys: cached, left, computed.
		const held = Uint8Array.of(1, 0, 0, 1, 0, 0);
		assert.deepEqual(lines(maskOf(FEED, held)), ['11000100', '11100010', '11100011', '10000100', '10100010', '10100011']);
	});

	test('states beside each other in the coda lens see what the positions before theirs left, and themselves', () => {
		const one: Feed = { rows: 1, count: 2, past: 1, positions: [1, 2], sees: Uint8Array.of(1), real: Uint8Array.of(1, 1) };
		assert.deepEqual(lines(lensMaskOf(one, 2, false)), ['1001000', '1100100', '1000010', '1100001']);
		assert.deepEqual(lines(lensMaskOf(one, 1, true)), ['110', '101']);
		assert.deepEqual(numbers(positionsOf(one, 2)), [1, 2, 1, 2]);
	});

	test('keys and values are put together row by row and head by head', () => {
		const keys = (length: number, from: number) => floats(Float32Array.from({ length: 4 * length }, (_, i) => from + i), 2, 2, length, 1);
		const both = joined(keys(2, 0), keys(1, 100));
		assert.deepEqual(numbers(both), [0, 1, 100, 2, 3, 101, 4, 5, 102, 6, 7, 103]);
		assert.deepEqual(both.dims, [2, 2, 3, 1]);
		assert.deepEqual(numbers(tail(both, 1)), [100, 101, 102, 103]);
		assert.deepEqual(numbers(chosen(keys(2, 0), keys(2, 100), Uint8Array.of(1, 0, 0, 1))), [0, 101, 2, 103, 104, 5, 106, 7]);
	});
});

describe('start states', () => {
	const one = (positions: number[], start: 'normal' | 'truncated' | 'zero' | 'input', seed = 1) =>
		startOf({ start, scale: 2 }, seed, { positions }, new Float32Array(positions.length * 64).fill(3));

	test('follow from the seed and the position, whatever is drawn together', () => {
		assert.deepEqual(one([4, 7], 'normal').subarray(64), one([7], 'normal'));
		assert.notDeepEqual(one([4], 'normal'), one([7], 'normal'));
		assert.notDeepEqual(one([4], 'normal', 2), one([4], 'normal'));
	});

	test('are of the kind that the recipe says', () => {
		assert.deepEqual([...new Set(one([1], 'zero'))], [0]);
		assert.deepEqual([...new Set(one([1], 'input'))], [6]);
		const many = Array.from({ length: 400 }, (_, i) => i);
		assert.ok(one(many, 'normal').some((value) => Math.abs(value) > 6), 'three of 1000 lie beyond three deviations');
		assert.ok(one(many, 'truncated').every((value) => Math.abs(value) <= 6));
	});
});

describe('halting', () => {
	const seen = { difference: 1, gate: 0.1, logits: Float32Array.of(0, 0) };

	test('the first rule that holds is named, and none before the least loop', () => {
		const halting = new Halting({ stop: [{ rule: 'gate', above: 0.5 }, { rule: 'difference', below: 0.2 }], least: 2 });
		assert.equal(halting.after(1, { ...seen, difference: 0.1 }), undefined);
		assert.equal(halting.after(2, seen), undefined);
		assert.equal(halting.after(3, { ...seen, difference: 0.1 }), 'difference');
		assert.equal(halting.after(4, { ...seen, difference: 0.1, gate: 0.6 }), 'gate');
	});

	test('a cumulative gate is the probability to have halted by now', () => {
		const halting = new Halting({ stop: [{ rule: 'gate', above: 0.5, cumulative: true }] });
		// 1 − 0.7², 1 − 0.7³.
		assert.equal(halting.after(1, { ...seen, gate: 0.3 }), undefined);
		assert.equal(halting.after(2, { ...seen, gate: 0.3 }), 'gate');
	});

	test('distributions are compared with the loop before, and counted in a row', () => {
		const kl = new Halting({ stop: [{ rule: 'kl', below: 0.01 }] });
		assert.equal(kl.after(1, seen), undefined);
		assert.equal(kl.after(2, { ...seen, logits: Float32Array.of(0, 1) }), undefined);
		assert.equal(kl.after(3, { ...seen, logits: Float32Array.of(5, 6) }), 'kl');
		const entropy = new Halting({ stop: [{ rule: 'entropy', below: 0.1, for: 2 }] });
		const sure = { ...seen, logits: Float32Array.of(0, 20) };
		assert.deepEqual([sure, seen, sure, sure].map((one, i) => entropy.after(i + 1, one)), [undefined, undefined, undefined, 'entropy']);
	});
});
