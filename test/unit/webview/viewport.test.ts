import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { metrics, reveal, roomOf, visible, ZOOMS, zoomed, type Room } from '../../../webview/viewport';

const geometry = fc.record({
	rows: fc.nat(10_000),
	height: fc.integer({ min: 0, max: 3000 }),
	rowHeight: fc.integer({ min: 1, max: 200 }),
	overscan: fc.integer({ min: 1, max: 20 }),
});

describe('viewport', () => {
	test('the window holds every row in view, lies in the list, and stays small', () => {
		fc.assert(
			fc.property(geometry, fc.double({ min: 0, max: 1, noNaN: true }), ({ rows, height, rowHeight, overscan }, at) => {
				const scroll = Math.max(0, rows * rowHeight - height) * at;
				const window = visible(scroll, height, rowHeight, rows, overscan);
				assert.ok(0 <= window.start && window.start <= window.end && window.end <= rows);
				assert.ok(window.start <= Math.floor(scroll / rowHeight));
				assert.ok(window.end >= Math.min(rows, Math.ceil((scroll + height) / rowHeight)));
				assert.ok(window.end - window.start <= height / rowHeight + 4 * overscan + 2);
			}),
		);
	});

	test('a small scroll leaves the window as it is', () => {
		assert.deepEqual(visible(1000, 500, 24, 10_000, 16), visible(1003, 500, 24, 10_000, 16));
	});

	test('10 000 rows: a window of some dozens', () => {
		const window = visible(120_000, 600, 24, 10_000, 16);
		assert.ok(window.end - window.start < 100, JSON.stringify(window));
	});

	test('revealing moves no more than is needed, and shows the whole row', () => {
		assert.equal(reveal(2, 100, 0, 400), 0);
		assert.equal(reveal(4, 100, 0, 400), 100);
		assert.equal(reveal(0, 100, 250, 400), 0);
		assert.equal(reveal(9, 100, 0, 50), 900, 'a row taller than the view starts at its top');
	});

	test('few rows are tall, many are thin; narrow ones move closer, and are stacked only where they are tall', () => {
		const shape = (rows: number, width: number) =>
			`${metrics({ rows, layers: 2 }, width, 'short').tall ? 'tall' : 'thin'} ${metrics({ rows, layers: 2 }, width, 'short').layout}`;
		assert.deepEqual([shape(6, 1180), shape(6, 570), shape(6, 420)], ['tall wide', 'tall compact', 'tall stacked']);
		assert.deepEqual(
			[shape(10_000, 1180), shape(10_000, 570), shape(10_000, 420)],
			['thin wide', 'thin compact', 'thin compact'],
		);
	});

	test('the heatmap leaves room for the other columns at every width', () => {
		fc.assert(
			fc.property(fc.integer({ min: 320, max: 3000 }), fc.integer({ min: 1, max: 128 }), (width, layers) => {
				const { heatWidth, scoresWidth } = metrics({ rows: 6, layers }, width, 'ample');
				assert.ok(heatWidth >= 141 && heatWidth <= scoresWidth && scoresWidth <= Math.max(236, width * 0.45));
			}),
		);
	});

	test('narrow or low panels have little room, the lowest the least', () => {
		const rooms = (sizes: [number, number][]) => sizes.map(([width, height]) => roomOf(width, height));
		assert.deepEqual(rooms([[760, 1300], [1500, 1000], [700, 1000]]), ['ample', 'ample', 'ample']);
		assert.deepEqual(rooms([[510, 810], [420, 1300], [1500, 800]]), ['short', 'short', 'short']);
		assert.deepEqual(rooms([[510, 560], [1500, 560]]), ['least', 'least']);
	});

	test('rows are as high as was chosen, whatever their number, and zooming stops at both ends', () => {
		const height = (zoom?: 'dense' | 'thin' | 'tall', rows = 128) => metrics({ rows, layers: 2, zoom }, 700, 'ample').rowHeight;
		assert.ok(height('dense') < height('thin') && height('thin') < height('tall'));
		assert.deepEqual([height(), height(undefined, 6), height('thin', 6)], [height('thin'), height('tall'), height('thin')]);
		const room = (zoom: 'dense' | 'thin') => metrics({ rows: 128, layers: 2, zoom }, 700, 'ample');
		assert.equal(room('dense').kept * height('dense'), room('thin').kept * height('thin'), 'lower rows take no less room: more are in view');
		assert.deepEqual(ZOOMS.map((zoom) => zoomed(zoom, 1)), ['thin', 'tall', 'tall']);
		assert.deepEqual(ZOOMS.map((zoom) => zoomed(zoom, -1)), ['dense', 'dense', 'thin']);
	});

	test('rows without thoughts are as high as what was written needs, and are not stacked', () => {
		const of = (thoughts: boolean, width = 900) => metrics({ rows: 6, layers: 2, columns: { sentences: true, scores: false, thoughts } }, width, 'ample');
		assert.ok(of(false).rowHeight >= 3 * 17 && of(false).rowHeight < 0.6 * of(true).rowHeight);
		assert.deepEqual([of(true, 400).layout, of(false, 400).layout], ['stacked', 'compact']);
	});

	test('without sentences nothing is stacked, without scores no room is kept for them', () => {
		const of = (columns: { sentences: boolean; scores: boolean }) => metrics({ rows: 6, layers: 2, columns }, 420, 'ample');
		assert.equal(of({ sentences: true, scores: true }).layout, 'stacked');
		const bare = of({ sentences: false, scores: false });
		assert.deepEqual([bare.layout, bare.heatWidth, bare.scoresWidth], ['compact', 0, 0]);
	});

	test('two tall rows or eight thin ones are kept in view, and take no more than two fifths of the lowest panel', () => {
		const kept = (rows: number, width: number, height: number) => {
			const { rowHeight, kept: count } = metrics({ rows, layers: 2 }, width, roomOf(width, height));
			return { count, share: (count * rowHeight) / height };
		};
		for (const width of [420, 510, 700, 1500]) {
			assert.equal(kept(6, width, 560).count, 2);
			assert.equal(kept(100, width, 560).count, 8);
			assert.ok(kept(6, width, 560).share <= 0.42 && kept(100, width, 560).share <= 0.42, `${width}`);
		}
	});

	test('less room never shows more words, nor higher rows', () => {
		const rooms: Room[] = ['ample', 'short', 'least'];
		for (const width of [420, 510, 700, 1500]) {
			const found = rooms.map((room) => metrics({ rows: 6, layers: 2 }, width, room));
			found.slice(1).forEach((one, i) => assert.ok(one.top <= found[i]!.top && one.rowHeight <= found[i]!.rowHeight, `${width}`));
			assert.ok(found.every(({ top }) => top >= 2));
		}
	});
});
