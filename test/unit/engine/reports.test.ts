/** `eval --twin`, `report` and `reproduce`, as programs. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { csvParse } from 'd3';
import { unembeddingDifference } from '../../../src/analysis/invariants';
import { accuracyChecks, invariantCheck, shuffledCheck } from '../../../src/analysis/reproduction';
import { parseEvaluation, type Evaluation } from '../../../src/analysis/evaluation/result';
import type { Check } from '../../../src/analysis/presets';
import { openFile } from '../../../src/trace/bytes.node';
import type { PlaneName, TraceSource } from '../../../src/trace/planes';
import { openTrace } from '../../../src/trace/reader';
import type { Range } from '../../../src/shared/range';
import { request, temporary, withEngine } from './harness';

const N = 6;

function cli(...args: string[]): Promise<{ code: number; out: string; error: string }> {
	return new Promise((resolve) => {
		execFile(process.execPath, ['dist/cli.js', ...args], { maxBuffer: 1 << 26 }, (failure, out, error) =>
			resolve({ code: failure ? Number(failure.code) : 0, out, error }),
		);
	});
}

const last = (text: string) => text.trimEnd().split('\n').at(-1)!;

let folder = '';
let data = '';
let result = '';
let evaluation: Evaluation;
let table = '';

before(async () => {
	folder = await temporary();
	data = join(folder, 'set.json');
	result = join(folder, 'result.json');
	const published = JSON.parse(await readFile('test/fixtures/prosqa-published.json', 'utf8')) as unknown[];
	await writeFile(data, JSON.stringify(published.slice(0, N)));
	const { out, code, error } = await cli('eval', data, '--causal', '--twin', '--out', result);
	assert.equal(code, 0, error);
	table = out;
	const parsed = parseEvaluation(await readFile(result, 'utf8'));
	assert.ok(parsed.ok);
	evaluation = parsed.evaluation;
});

describe('eval --twin', () => {
	test('counts from the outcomes that it keeps, and pairs model and twin on each arm and test', () => {
		const { twin, causal, outcomes, arms } = evaluation;
		assert.equal(twin!.model.id, 'prosqa-pause');
		assert.equal(twin!.against.length, Object.keys(arms).length + causal!.length);
		for (const one of twin!.against) {
			const rights = (['model', 'twin'] as const).map(
				(side) => outcomes.find((line) => line.model === side && line.arm === one.arm && line.test === one.test && line.form === one.form && line.step === one.step)!.right,
			);
			assert.equal(one.onlyA, rights[0]!.filter((right, i) => right && !rights[1]![i]).length);
			assert.equal(one.onlyB, rights[1]!.filter((right, i) => right && !rights[0]![i]).length);
		}
		const trained = causal!.find(({ test, trained }) => test === 'truncate' && trained)!;
		assert.equal(trained.correct, arms['latent']!.correct, 'all thoughts are the unchanged run');
		assert.deepEqual([trained.changed, trained.unchanged.p], [0, 1]);
		assert.ok(trained.kl! < 1e-4);
	});

	test('a named twin is as good as the manifest’s', async () => {
		const { out, code, error } = await cli('eval', data, '--twin=prosqa-pause', '--limit', '2', '--arms', 'latent', '--json');
		assert.equal(code, 0, error);
		const parsed = parseEvaluation(out);
		assert.ok(parsed.ok, 'the printed object is a result, too');
		assert.deepEqual([parsed.evaluation.n, parsed.evaluation.data.of, parsed.evaluation.twin!.model.id], [2, N, 'prosqa-pause']);
	});

	test('the table for people says what is compared', () => {
		assert.match(table, /^prosqa less prosqa-pause, on the same 6 problems:$/m);
		assert.match(table, /^latent, resample +[+−]?\d+\.\d  \(95 % interval .* to .*\) +only first \d, only second \d +p /m);
		assert.match(table, /^Result: .*result\.json$/m);
	});
});

describe('report', () => {
	test('writes three files of one content, and writes them again', async () => {
		const out = join(await temporary(), 'a', 'b');
		const trace = join(folder, 'x.trace.safetensors');
		await cli('analyze', 'media/examples/davis.prompt.md', '--arms', 'direct', '--out', trace);
		for (let time = 0; time < 2; time++) {
			const { code, error } = await cli('report', result, trace, '--out', out);
			assert.equal(code, 0, error);
			assert.deepEqual((await readdir(out)).sort(), ['report.csv', 'report.html', 'report.md']);
		}
		const [html, text, rows] = await Promise.all(['report.html', 'report.md', 'report.csv'].map((name) => readFile(join(out, name), 'utf8')));
		for (const wanted of ['prosqa on set.json', 'prosqa on davis.prompt.md', evaluation.data.sha256, evaluation.model.sha256]) {
			assert.ok(html!.includes(wanted) && text!.includes(wanted), wanted);
		}
		const accuracy = csvParse(rows!).find(({ model, arm, test: name, measure }) => model === 'prosqa' && arm === 'cot' && name === '' && measure === 'right')!;
		assert.equal(Number(accuracy['value']), evaluation.arms['cot']!.accuracy);
		assert.ok(html!.includes(`${(evaluation.arms['cot']!.accuracy! * 100).toFixed(1)}`));
	});

	test('leaves the files of others alone, all of them', async () => {
		const out = await temporary();
		await writeFile(join(out, 'report.csv'), 'mine,yours\n');
		const { code, error, out: printed } = await cli('report', result, '--out', out);
		assert.deepEqual([code, printed], [1, '']);
		assert.match(last(error), /report\.csv was not written by a report and is left alone: move it away, or choose another --out\./);
		assert.deepEqual(await readdir(out), ['report.csv']);
		const other = await temporary();
		await mkdir(join(other, 'report.md'));
		assert.match(last((await cli('report', result, '--out', other)).error), /report\.md was not written by a report/);
	});

	test('what is neither a result nor a trace is one sentence', async () => {
		const out = await temporary();
		const cases: [string, string, RegExp][] = [
			['a.json', '{}', /not a result of eval\): give a result of eval --out, or a trace/],
			['b.json', JSON.stringify({ ...evaluation, version: 99 }), /a newer version of Neuralese Inspector wrote it/],
			['c.json', JSON.stringify({ ...evaluation, n: 'many' }), /n: expected/],
			['d.trace.safetensors', 'xxxxxxxxxxxx', /./],
		];
		for (const [name, text, wording] of cases) {
			const path = join(out, name);
			await writeFile(path, text);
			const { code, error } = await cli('report', path, '--out', out);
			assert.equal(code, 1);
			assert.match(last(error), wording);
			assert.match(last(error), /\.$/);
		}
		assert.match(last((await cli('report', join(out, 'none.json'), '--out', out)).error), /cannot be read \(ENOENT\)/);
		assert.match(last((await cli('report', result, '--out', data)).error), /cannot be made|EEXIST/);
	});
});

describe('reproduce', () => {
	test('prints expected beside measured, and says what was measured on', async () => {
		const out = join(await temporary(), 'r');
		const { code, out: printed, error } = await cli('reproduce', '--data', data, '--out', out, '--json');
		assert.equal(code, 0, error);
		const { checks, data: on, model } = JSON.parse(printed) as { checks: Check[]; data: { n: number }; model: { id: string } };
		assert.deepEqual([on.n, model.id], [N, 'prosqa']);
		for (const { what, expected, source, measured, verdict, why } of checks) {
			assert.ok(what && expected && source && measured && why.endsWith('.'));
			assert.equal(measured === '–', verdict === 'not measured', what);
		}
		const accuracies = checks.filter(({ what }) => what.startsWith('ProsQA'));
		assert.equal(accuracies.length, 6);
		assert.ok(accuracies.every(({ verdict, why }) => verdict === 'not comparable' && /not the published file/.test(why)));
		assert.deepEqual(
			checks.filter(({ preset, verdict }) => preset === 'invariants' && verdict !== 'not measured').map(({ verdict }) => verdict),
			['within', 'within', 'within'],
		);
		assert.match(await readFile(join(out, 'report.html'), 'utf8'), /Published figures beside prosqa/);
	});

	test('takes single presets, and the model’s own problems with a note', async () => {
		const { out, error } = await cli('reproduce', 'gsm8k');
		assert.match(out, /No CODI model is bundled/);
		assert.doesNotMatch(out, /ProsQA,/);
		assert.match(error, /Without --data the model’s own reference problems are used/);
	});
});

describe('judging', () => {
	const verdicts = (checks: Check[]) => checks.map(({ verdict }) => verdict);

	test('a number of another model is never within, whatever was measured', () => {
		const same: Evaluation = {
			...evaluation,
			arms: { ...evaluation.arms, cot: { correct: 233, accuracy: 0.775, ci: [0.74, 0.81], seconds: 1 } },
		};
		assert.deepEqual(new Set(verdicts(accuracyChecks(same)).slice(0, 6)), new Set(['not comparable']));
	});

	test('an order is within only where the interval says so', () => {
		const of = (low: number, high: number) => {
			const pairs = [{ a: 'latent', b: 'cot', onlyA: 1, onlyB: 0, p: 1, difference: (low + high) / 2, ci: [low, high] as [number, number] }];
			return accuracyChecks({ ...evaluation, pairs }).find(({ what }) => what.startsWith('Thoughts less token'))!.verdict;
		};
		assert.deepEqual([of(0.01, 0.2), of(-0.01, 0.2), of(-0.3, -0.1)], ['within', 'outside', 'outside']);
		const { twin: _, ...alone } = evaluation;
		assert.equal(accuracyChecks({ ...alone, pairs: [] }).at(-1)!.verdict, 'not measured');
	});

	test('invariants and controls have limits that can be broken', () => {
		const invariant = (value?: number) => invariantCheck({ what: 'x', value, unit: 'logits', why: 'y.' }).verdict;
		assert.deepEqual([invariant(0), invariant(1e-3), invariant(2e-3), invariant(Infinity), invariant()], ['within', 'within', 'outside', 'outside', 'not measured']);
		assert.deepEqual([shuffledCheck([0.49, 0.51]), shuffledCheck([0.6, 0.7]), shuffledCheck([])].map(({ verdict }) => verdict), ['within', 'outside', 'not measured']);
	});

	test('the unembedding of a thought is the logits before it, and that of another vector is not', async () => {
		await withEngine(async (engine) => {
			const out = join(folder, 'y.trace.safetensors');
			const { question } = (JSON.parse(await readFile(data, 'utf8')) as { question: string }[])[1]!;
			const { document } = await engine.call('analyze', request(question, { arms: ['latent'], out, options: { seed: 0, temperature: 0, topK: 193 } }));
			const trace = await openTrace(await openFile(out));
			const arm = document.arms[0]!;
			assert.ok((await unembeddingDifference(trace, arm))! < 1e-3);
			const moved: TraceSource = {
				document,
				// Thoughts in another order than they were fed.
				read: (name: string, plane: PlaneName, rows: Range) =>
					trace.read(name, plane, plane.startsWith('neighbour') || plane === 'latent.vec' ? { start: 5 - rows.start, end: 6 - rows.start } : rows),
				dispose: () => {},
			};
			assert.ok((await unembeddingDifference(moved, arm))! > 1);
			trace.dispose();
		});
	});
});
