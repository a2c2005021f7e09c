import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { cellAt, cellBox, type Geometry } from '../../../webview/draw/heatmap';

const TALL: Geometry = { rows: { start: 4, end: 12 }, sites: 3, width: 198, rowHeight: 109, cellTop: 9, cellHeight: 22 };
const THIN: Geometry = { rows: { start: 0, end: 64 }, sites: 33, width: 396, rowHeight: 24, cellTop: 0, cellHeight: 24 };

describe('heatmap geometry', () => {
	test('the middle of every cell is found as that cell', () => {
		const places = fc.constantFrom(TALL, THIN).chain((map) =>
			fc.record({
				map: fc.constant(map),
				row: fc.integer({ min: map.rows.start, max: map.rows.end - 1 }),
				layer: fc.integer({ min: 0, max: map.sites - 1 }),
			}),
		);
		fc.assert(
			fc.property(places, ({ map, row, layer }) => {
				const { x, y, width, height } = cellBox(map, row, layer);
				assert.ok(width > 0 && height > 0 && x >= 0 && x + width <= map.width);
				assert.deepEqual(cellAt(map, x + width / 2, y + height / 2), { row, layer });
			}),
		);
	});

	test('cells of one row do not overlap', () => {
		for (const map of [TALL, THIN]) {
			for (let layer = 1; layer < map.sites; layer++) {
				const before = cellBox(map, map.rows.start, layer - 1);
				assert.ok(before.x + before.width <= cellBox(map, map.rows.start, layer).x);
			}
		}
	});

	test('between rows and outside the map there is no cell', () => {
		assert.deepEqual(
			[cellAt(TALL, 10, 60), cellAt(TALL, -1, 15), cellAt(TALL, 198, 15), cellAt(TALL, 10, 8 * 109 + 15), cellAt(TALL, 10, -95)],
			[undefined, undefined, undefined, undefined, undefined],
		);
	});
});
