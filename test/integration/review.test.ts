/** Notes beside a trace, written by two at once, and exports without their dialogs. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, suiteTeardown, test } from 'mocha';
import * as vscode from 'vscode';
import { TraceReview } from '../../src/host/review';
import { openTraceFile } from '../../src/host/traceFile';
import { parseReview } from '../../src/trace/review';
import { expect, extension, inspection, newFolder, setting, until } from './support';

/** Rounds of two writers: many more than it takes one to write over the other's note, where nothing puts it back. */
const ROUNDS = 12;

function bring(): { trace: vscode.Uri; review: string } {
	const folder = newFolder();
	const trace = join(folder, 'a.trace.safetensors');
	copyFileSync(join(extension().extensionPath, 'media/examples/davis.trace.safetensors'), trace);
	return { trace: vscode.Uri.file(trace), review: join(folder, 'a.review.json') };
}

suite('review', () => {
	suiteTeardown(async () => {
		await setting('reviewer', undefined);
		await vscode.commands.executeCommand('workbench.action.closeAllEditors');
	});

	async function open(trace: vscode.Uri): Promise<void> {
		await vscode.commands.executeCommand('vscode.openWith', trace, 'neuralese.trace');
		expect((await inspection()).trace(), 'ready');
	}

	test('two that write at once lose nothing, and each sees the other', async () => {
		const { trace, review } = bring();
		const { file, view } = await openTraceFile(trace, () => undefined);
		const [one, other] = [(await TraceReview.of(trace, view))!, (await TraceReview.of(trace, view))!];
		try {
			for (let i = 0; i < ROUNDS; i++) {
				await Promise.all([one.put({ row: i % 3, text: `one ${i}` }), other.put({ row: 3 + (i % 3), text: `other ${i}` })]);
			}
			const texts = () => parseReview(readFileSync(review, 'utf8'), 'it').notes.map(({ text }) => text).sort();
			const wanted = [9, 10, 11].flatMap((i) => [`one ${i}`, `other ${i}`]).sort();
			await until('the notes of both', () => wanted.every((text) => texts().includes(text)));
			for (const each of [one, other]) {
				await until('what the other wrote', () => wanted.every((text) => each.shown().notes.some((note) => note.text === text)));
			}
		} finally {
			[one, other, file].forEach((each) => each.dispose());
		}
	});

	test('a bookmark is set and taken back; notes carry the name of the setting', async () => {
		const { trace, review } = bring();
		await setting('reviewer', 'Kim');
		await open(trace);
		await vscode.commands.executeCommand('neuralese.bookmarkStep', { row: 2 });
		const [note] = parseReview(readFileSync(review, 'utf8'), 'it').notes;
		assert.deepEqual([note?.author, note?.text], ['Kim', '']);
		await vscode.commands.executeCommand('neuralese.bookmarkStep', { row: 2 });
		assert.equal(parseReview(readFileSync(review, 'utf8'), 'it').notes[0]?.removed, true);
	});

	test('nothing is written over a file that is no review, or that of another run', async () => {
		const { trace, review } = bring();
		const { file, view } = await openTraceFile(trace, () => undefined);
		const other = { format: 'neuralese-review', version: 1, trace: { created: 'then', promptSha256: '0' }, notes: [] };
		for (const [text, says] of [['{', /is no review/], [JSON.stringify(other), /is about another run/]] as const) {
			writeFileSync(review, text);
			const notes = (await TraceReview.of(trace, view))!;
			assert.match(notes.shown().problem ?? '', says);
			await assert.rejects(notes.put({ row: 0, text: 'lost?' }), says);
			assert.equal(readFileSync(review, 'utf8'), text);
			notes.dispose();
		}
		file.dispose();
	});

	test('steps as CSV and JSON, the heatmap as SVG, a step and the lines for Python on the clipboard', async () => {
		const { trace } = bring();
		await open(trace);
		const target = (name: string) => vscode.Uri.joinPath(trace, '..', name);
		await vscode.commands.executeCommand('neuralese.exportSteps', { row: 1, steps: 'selected', target: target('s.json') });
		assert.deepEqual(JSON.parse(readFileSync(target('s.json').fsPath, 'utf8')).steps.map(({ step }: { step: number }) => step), [2]);
		await vscode.commands.executeCommand('neuralese.exportSteps', { steps: 'all', target: target('s.csv') });
		assert.match(readFileSync(target('s.csv').fsPath, 'utf8'), /^prompt,created,step,/);
		await vscode.commands.executeCommand('neuralese.exportHeatmap', { target: target('h.svg') });
		assert.match(readFileSync(target('h.svg').fsPath, 'utf8'), /^<svg .*#[0-9a-f]{6}/);
		await vscode.commands.executeCommand('neuralese.copyStep', { row: 1 });
		assert.match(await vscode.env.clipboard.readText(), /^### Step 2\n/);
		await vscode.commands.executeCommand('neuralese.copyPython', { row: 1 });
		assert.match(await vscode.env.clipboard.readText(), /^from safetensors import safe_open\n[\s\S]*a\.trace\.safetensors[\s\S]*get_slice\("latent\/probe\./);
	});
});
