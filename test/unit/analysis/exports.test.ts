/** What leaves the editor: steps as CSV, JSON and Markdown, the heatmap as SVG. */
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { placeOf } from '../../../src/analysis/noted';
import { pythonOf } from '../../../src/analysis/python';
import { heatmapSvg, type HeatmapFigure } from '../../../src/analysis/report/heatmap';
import { stepMarkdown } from '../../../src/analysis/report/step';
import { stepsCsv, stepsJson } from '../../../src/analysis/report/steps';
import { TraceView } from '../../../src/analysis/view';
import { LiveTrace } from '../../../src/trace/live';
import type { PlaneData, PlaneName } from '../../../src/trace/planes';
import type { Note } from '../../../src/trace/review';
import { sampleDocument, sampleTensors } from '../trace/sample';

function sample(): TraceView {
	const document = sampleDocument();
	const trace = new LiveTrace(document);
	for (const { name, shape, chunks } of sampleTensors(document)) {
		const [arm, plane] = name.split(/\/(.*)/s) as [string, PlaneName];
		trace.addRows(arm, plane, { start: 0, end: shape[0]! }, (chunks as PlaneData[])[0]!);
	}
	return new TraceView(trace);
}

const view = sample();
const all = { start: 0, end: 100 };
const notes: Note[] = [
	{ id: '00000000', ...placeOf(view.lookup.outline, 1)!, text: 'one, "two"\nthree', author: '=Kim', changed: '2026-01-01T00:00:00.000Z' },
];

async function joined(pieces: AsyncIterable<string>): Promise<string> {
	let text = '';
	for await (const piece of pieces) {
		text += piece;
	}
	return text;
}

/** RFC 4180. */
function parsed(text: string): string[][] {
	return text
		.split('\r\n')
		.slice(0, -1)
		.map((line) => [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,"]*))/g)].map(([, quoted, bare]) => quoted?.replaceAll('""', '"') ?? bare!));
}

describe('steps as a table', () => {
	test('a line for each step and layer, with the numbers of the details', async () => {
		const [head, ...lines] = parsed(await joined(stepsCsv(view, all, notes)));
		assert.ok(lines.every((line) => line.length === head!.length));
		const column = (name: string) => head!.indexOf(name);
		const details = await view.details(1);
		const mine = lines.filter((line) => line[column('step')] === '2');
		assert.deepEqual(mine.map((line) => Number(line[column('layer')])), details.layers.map(({ layer }) => layer));
		for (const [i, { entropy, top }] of details.layers.entries()) {
			assert.equal(Number(mine[i]![column('entropy_nats')]), entropy);
			assert.equal(Number(mine[i]![column('top_probability')]), top[0]!.prob);
		}
		assert.equal(mine[0]![column('notes')], `'=Kim: one, "two"↵three`);
		assert.deepEqual([...new Set(lines.map((line) => line[column('step')]))], ['1', '2', '3', '4']);
	});

	test('JSON holds the same, with the run and the units, and nothing that was not measured is a number', async () => {
		const value = JSON.parse(await joined(stepsJson(view, { start: 1, end: 2 }, notes)));
		const details = await view.details(1);
		assert.equal(value.steps.length, 1);
		assert.equal(value.prompt.sha256, view.source.document.prompt.sha256);
		assert.equal(value.steps[0].thought.layers[0].entropy, details.layers[0]!.entropy);
		assert.deepEqual(value.steps[0].notes, [{ text: 'one, "two"\nthree', author: '=Kim' }]);
		assert.deepEqual(JSON.parse(await joined(stepsJson(view, { start: 4, end: 4 }, []))).steps, []);
	});

	test('a step as Markdown ends with where it is from', async () => {
		const [row] = await view.rows({ start: 0, end: 1 }, 2);
		const text = stepMarkdown(row!, await view.details(0), view.source.document);
		assert.match(text, /^### Step 1\n/);
		assert.match(text, /\| layer \| reads as/);
		assert.match(text, /seed 0, temperature 0/);
	});
});

const figure = (more: Partial<HeatmapFigure> = {}): HeatmapFigure => ({
	title: 'Is Davis a <jelpus> & "gerpus"?',
	...{ measure: 'Probe score', unit: 'nats', step: 'latent thought', domain: [0, 1], sites: 2, provenance: 'davis \u202e</text>' },
	colours: ['#000000', '#808080', '#ffffff'],
	values: Float32Array.of(0, 1, NaN, 0.5),
	spare: (row) => row === 1,
	...more,
});

describe('the heatmap as SVG', () => {
	test('every cell in its colour, what was not measured hatched, spare thoughts marked; texts are never markup', () => {
		const { svg } = heatmapSvg(figure());
		const fills = [...svg.matchAll(/<path fill="([^"]+)" shape-rendering[^>]*d="([^"]+)"/g)].map(([, fill, d]) => [fill, d!.split('M').length - 1]);
		assert.deepEqual(fills, [['#000000', 1], ['#ffffff', 1], ['url(#unmeasured)', 1], ['#808080', 1]]);
		assert.match(svg, /&lt;jelpus&gt; &amp; &quot;gerpus&quot;/);
		assert.match(svg, /davis ⟨U\+202E⟩&lt;\/text&gt;/);
		assert.match(svg, />1 nats</);
		assert.match(svg, /above the plot: spare thoughts/);
		assert.doesNotMatch(heatmapSvg(figure({ spare: () => false })).svg, /spare thoughts/);
	});

	test('a layer is higher than the one before, a step farther along', () => {
		const { svg } = heatmapSvg(figure({ values: Float32Array.of(0, 1, 0.5, NaN) }));
		const at = (fill: string) => new RegExp(`fill="${fill}" shape[^>]*d="M([\\d.]+) ([\\d.]+)`).exec(svg)!.slice(1).map(Number) as [number, number];
		assert.ok(at('#ffffff')[1] < at('#000000')[1] && at('#ffffff')[0] === at('#000000')[0]);
		assert.ok(at('#808080')[0] > at('#000000')[0] && at('#808080')[1] === at('#000000')[1]);
	});

	test('more steps than fit are means of what was measured, and the axis says so', () => {
		const values = Float32Array.from({ length: 10_000 * 2 }, (_, i) => (i < 4 ? [0, 1, NaN, 0][i]! : 0.5));
		const { svg } = heatmapSvg(figure({ values }));
		assert.match(svg, /a column is the mean of up to 26/);
		assert.ok(svg.length < 200_000, String(svg.length));
		const empty = heatmapSvg(figure({ values: new Float32Array(0) }));
		assert.doesNotMatch(empty.svg, /NaN|Infinity/);
	});

	test('long texts are broken into lines that fit, and cut after some', () => {
		const { svg } = heatmapSvg(figure({ title: `${'word '.repeat(20)}${'x'.repeat(1_000)}` }));
		const lines = [...svg.matchAll(/<text[^>]*class="title">([^<]*)</g)].map(([, line]) => line!);
		assert.equal(lines.length, 3);
		assert.ok(lines[0]!.endsWith('word') && lines[2]!.endsWith('…') && lines.every((line) => line.length <= 78));
	});

	test('what is no colour is not written', () => {
		assert.doesNotMatch(heatmapSvg(figure({ colours: ['"/><script>', '#ffffff'] })).svg, /script/);
	});
});

describe('rows that are not beside each other, in Python', () => {
	test('one range is read, and of it the rows that are shown', () => {
		const slice = { arm: 'cot', plane: 'probe.a.score' } as const;
		assert.match(pythonOf('x', [{ ...slice, rows: [40, 43, 41] }]), /get_slice\("cot\/probe\.a\.score"\)\[40:44\]\[\[0, 3, 1\]\]$/m);
		assert.match(pythonOf('x', [{ ...slice, rows: [40, 41, 42] }]), /\[40:43\]$/m);
	});
});
