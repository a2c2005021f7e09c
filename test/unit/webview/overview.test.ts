import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { OVERVIEW_MARKS, type Lane, type Overview } from '../../../src/shared/panel';
import { template } from '../../../webview/columns';
import { nearness } from '../../../webview/codes';
import { laneBoxes } from '../../../webview/draw/overview';
import { binBox, lensAt, rowsOfBin, scrollFor, type Axis } from '../../../webview/lens';
import { inWords } from '../../../webview/overview';

const NaNs = (n: number) => new Float32Array(n).fill(NaN);
const curve = (values: number[]): Lane => ({ kind: 'curve', label: 'entropy', unit: 'nats', least: Float32Array.from(values), most: Float32Array.from(values, (one) => one + 0.5), definition: '' });
const codes: Lane = { kind: 'codes', label: 'room', classes: ['a', 'b'], share: Float32Array.of(1, 0, 0.5, 0.5, 0, 1, 0, 0), definition: '' };

describe('the lens', () => {
	const axis: fc.Arbitrary<Axis> = fc
		.record({ rows: fc.integer({ min: 1, max: 100_000 }), rowHeight: fc.integer({ min: 16, max: 200 }), view: fc.integer({ min: 50, max: 2000 }), overview: fc.integer({ min: 20, max: 2000 }) })
		.map(({ rows, rowHeight, ...one }) => ({ ...one, content: rows * rowHeight }));

	test('lies on the overview, at its ends where the list is, and moving it there brings the list back', () => {
		fc.assert(
			fc.property(axis, fc.double({ min: 0, max: 1, noNaN: true }), (one, at) => {
				const furthest = Math.max(0, one.content - one.view);
				const { top, height } = lensAt(furthest * at, one);
				assert.ok(top >= 0 && height > 0 && top + height <= one.overview + 1e-6);
				assert.ok(lensAt(0, one).top === 0 && Math.abs(lensAt(furthest, one).top - (furthest === 0 ? 0 : one.overview - height)) < 1e-6);
				if (height < one.overview) {
					assert.ok(Math.abs(scrollFor(top, one) - furthest * at) < 1e-6 * Math.max(1, one.content));
				}
			}),
		);
	});

	test('is as long as the part that is in view, and never too small to take hold of', () => {
		assert.equal(lensAt(0, { content: 1000, view: 250, overview: 400 }).height, 100);
		assert.equal(lensAt(0, { content: 240_000, view: 480, overview: 500 }).height, 12);
		assert.equal(lensAt(0, { content: 100, view: 480, overview: 300 }).height, 300, 'all of it is in view');
	});
});

describe('bins', () => {
	const sizes = fc.record({ rows: fc.integer({ min: 1, max: 10_000 }), bins: fc.integer({ min: 1, max: 600 }), height: fc.integer({ min: 1, max: 1200 }) });

	test('hold every row once, in order, and fill the height without a gap', () => {
		fc.assert(
			fc.property(sizes, ({ rows, bins: wanted, height }) => {
				const bins = Math.min(rows, wanted);
				let next = 0;
				for (let bin = 0; bin < bins; bin++) {
					const { start, end } = rowsOfBin(bin, bins, rows);
					assert.ok(start === next && end > start);
					next = end;
					const { top, bottom } = binBox(bin, bins, height);
					assert.ok(bottom > top && top <= height);
					assert.ok(bin === 0 ? top === 0 : top <= binBox(bin - 1, bins, height).bottom);
				}
				assert.equal(next, rows);
				assert.ok(binBox(bins - 1, bins, height).bottom >= height);
			}),
		);
	});
});

describe('an overview', () => {
	const overview: Overview = { rows: 8, bins: 4, lanes: [codes, curve([0, 1, 2, NaN])], marks: Uint8Array.of(0, OVERVIEW_MARKS.spare, OVERVIEW_MARKS.spare | OVERVIEW_MARKS.halted, 0) };

	test('says of a stretch what is in it', () => {
		assert.equal(inWords(overview, { start: 0, end: 2 }), 'Steps 1 to 2 of 8. room a; entropy 0.00 to 0.50 nats.');
		assert.equal(inWords(overview, { start: 2, end: 6 }), 'Steps 3 to 6 of 8. room a, b; entropy 1.00 to 2.50 nats; spare; halted.');
		assert.equal(inWords(overview, { start: 7, end: 8 }), 'Step 8 of 8.', 'nothing was measured there');
	});

	test('names few codes, and counts the others', () => {
		const classes = ['a', 'b', 'c', 'd', 'e'];
		const lane: Lane = { kind: 'codes', label: 'room', classes, share: new Float32Array(5).fill(0.2), definition: '' };
		assert.equal(inWords({ rows: 5, bins: 1, lanes: [lane], marks: new Uint8Array(1) }, { start: 0, end: 5 }), 'Steps 1 to 5 of 5. room a, b, c and 2 more.');
	});

	test('draws the lanes that fit, side by side', () => {
		const lanes = [codes, curve([]), { kind: 'scores', label: 'heatmap', mean: NaNs(0), definition: '' } as const];
		const all = laneBoxes(lanes, 400);
		assert.equal(all.boxes.length, 3);
		all.boxes.slice(1).forEach((box, i) => assert.ok(box.left > all.boxes[i]!.left + all.boxes[i]!.width));
		assert.ok(all.boxes[2]!.left + all.boxes[2]!.width < all.width && all.width <= 400);
		const few = laneBoxes(lanes, 70);
		assert.deepEqual(few.boxes.map(({ lane }) => lane.kind), ['codes', 'scores'], 'what does not fit is left out, what fits is not');
		assert.deepEqual(laneBoxes(lanes, 10).boxes, []);
	});
});

describe('columns', () => {
	const has = { sentences: true, thoughts: true, scores: true };

	test('what has nothing to show takes no room, and what is alone takes the rest', () => {
		const only = template({ layout: 'wide', tall: false }, { ...has, sentences: false, scores: false });
		assert.deepEqual([only.areas, only.tracks, only.head], ["'number thought'", '44px minmax(0, 1fr)', "'bar bar' 'number thought'"]);
		for (const layout of ['wide', 'compact'] as const) {
			for (const shown of [has, { ...has, thoughts: false }, { ...has, scores: false }]) {
				const { areas, tracks } = template({ layout, tall: true }, shown);
				const names = areas.replaceAll("'", '').split(' ');
				assert.equal(names.length, tracks.split(/ (?![^(]*\))/).length, `${areas} ${tracks}`);
				assert.deepEqual(names.filter((name) => name === 'scores').length, Number(shown.scores));
			}
		}
	});
});

test('nearness is 1 at a code, 0 half-way between two, and not known without a second', () => {
	const of = (...distances: number[]) => nearness({ nearest: distances.map((distance) => ({ text: '', distance })) });
	assert.deepEqual([of(0, 2), of(1, 2), of(2, 2), of(1), of(0, 0)], [1, 0.5, 0, NaN, NaN]);
});
