import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PanelState, ProbeView, Run } from '../../../src/shared/panel';
import { heldOut, INITIAL, layerOf, probeOf, restored, saved, Store, underlineOf, underlines, withPanel, withSelection } from '../../../webview/store';
import { COLUMNS } from './columns';

const PROBES = ['first-option', 'within:impus', 'within:yimpus'].map((name): ProbeView => ({
	name,
	kind: 'probe',
	domain: [0, 1],
	label: name,
	fit: 0,
}));
const RUN: Run = {
	revision: 1,
	title: 'Is Davis a jelpus or gerpus?',
	subtitle: '',
	arms: [],
	rows: 6,
	layers: 2,
	columns: COLUMNS,
	probes: PROBES,
	fits: [[{ step: 3, layer: 1, auroc: 0.9, ci: [0.8, 0.95], shuffled: 0.5, random: 0.5 }]],
	notes: [],
};
const ready = (name: string, over: Partial<Run> = {}): PanelState => ({
	kind: 'ready',
	name,
	run: { ...RUN, ...over },
	stale: false,
	source: 'run',
});
const looking = { ...withPanel(INITIAL, ready('a.prompt.md')), selection: { row: 3, layer: 1 }, layer: 1, scroll: 120 };

describe('store', () => {
	test('a newer snapshot of the same prompt keeps the place, another prompt starts at the top', () => {
		assert.deepEqual(withPanel(looking, ready('a.prompt.md', { revision: 2 })).selection, { row: 3, layer: 1 });
		const other = withPanel(looking, ready('b.prompt.md'));
		assert.deepEqual([other.selection, other.scroll], [{}, 0]);
	});

	test('how much of a row is shown outlives the panel, and not the prompt', () => {
		const zoomed = { ...looking, zoom: 'dense' as const };
		assert.equal(restored(JSON.parse(JSON.stringify(saved(zoomed)))).state.zoom, 'dense');
		assert.equal(restored({ subject: 'a', zoom: 'huge' }).state.zoom, undefined);
		assert.deepEqual([withPanel(zoomed, ready('a.prompt.md')).zoom, withPanel(zoomed, ready('b.prompt.md')).zoom], ['dense', undefined]);
	});

	test('a snapshot clears the last problem', () => {
		assert.equal(withPanel({ ...looking, problem: 'gone' }, ready('a.prompt.md')).problem, undefined);
	});

	test('the underline shows what was chosen where the run has it, else the own surprisal; the choice outlives the panel', () => {
		const chosen = { ...INITIAL, underline: 'kl' as const };
		assert.deepEqual(
			underlines(RUN).map(({ value }) => value),
			['own'],
		);
		assert.equal(underlineOf(withPanel(chosen, ready('a'))), 'own');
		const read = ready('a', { legibility: { figures: [], reference: 'other', base: 'base' } });
		assert.equal(underlineOf(withPanel(chosen, read)), 'kl');
		assert.equal(underlineOf(withPanel(INITIAL, read)), 'own');
		assert.equal(restored(JSON.parse(JSON.stringify(saved(withPanel(chosen, read))))).state.underline, 'kl');
		assert.equal(restored({ subject: 'a', underline: 'constructor' }).state.underline, undefined);
	});

	test('the layer is the selected one, else the one chosen last, else the last of the model, and always one that it has', () => {
		assert.equal(layerOf(withPanel(INITIAL, ready('a'))), 2);
		assert.equal(layerOf(withSelection(looking, { row: 0, layer: 0 })), 0);
		assert.equal(layerOf(withSelection(looking, {})), 1);
		assert.equal(layerOf({ ...looking, selection: { layer: 40 } }), 2);
		assert.equal(layerOf(INITIAL), 0);
	});

	test('a cell has the figures that were held out just there, and no others', () => {
		const probe = RUN.probes[0]!;
		assert.equal(heldOut(RUN, probe, { row: 3, layer: 1 })?.auroc, 0.9);
		assert.equal(heldOut(RUN, probe, { row: 3, layer: 2 }), undefined);
		assert.equal(heldOut(RUN, { ...probe, fit: 7 }, { row: 3, layer: 1 }), undefined);
	});

	test('a probe that the run lacks falls back to its family, then to the first', () => {
		assert.equal(probeOf(looking), 'first-option');
		assert.equal(probeOf({ ...looking, probe: 'within:yimpus' }), 'within:yimpus');
		assert.equal(probeOf({ ...looking, probe: 'within:zumpus' }), 'within:impus');
		assert.equal(probeOf({ ...looking, probe: 'other' }), 'first-option');
		assert.equal(probeOf(INITIAL), undefined);
	});

	test('only where one was is saved, and comes back', () => {
		const kept = saved(looking);
		assert.deepEqual(Object.keys(kept).sort(), ['course', 'details', 'layer', 'probe', 'scroll', 'selection', 'subject', 'underline', 'zoom']);
		const back = restored(JSON.parse(JSON.stringify(kept)));
		assert.deepEqual([back.state.layer, back.state.scroll, back.state.selection, back.saved?.selection.row], [1, 120, {}, 3]);
	});

	test('what cannot be understood is not restored', () => {
		for (const value of [undefined, null, 1, 'x', [], { subject: 1 }]) {
			assert.deepEqual(restored(value), { state: INITIAL });
		}
		const odd = restored({
			subject: 'a',
			selection: { row: -1, layer: 'x', step: 1.5 },
			layer: Number.NaN,
			scroll: 'far',
			probe: {},
		});
		assert.deepEqual(odd.saved?.selection, { row: undefined, layer: undefined, step: undefined });
		assert.deepEqual([odd.state.layer, odd.state.scroll, odd.state.probe], [undefined, 0, undefined]);
	});

	test('listeners see each change once with the state before, and nothing is saved before there is something to be in', () => {
		const seen: [number, number][] = [];
		const saves: unknown[] = [];
		const store = new Store(INITIAL, (navigation) => saves.push(navigation));
		store.subscribe((state, before) => seen.push([state.scroll, before.scroll]));
		store.update((state) => state);
		store.update((state) => ({ ...state, scroll: 5 }));
		assert.deepEqual([seen, saves.length], [[[5, 0]], 0]);
		store.update((state) => withPanel(state, ready('a')));
		assert.equal(saves.length, 1);
	});
});
