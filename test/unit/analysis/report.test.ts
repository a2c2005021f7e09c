/** Reports: their structure, and that no text of a model, a file or a user becomes anything else than text. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { csvParse } from 'd3';
import { parse, type DefaultTreeAdapterTypes } from 'parse5';
import { aggregate } from '../../../src/analysis/evaluation/aggregate';
import { parseEvaluation, type Evaluation } from '../../../src/analysis/evaluation/result';
import { CSV_HEADER, renderCsv } from '../../../src/analysis/report/csv';
import { markdown } from '../../../src/analysis/report/escape';
import type { Report } from '../../../src/analysis/report/content';
import { evaluationPart } from '../../../src/analysis/report/evaluation';
import { HTML_MARKER, renderHtml } from '../../../src/analysis/report/html';
import { MARKDOWN_MARKER, renderMarkdown } from '../../../src/analysis/report/markdown';
import { reproductionParts } from '../../../src/analysis/report/reproduction';
import { tracePart } from '../../../src/analysis/report/trace';
import type { TraceDocument } from '../../../src/trace/document';
import type { EvidenceRecord } from '../../../src/trace/evidence';
import { sampleDocument } from '../trace/sample';
import { outcomesOf, setup } from './evaluations';

type Element = DefaultTreeAdapterTypes.Element;

const HOSTILE = [
	'</title></style></svg></table><script>alert(1)</script>',
	'"><img src=x onerror=alert(1)>',
	"' onload='alert(1)",
	'<!--', ']]>', '&lt;b&gt;', '\u202egnp.exe', '\u0000\u001b[31m\u2028', '=HYPERLINK("http://x")', '@SUM(1)', '| a | b |\n|---|---|', '[x](http://x)', '![x](y)', '`x`', '# x', '1. x',
	'<svg onload=alert(1)>', 'javascript:alert(1)', '${alert(1)}', '$& $1',
];

function evaluation(text = (plain: string) => plain): Evaluation {
	const base = setup(6);
	const named = outcomesOf(6).map((outcome) =>
		outcome.kind === 'answers'
			? { ...outcome, answers: outcome.answers.map((one) => ({ ...one, arm: text(one.arm), answer: text('yes') })) }
			: {
					...outcome,
					tests: outcome.tests.map((one) => ({ ...one, arm: text(one.arm), answer: text('no'), ...(one.test === 'resample' ? { form: text('form') } : {}) })),
				},
	);
	const made = aggregate(
		{
			...base,
			producer: text('producer'),
			model: { id: text('model'), sha256: text('a') },
			twin: { id: text('twin'), sha256: text('b') },
			data: { ...base.data, name: text('data.json') },
			options: { ...base.options, arms: [text('latent')] },
			causal: { tests: [text('never'), 'resample', 'truncate', 'jitter'], reference: 6 },
		},
		named,
		{ created: text('2026-01-01'), runtime: text('cpu') },
	);
	const parsed = parseEvaluation(JSON.stringify(made));
	assert.ok(parsed.ok, JSON.stringify(parsed));
	return parsed.evaluation;
}

const report = (parts: Report['parts'], title = 'Report'): Report => ({ title, parts, created: '2026-01-01', producer: 'neuralese-inspector 0' });

function elements(html: string): Element[] {
	const found: Element[] = [];
	const visit = (node: DefaultTreeAdapterTypes.Node) => {
		if ('tagName' in node) {
			found.push(node);
		}
		if ('childNodes' in node) {
			node.childNodes.forEach(visit);
		}
	};
	visit(parse(html));
	return found;
}

const textOf = (node: DefaultTreeAdapterTypes.Node): string =>
	'value' in node ? node.value : 'childNodes' in node ? node.childNodes.map(textOf).join('') : '';

/** Elements and attributes that a report is made of: no script, no handler, no link but to its own parts, no style but the page's. */
const ELEMENTS = new Set('html head meta title style body main header footer article section nav ol ul li h1 h2 h3 p a dl div dt dd span figure figcaption svg line circle rect path text table caption thead tbody tr th td'.split(' '));
const ATTRIBUTES = new Set('lang charset name content http-equiv property nonce id class href aria-label aria-labelledby role tabindex scope rowspan viewBox viewbox x y x1 x2 y1 y2 cx cy r width height d'.split(' '));

/** How the tree looks, without any text. */
function skeleton(html: string): string[] {
	return elements(html).map(({ tagName, attrs }) => {
		assert.ok(ELEMENTS.has(tagName), tagName);
		for (const { name, value } of attrs) {
			assert.ok(ATTRIBUTES.has(name), `${tagName} ${name}`);
			assert.ok(name !== 'href' || /^#part\d+$/.test(value), value);
		}
		return `${tagName} ${attrs.map(({ name }) => name).join(' ')}`;
	});
}

describe('the page', () => {
	const page = renderHtml(report([evaluationPart(evaluation(), 'result.json')]));

	test('is one page without scripts, and its policy forbids them', () => {
		skeleton(page);
		const policy = elements(page).find(({ attrs }) => attrs.some(({ value }) => value === 'Content-Security-Policy'))!;
		assert.deepEqual(policy.attrs.find(({ name }) => name === 'content')!.value, "default-src 'none'; style-src 'unsafe-inline'");
		assert.ok(page.includes(HTML_MARKER));
		assert.doesNotMatch(page, /\b(src|url)\s*[=(]|https?:/, 'nothing is loaded');
	});

	test('every hostile text gives the same elements as a plain one, and is there to be read', () => {
		const plain = skeleton(page).join('\n');
		for (const hostile of HOSTILE) {
			const made = renderHtml(report([evaluationPart(evaluation((text) => text + hostile), `result${hostile}`)], `Report${hostile}`));
			assert.equal(skeleton(made).join('\n'), plain, hostile);
			// eslint-disable-next-line no-control-regex
			assert.doesNotMatch(made.replaceAll('\n', ''), /[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/, hostile);
		}
		const shown = elements(renderHtml(report([evaluationPart(evaluation((text) => `${text}<b>`), 'r')]))).map((one) => textOf(one)).join();
		assert.ok(shown.includes('model<b>'));
	});

	test('inside the editor the policy has the nonce, and the style too', () => {
		const made = renderHtml(report([evaluationPart(evaluation(), 'r')]), { nonce: 'abc123' });
		assert.match(made, /content="default-src 'none'; style-src 'nonce-abc123'"/);
		assert.match(made, /<style nonce="abc123">/);
		assert.doesNotMatch(made, /unsafe-inline|style="/);
		assert.doesNotMatch(made, /<script|script-src/);
	});

	test('inside the editor one line of script remembers what is shown, and a state can be nothing but a name', () => {
		const parts = [evaluationPart(evaluation(), 'r')];
		const made = renderHtml(report(parts), { nonce: 'abc123', state: '0123.json' });
		assert.match(made, /default-src 'none'; style-src 'nonce-abc123'; script-src 'nonce-abc123'"/);
		assert.deepEqual(made.match(/<script[\s\S]*?<\/script>/g), [`<script nonce="abc123">acquireVsCodeApi().setState({ report: '0123.json' })</script>`]);
		for (const state of ["'", 'a b', '</script>', '']) {
			assert.doesNotMatch(renderHtml(report(parts), { nonce: 'abc123', state }), /<script|script-src/);
		}
	});

	test('every plot has a name, and every one of its numbers stands in a table', () => {
		const found = elements(page);
		const plots = found.filter(({ tagName }) => tagName === 'svg');
		assert.equal(plots.length, 4, 'arms, replaced, truncation, jitter');
		const cells = new Set(found.filter(({ tagName }) => tagName === 'td').map(textOf));
		for (const plot of plots) {
			const id = plot.attrs.find(({ name }) => name === 'aria-labelledby')!.value;
			assert.equal(found.filter(({ attrs }) => attrs.some(({ name, value }) => name === 'id' && value === id)).length, 1);
			const numbers = plot.childNodes.filter((node) => 'attrs' in node && node.attrs.some(({ value }) => /\bnumber\b/.test(value))).map(textOf);
			for (const number of numbers) {
				assert.ok(cells.has(number), number);
			}
		}
	});

	test('dots lie where their values are on the axis', () => {
		const one = evaluation();
		one.arms = { latent: { correct: 3, accuracy: 0.5, ci: [0.25, 0.75], seconds: 1 } };
		delete one.twin;
		const made = elements(renderHtml(report([evaluationPart({ ...one, causal: undefined, pairs: [] }, 'r')])));
		const number = (element: Element, key: string) => Number(element.attrs.find(({ name }) => name === key)!.value);
		const grid = made.filter(({ attrs }) => attrs.some(({ value }) => value === 'grid')).map((line) => number(line, 'x1'));
		const [zero, full] = [Math.min(...grid), Math.max(...grid)];
		const share = (x: number) => (x - zero) / (full - zero);
		const inBody = made.filter(({ attrs }) => attrs.some(({ value }) => value === 'whisker s0'));
		assert.equal(inBody.length, 1);
		assert.ok(Math.abs(share(number(inBody[0]!, 'x1')) - 0.25) < 1e-3 && Math.abs(share(number(inBody[0]!, 'x2')) - 0.75) < 1e-3);
		const dot = made.filter(({ attrs }) => attrs.some(({ value }) => value === 'dot s0')).at(-1)!;
		assert.ok(Math.abs(share(number(dot, 'cx')) - 0.5) < 1e-3);
	});

	test('what was not measured is drawn nowhere and no number is NaN', () => {
		const one = evaluation();
		one.arms = { latent: { correct: 0, accuracy: null, ci: [null, null], seconds: 0 } };
		const made = renderHtml(report([evaluationPart(one, 'r')]));
		assert.doesNotMatch(made, /NaN|Infinity|undefined|null/);
	});
});

describe('CSV', () => {
	test('has every number once, and reads back as it was', () => {
		const one = evaluation((text) => (text === 'latent' ? 'la"t,e\nnt' : text));
		const text = renderCsv(report([evaluationPart(one, 'r.json')]));
		assert.ok(text.startsWith(CSV_HEADER));
		const rows = csvParse(text);
		const find = (want: Record<string, string>) => rows.filter((row) => Object.entries(want).every(([key, value]) => row[key] === value));
		const [resample] = find({ model: 'model', test: 'resample', measure: 'right' });
		const result = one.causal!.find((test) => test.test === 'resample')!;
		assert.deepEqual([Number(resample!['value']), Number(resample!['low']), Number(resample!['p'])], [result.accuracy, result.ci[0], result.unchanged.p]);
		assert.equal(resample!['arm'], 'la"t,e↵nt');
		assert.equal(find({ model: 'model - twin' }).length, one.twin!.against.length);
		const keys = rows.map((row) => ['source', 'model', 'arm', 'test', 'form', 'step', 'measure'].map((key) => row[key]).join('\t'));
		assert.equal(new Set(keys).size, keys.length);
	});

	test('no text is a formula', () => {
		for (const hostile of HOSTILE) {
			const rows = csvParse(renderCsv(report([evaluationPart(evaluation((text) => hostile + text), hostile)])));
			assert.ok(rows.length > 10);
			for (const row of rows) {
				assert.ok(['source', 'model', 'arm', 'test', 'form'].every((key) => !/^[=+\-@]/.test(row[key]!)), JSON.stringify(row));
			}
		}
	});
});

describe('Markdown', () => {
	test('has the tables of the page, with as many cells in every row as in their heads', () => {
		for (const hostile of ['', ...HOSTILE]) {
			const text = renderMarkdown(report([evaluationPart(evaluation((plain) => plain + hostile), 'r')]));
			assert.ok(text.startsWith(MARKDOWN_MARKER));
			const lines = text.split('\n');
			const cells = (line: string) => line.replace(/\\./g, '').split('|').length;
			let head = 0;
			for (const [i, line] of lines.entries()) {
				if (line.startsWith('| ')) {
					head = lines[i - 1]!.startsWith('|') ? head : cells(line);
					assert.equal(cells(line), head, line);
				}
			}
			assert.doesNotMatch(text.replace(MARKDOWN_MARKER, ''), /<(?!\s)/);
		}
	});

	test('text is no markup', () => {
		const cases: [string, string][] = [
			['a|b', 'a\\|b'],
			['[x](http://y)', '\\[x\\](http\\://y)'],
			['# x', '\\# x'],
			['1. x', '1\\. x'],
			['- x', '\\- x'],
			['+1.3', '+1.3'],
			['45.3', '45.3'],
			['=x', '\\=x'],
			['--- ', '\\--- '],
			['<b>&', '&lt;b&gt;&amp;'],
			['www.x.y', 'www\\.x.y'],
			['snap-1 99.7 (1)', 'snap-1 99.7 (1)'],
		];
		for (const [text, expected] of cases) {
			assert.equal(markdown(text), expected);
		}
	});
});

describe('other parts', () => {
	test('a reproduction judges nothing that is of another model', () => {
		const parts = reproductionParts({
			model: { id: 'm', sha256: 's' },
			data: { name: 'd', sha256: 's', n: 3 },
			checks: HOSTILE.map((text) => ({ preset: 'prosqa', what: text, expected: text, source: text, measured: text, verdict: 'not comparable', why: text })),
		});
		const page = renderHtml(report(parts));
		skeleton(page);
		assert.ok(elements(page).some((one) => one.tagName === 'td' && textOf(one).startsWith('not comparable')));
	});

	test('a trace without evidence says so', () => {
		const part = tracePart(sampleDocument(), 'x.trace.safetensors');
		assert.match(part.notes.join(), /holds no evidence/);
		skeleton(renderHtml(report([part])));
	});

	test('a trace’s meter, levels and tests are tables, and hostile texts stay text', () => {
		const made = (text: (plain: string) => string): string => {
			const document: TraceDocument = { ...sampleDocument(), evidence: evidence(text) };
			return renderHtml(report([tracePart(document, text('x'))]));
		};
		const plain = made((text) => text);
		for (const hostile of HOSTILE) {
			assert.equal(skeleton(made((text) => text + hostile)).join('\n'), skeleton(plain).join('\n'), hostile);
		}
		const cells = elements(plain).filter(({ tagName }) => tagName === 'td' || tagName === 'th').map(textOf);
		for (const wanted of ['L2', 'an intervention was not tried', 'reads as wumpus', '−1.50', '0.75', 'bits a thought', '3 of 4']) {
			assert.ok(cells.includes(wanted), wanted);
		}
	});
});

function evidence(text: (plain: string) => string): EvidenceRecord {
	const arm = 'latent';
	const estimate = { value: 0.5, ci: [0.25, 0.75] as [number, number], n: 100 };
	return {
		reference: { name: text('set'), sha256: 'f', prompts: 100 },
		twin: { id: text('twin'), sha256: 'f' },
		seed: 0,
		tests: [
			{ arm, test: 'resample', step: 0, later: 'recomputed', answer: text('yes'), changed: true, deltaLogOdds: -1.5, kl: 0.75, by: text('another'), control: { changed: false, deltaLogOdds: 0, kl: null } },
			{ arm, test: 'patch', form: 'zero', step: 1, site: 2, later: 'frozen', changed: false, deltaLogOdds: null, kl: null, by: text('zero') },
		],
		ood: [],
		readings: [],
		claims: [
			{
				arm,
				thought: 0,
				claim: text('reads as wumpus'),
				level: 2,
				rungs: [{ level: 3, state: 'not measured', why: text('an intervention was not tried') }],
			},
		],
		meter: [
			{
				arm,
				distance: { tokens: 99, text: 40, twinTokens: 10 },
				effect: { kl: 0.5, changed: true, cohort: { kl: estimate, changed: estimate } },
				capacity: { dimension: 12, width: 128, bits: 9, unchanged: [] },
			},
		],
		legibility: [{ arm, tokens: 12, legalSteps: { legal: 3, steps: 4 } }],
		cohorts: [],
		skipped: [text('something was left out')],
	};
}
