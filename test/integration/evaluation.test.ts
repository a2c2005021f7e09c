import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import type { Evaluation } from '../../src/analysis/evaluation/result';
import type { Inspection } from '../../src/extension';
import type { Reproduction } from '../../src/analysis/reproduction';
import { extension, inspection, newFolder, until } from './support';

const N = 5;
/** Seconds that no problem takes. */
const MARK = 1e6;

/** A file of the first published problems. */
function dataSet(n = N): vscode.Uri {
	const published = JSON.parse(readFileSync(join(extension().extensionPath, 'test/fixtures/prosqa-published.json'), 'utf8')) as unknown[];
	const path = join(newFolder(), 'set.jsonl');
	writeFileSync(path, published.slice(0, n).map((problem) => JSON.stringify(problem)).join('\n'));
	return vscode.Uri.file(path);
}

function reportTab(): vscode.Tab | undefined {
	const tabs = vscode.window.tabGroups.all.flatMap((group) => group.tabs);
	return tabs.find(({ input }) => input instanceof vscode.TabInputWebview && input.viewType.endsWith('neuralese.report'));
}

/** The time of the first answer of the latent arm, in a journal. */
const FIRST_TIME = /("arm":"latent",.*?"seconds":)[^,}]+/;

/** The only journal, once it holds an answer. */
function begunJournal({ results }: Inspection): { path: string; text: string } | undefined {
	const [name] = existsSync(results) ? readdirSync(results).filter((one) => one.endsWith('.partial')) : [];
	const path = name && join(results, name);
	const text = path && readFileSync(path, 'utf8');
	return path && text && FIRST_TIME.test(text) ? { path, text } : undefined;
}

suite('data sets', () => {
	test('evaluates a set with its control, shows the report, and saves it in every format', async () => {
		const data = dataSet();
		const options = { data, arms: ['latent', 'direct'], causal: true, twin: true };
		const result = await vscode.commands.executeCommand<Evaluation | undefined>('neuralese.evaluateDataSet', options);
		assert.ok(result);
		assert.deepEqual([result.n, result.data.name, Object.keys(result.arms).sort()], [N, 'set.jsonl', ['direct', 'latent']]);
		assert.equal(result.twin!.model.id, 'prosqa-pause');
		assert.ok(result.causal!.length > 10);
		const tab = await until('the report', reportTab);
		assert.match(tab.label, /prosqa on set\.jsonl/);
		const folder = newFolder();
		const saved = async (name: string) => {
			await vscode.commands.executeCommand('neuralese.saveReportAs', { target: vscode.Uri.file(join(folder, name)) });
			return readFileSync(join(folder, name), 'utf8');
		};
		assert.match(await saved('a.html'), /^<!DOCTYPE html>[\s\S]*prosqa on set\.jsonl/);
		assert.match(await saved('a.md'), /\| ablate-zero \|/);
		assert.match(await saved('a.csv'), /^source,model,arm/);
		assert.deepEqual(JSON.parse(await saved('a.json')), JSON.parse(JSON.stringify(result)));
		assert.deepEqual(readdirSync(folder).sort(), ['a.csv', 'a.html', 'a.json', 'a.md']);
		await vscode.window.tabGroups.close(tab);
	});

	test('a model’s run that was asked for again gives the same answers', async () => {
		const data = dataSet(2);
		const run = () => vscode.commands.executeCommand<Evaluation>('neuralese.evaluateDataSet', { data, arms: ['cot'], causal: false });
		const [one, other] = [await run(), await run()];
		assert.deepEqual(one.outcomes, other.outcomes);
		for (let tab = reportTab(); tab; tab = reportTab()) {
			await vscode.window.tabGroups.close(tab);
		}
	});

	test('what was cancelled is kept, and goes on to the result of one run', async () => {
		const options = { data: dataSet(40), arms: ['latent', 'cot'], causal: true, twin: true };
		const run = (more: object) => vscode.commands.executeCommand<Evaluation | undefined>('neuralese.evaluateDataSet', { ...options, ...more });
		const source = new vscode.CancellationTokenSource();
		const cancelled = run({ token: source.token, resume: false });
		const shown = await inspection();
		await until('an answer in the journal', () => begunJournal(shown));
		source.cancel();
		assert.equal(await cancelled, undefined, 'it was cancelled before its end');
		const { path, text } = begunJournal(shown)!;
		writeFileSync(path, text.replace(FIRST_TIME, `$1${MARK}`));
		const result = await run({ resume: true });
		const whole = await run({ resume: false });
		assert.deepEqual(result!.outcomes, whole!.outcomes);
		assert.ok(result!.arms['latent']!.seconds >= MARK && whole!.arms['latent']!.seconds < MARK, 'it went on with what the journal held');
		for (let tab = reportTab(); tab; tab = reportTab()) {
			await vscode.window.tabGroups.close(tab);
		}
	});

	test('holds published figures beside measured ones', async () => {
		const options = { presets: ['invariants', 'gsm8k'], data: null };
		const result = await vscode.commands.executeCommand<Reproduction | undefined>('neuralese.reproduce', options);
		assert.ok(result);
		assert.deepEqual(
			result.checks.filter(({ preset }) => preset === 'gsm8k').map(({ verdict }) => verdict),
			['not measured', 'not measured'],
		);
		assert.ok(result.checks.some(({ verdict }) => verdict === 'within'));
		const tab = await until('the report', reportTab);
		await vscode.window.tabGroups.close(tab);
	});

	test('a file that is no data set gives nothing', async () => {
		const path = join(newFolder(), 'x.json');
		writeFileSync(path, '{"question": 3}');
		const options = { data: vscode.Uri.file(path), arms: ['cot'], causal: false };
		assert.equal(await vscode.commands.executeCommand('neuralese.evaluateDataSet', options), undefined);
		assert.equal(reportTab(), undefined);
	});
});
