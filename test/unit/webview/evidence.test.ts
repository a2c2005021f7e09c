/** What the panel says about evidence: the meter's states, tooltips, and the layout of the graph. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { GraphView, LevelView, PanelState, Run, TestView } from '../../../src/shared/panel';
import { layOutGraph } from '../../../webview/draw/graphLayout';
import * as evidence from '../../../webview/evidence';
import { meterOf } from '../../../webview/meter';
import { COLUMNS } from './columns';

const arm = { name: 'latent', label: 'latent', state: 'done' } as const;
const run: Run = { revision: 1, title: '', subtitle: '', arms: [arm], rows: 6, layers: 2, columns: COLUMNS, probes: [], fits: [], notes: [] };
const number = { name: 'effect', value: '1 nats', label: '', control: '', definition: '' } as const;
const ready = (more: Partial<Run> = {}, source: 'run' | 'file' = 'run'): PanelState => ({
	kind: 'ready',
	name: 'a',
	run: { ...run, ...more },
	stale: false,
	source,
});
const running = (more: Partial<Run> = {}): PanelState => ({ kind: 'running', name: 'a', message: '', run: { ...run, ...more } });

describe('meter', () => {
	test('a finished run without tests offers them, a saved trace only says so', () => {
		const [own, file] = [meterOf(ready()), meterOf(ready({}, 'file'))];
		assert.deepEqual([own.kind, own.kind === 'untested' && own.offer], ['untested', true]);
		assert.deepEqual([file.kind, file.kind === 'untested' && file.offer], ['untested', false]);
	});

	test('while evidence is gathered what has come is shown, and the rest as being gathered', () => {
		const kinds = (panel: PanelState) => {
			const state = meterOf(panel);
			return state.kind === 'numbers' ? state.items.map((item) => (item.kind === 'number' ? item.view.name : `${item.name}…`)) : state.kind;
		};
		assert.deepEqual(kinds(running()), ['distance…', 'effect…', 'capacity…']);
		assert.deepEqual(kinds(running({ meter: [number] })), ['distance…', 'effect', 'capacity…']);
		assert.deepEqual(kinds(running({ arms: [arm, { ...arm, name: 'cot', state: 'running' }] })), 'hidden');
		assert.deepEqual(kinds(ready({ meter: [number] })), ['effect']);
	});

	test('a control that is not there yet is being gathered, one that never came was not measured', () => {
		const control = (panel: PanelState) => {
			const state = meterOf(panel);
			const item = state.kind === 'numbers' ? state.items.find((one) => one.kind === 'number') : undefined;
			return item?.kind === 'number' ? item.view.control : undefined;
		};
		assert.deepEqual(
			[control(running({ meter: [number] })), control(ready({ meter: [number] })), control(ready({ meter: [{ ...number, control: 'twin 0' }] }))],
			['gathering controls…', 'not measured on the twin', 'twin 0'],
		);
	});

	test('nothing is offered where there is nothing to test, nor where tests found no number', () => {
		assert.deepEqual(
			[undefined, { kind: 'empty' } as const, ready({ rows: 0 }), ready({ meter: [] })].map((panel) => meterOf(panel).kind),
			['hidden', 'hidden', 'hidden', 'hidden'],
		);
	});
});

describe('words', () => {
	test('a level names every rung, with its state and its reason', () => {
		const rung = (level: number, state: LevelView['rungs'][number]['state']) => ({ level, state, why: `Why ${level}.` });
		const text = evidence.level({ level: 1, claim: 'reads as a', rungs: [rung(1, 'reached'), rung(2, 'not reached'), rung(3, 'not measured')] });
		assert.deepEqual(text.split('\n').map((line) => line.slice(0, 4)), ['Evid', '✓ L0', '✓ L1', '✗ L2', '– L3']);
		assert.match(text, /level L1: “reads as a”.*\n.*\n.*reached\. Why 1\.\n.*not reached\. Why 2\.\n.*not measured\. Why 3\./);
	});

	test('a test says what was put in, what became of later ones, and what the control said', () => {
		const view: TestView = {
			of: 'thought',
			label: 'zero',
			later: 'frozen',
			answer: 'b',
			changed: true,
			deltaLogOdds: -1,
			kl: 0,
			control: { answer: 'a', changed: false, deltaLogOdds: 0 },
			by: 'in its place: zero',
		};
		assert.equal(
			evidence.test(view),
			'In its place: zero. Later ones were fed as they were. The answer becomes “b”. On the control it stays.',
		);
	});

	test('a patch’s cell has its control beside it', () => {
		assert.match(evidence.patchEffect('zero', -3.4, -0.01, 'Step 1, layer 2'), /^Step 1, layer 2: −3\.400 nats.*control: −0\.010 nats\.$/);
		assert.equal(evidence.patchEffect('zero', NaN, undefined, 'Step 1, layer 2'), 'Step 1, layer 2: not measured.');
	});

	test('what was not measured comes as null and is said to be missing', () => {
		const sent = JSON.parse(JSON.stringify({ label: 'x', definition: 'A length.', value: NaN, tokens: NaN, text: NaN })) as Parameters<typeof evidence.ood>[0];
		assert.equal(evidence.ood(sent), 'A length. Here –.');
	});
});

describe('graph layout', () => {
	type Node = GraphView['nodes'][number];
	const node = (label: string, distance: number, more: Partial<Node> = {}): Node => ({ label, distance, group: 'later', mass: 0, rank: 1, ...more });
	const nodes = [node('Davis', 0, { asked: true }), node('a', 1), node('b', 1), node('c', 2), node('d', 2), node('e', 3, { answer: true }), node('x', 4, { group: 'unreachable' })];
	const edges: [number, number][] = [
		[0, 1],
		[0, 2],
		[1, 4],
		[2, 3],
		[3, 5],
		[4, 1],
	];

	test('a column for each distance, in its order, and nodes of one column apart', () => {
		const { places, columns, width, height } = layOutGraph({ nodes, edges });
		assert.deepEqual(columns.map(({ distance, unreachable }) => [distance, unreachable]), [[0, false], [1, false], [2, false], [3, false], [4, true]]);
		for (const [i, one] of nodes.entries()) {
			assert.equal(places[i]!.x, columns.find(({ distance }) => distance === one.distance)!.x);
			assert.ok(places[i]!.x < width && places[i]!.y < height && places[i]!.y > 20);
			assert.ok(nodes.every((other, j) => j === i || other.distance !== one.distance || Math.abs(places[j]!.y - places[i]!.y) >= 30));
		}
		assert.ok(columns.every(({ x }, i) => i === 0 || x > columns[i - 1]!.x));
	});

	test('edges do not cross where they need not', () => {
		const { places } = layOutGraph({ nodes, edges });
		assert.equal(places[1]!.y < places[2]!.y, places[4]!.y < places[3]!.y);
	});

	test('the way from the asked-about node to the answer', () => {
		assert.deepEqual([...layOutGraph({ nodes, edges }).way].sort(), [1, 3, 4]);
		assert.equal(layOutGraph({ nodes: nodes.map((one) => ({ ...one, answer: undefined })), edges }).way.size, 0);
	});

	test('places do not depend on what a thought holds', () => {
		fc.assert(
			fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 7, maxLength: 7 }), (masses) => {
				const held = nodes.map((one, i) => ({ ...one, mass: masses[i]!, rank: 1 + i, group: one.group === 'unreachable' ? one.group : 'path' }));
				assert.deepEqual(layOutGraph({ nodes: held, edges }).places, layOutGraph({ nodes, edges }).places);
			}),
		);
	});
});
