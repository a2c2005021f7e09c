/** All thoughts at once, as the panel says and places them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Course, CurveView } from '../../../src/shared/panel';
import { binOf, explain, moved, nameOf, planes, reading, summary } from '../../../webview/course';
import { binAt, binPlace } from '../../../webview/draw/curve';
import { layOutPath, pointAt } from '../../../webview/draw/path';
import { INITIAL, isCourseOpen, type AppState } from '../../../webview/store';

const series = (...mean: number[]) => ({ mean: Float32Array.from(mean), low: Float32Array.from(mean), high: Float32Array.from(mean) });
const curve = (extra: Partial<CurveView> = {}): CurveView => ({ label: 'drift', unit: 'nats', definition: 'd', domain: [0, 4], series: series(NaN, 2), measured: 1, ...extra });
const PATH = { places: Float32Array.of(0, 0, 1, 2, 1, 0), spare: new Uint8Array(2), shares: [0.5, 0.25, 0.125], rest: 0.125, definition: '', labels: [] };
const COURSE: Course = { thoughts: 2, every: 1, curves: [curve({ control: { kind: 'level', label: 'shuffled', value: 3, ci: [1, 5] } })], path: PATH, capacity: [] };

test('keys walk along the thoughts and stop at the ends', () => {
	assert.deepEqual(['ArrowRight', 'ArrowDown', 'ArrowLeft', 'PageDown', 'PageUp', 'Home', 'End'].map((key) => moved(key, 5, 12)), [6, 6, 4, 11, 0, 0, 11]);
	assert.deepEqual([moved('ArrowRight', 11, 12), moved('ArrowRight', undefined, 12), moved('End', undefined, 12), moved('ArrowRight', 0, 0), moved('x', 0, 12)], [11, 0, 11, undefined, undefined]);
});

test('a row is in the bin of its thoughts, and one beyond the last thought in none', () => {
	assert.deepEqual([0, 9, 10, 9_999, 10_000, undefined].map((row) => binOf({ ...COURSE, thoughts: 10_000, every: 10 }, row)), [0, 0, 1, 999, undefined, undefined]);
	assert.equal(nameOf({ ...COURSE, thoughts: 25, every: 10 }, 2), 'Thoughts 21–25');
	assert.equal(nameOf(COURSE, 1), 'Thought 2');
});

describe('readings', () => {
	test('a value beside its control; what was not measured is said', () => {
		assert.equal(explain(COURSE, 0), 'Thought 1\ndrift: not measured (shuffled 3.00)');
		assert.equal(explain(COURSE, 1), 'Thought 2\ndrift: 2.00 nats (shuffled 3.00)');
	});

	test('effects have a sign, and their interval where there is room', () => {
		const effect = curve({ series: { mean: Float32Array.of(-2, 1), low: Float32Array.of(-3, 1), high: Float32Array.of(-1, 1) }, control: { kind: 'curve', label: 'twin', series: series(0, 0.5) } });
		assert.deepEqual(reading(effect, 0, 'stems', true), { value: '−2.00 [−3.00, −1.00]', control: 'twin 0.00' });
		assert.deepEqual(reading(effect, 1, 'stems', false), { value: '+1.00', control: 'twin +0.50' });
	});

	test('the summary says how many thoughts were tested', () => {
		const effects = { ...curve({ measured: 1 }), shown: '', changes: [] };
		assert.equal(summary({ ...COURSE, effects }), '2 components hold 75 % of the variance · answer tested at 1 of 2 thoughts');
		assert.match(summary({ ...COURSE, thoughts: 20, every: 10 }), /^10 thoughts a point · /);
	});
});

test('pairs of components: one where there is no third', () => {
	assert.deepEqual(planes(PATH).map(({ label }) => label), ['1 × 2', '1 × 3', '2 × 3']);
	assert.deepEqual(planes({ shares: [0.9, 0.1, 0] }).map(({ label }) => label), ['1 × 2']);
});

test('both axes of the plane have one scale, and a point is found near its place', () => {
	const layout = layOutPath(PATH.places, [0, 1], { width: 300, height: 200 });
	const [dx, dy] = [layout.x[1]! - layout.x[0]!, layout.y[0]! - layout.y[1]!];
	assert.ok(Math.abs(dx / dy - 2) < 1e-4, `${dx} ${dy}`);
	assert.ok([...layout.x].every((x) => x >= 0 && x <= 300) && [...layout.y].every((y) => y >= 0 && y <= 200));
	assert.equal(pointAt(layout, layout.x[1]! + 3, layout.y[1]! - 3, 14), 1);
	assert.equal(pointAt(layout, 150, 100, 14), undefined);
	assert.ok([...layOutPath(new Float32Array(6), [0, 1], { width: 300, height: 200 }).x].every(Number.isFinite), 'thoughts at one place');
});

test('it is open unless few thoughts have little room, and as it was chosen', () => {
	const run = (thoughts?: number) => ({ kind: 'ready', run: { course: thoughts === undefined ? undefined : { thoughts } } }) as AppState['panel'];
	const open = (thoughts: number | undefined, of: Partial<AppState>) => isCourseOpen({ ...INITIAL, panel: run(thoughts), ...of });
	assert.deepEqual([open(128, { room: 'least' }), open(8, { room: 'ample' }), open(8, { room: 'short' }), open(undefined, { room: 'ample' })], [true, true, false, false]);
	assert.deepEqual([open(8, { room: 'short', course: true }), open(128, { course: false }), open(undefined, { course: true })], [true, false, false]);
});

test('the middle of a bin leads back to it', () => {
	for (const bins of [1, 2, 128, 1_000]) {
		for (const bin of [0, Math.floor(bins / 2), bins - 1]) {
			assert.equal(binAt(binPlace(bin, bins, 400), bins, 400), bin);
		}
	}
});
