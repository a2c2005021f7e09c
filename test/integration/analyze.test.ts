import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { writeExport } from '../unit/engine/decoder';
import {
	analyze,
	copyModel,
	exampleText,
	expect,
	extension,
	hoverText,
	inspection,
	lensTitles,
	newFolder,
	openPrompt,
	setting,
	until,
	withoutEvidence,
} from './support';

/** An entity that stands in the example's facts. */
function factWord(document: vscode.TextDocument): vscode.Position {
	const offset = /Every (\w+) is a/.exec(document.getText())!.index + 'Every '.length;
	return document.positionAt(offset + 2);
}

suite('analyze', () => {
	withoutEvidence();

	test('runs the bundled model and finds all three arms', async () => {
		const document = await openPrompt();
		const { run, stale, source } = expect(await analyze(document), 'ready');
		assert.equal(stale, false);
		assert.equal(source, 'run');
		assert.deepEqual(run.arms.map((arm) => [arm.name, arm.state, typeof arm.answer]).sort(), [
			['cot', 'done', 'string'],
			['direct', 'done', 'string'],
			['latent', 'done', 'string'],
		]);
		assert.equal(run.rows >= 6, true);
		assert.match(run.title, /^Is \w+ an? \w+ or \w+\?$/);
		assert.deepEqual(await lensTitles(document), ['Analyze Prompt', 'Show Trace']);
	});

	test('says on hover what every layer would say next, from what was found', async () => {
		const document = await openPrompt();
		assert.equal(await hoverText(document, factWord(document)), '');
		await analyze(document);
		const text = await hoverText(document, factWord(document));
		assert.match(text, /Token.*id \d+/);
		assert.match(text, /Probability (<\.01|>\.99|\d\.\d\d) .* surprisal \d+\.\d\d bits/);
		for (const layer of ['layer 0', 'layer 1', 'layer 2']) {
			assert.ok(text.includes(layer), text);
		}
		assert.match(text, /```plaintext/);
		assert.match(text, /Probe, score at each thought.*\n+```plaintext\nthought +1 +2 +3 +4 +5 +6\nscore +\S/s);
	});

	test('goes stale with an edit, and hovers only where the text is as it was', async () => {
		const document = await openPrompt();
		await analyze(document);
		const edit = new vscode.WorkspaceEdit();
		const at = document.getText().indexOf('Every ') + 'Every '.length;
		edit.insert(document.uri, document.positionAt(at), 'brand new ');
		await vscode.workspace.applyEdit(edit);
		const api = await inspection();
		await until('a stale state', () => expect(api.state(document.uri), 'ready').stale);
		assert.equal(await hoverText(document, document.positionAt(at + 2)), '');
		const last = document.getText().lastIndexOf('Every ') + 'Every '.length + 1;
		assert.match(await hoverText(document, document.positionAt(last)), /edited since/);
	});

	test('takes settings, and the front matter before them', async () => {
		await setting('latents', 2);
		try {
			const { run, stale } = expect(await analyze(await openPrompt()), 'ready');
			assert.match(run.subtitle, /\b2 latents\b/);
			assert.equal(stale, false);
			const own = expect(await analyze(await openPrompt(['latents: 3', 'arms: latent'])), 'ready').run;
			assert.match(own.subtitle, /\b3 latents\b/);
			assert.deepEqual(own.arms.map((arm) => arm.name), ['latent']);
			assert.equal(own.rows, 3);
		} finally {
			await setting('latents', undefined);
		}
	});

	test('a choice of another model makes the analysis stale', async () => {
		const document = await openPrompt(['arms: latent']);
		const api = await inspection();
		assert.equal(expect(await analyze(document), 'ready').stale, false);
		await setting('model', 'prosqa-pause');
		try {
			await until('a stale state', () => expect(api.state(document.uri), 'ready').stale);
		} finally {
			await setting('model', undefined);
		}
	});

	test('so does another model, and fewer arms, in the front matter', async () => {
		const document = await openPrompt(['model: prosqa', 'arms: latent']);
		const api = await inspection();
		for (const [line, text] of [[1, 'model: prosqa-pause'], [2, 'seed: 0']] as const) {
			assert.equal(expect(await analyze(document), 'ready').stale, false);
			const edit = new vscode.WorkspaceEdit();
			edit.replace(document.uri, document.lineAt(line).range, text);
			await vscode.workspace.applyEdit(edit);
			await until('a stale state', () => expect(api.state(document.uri), 'ready').stale);
		}
	});

	test('a value that a setting cannot have counts as not set', async () => {
		await setting('latents', 'many');
		await setting('model', 3);
		try {
			assert.match(expect(await analyze(await openPrompt(['arms: latent'])), 'ready').run.subtitle, /\b6 latents\b/);
		} finally {
			await setting('latents', undefined);
			await setting('model', undefined);
		}
	});

	test('lets go of a prompt that was closed, and finds its trace again', async () => {
		const api = await inspection();
		const document = await openPrompt(['arms: latent', 'colour: blue']);
		expect(await analyze(document), 'ready');
		await openPrompt([], 'other.prompt.md');
		// The editor keeps a document for minutes after its tab was closed; another language closes it at once, and opens it anew.
		await vscode.languages.setTextDocumentLanguage(document, 'plaintext');
		await until('the end of the analysis', () => api.state(document.uri) === undefined);
		assert.deepEqual(vscode.languages.getDiagnostics(document.uri), []);
		await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(document.uri), vscode.ViewColumn.One);
		await until('the archived trace', () => api.state(document.uri)?.kind === 'ready');
	});

	test('works on an editor without a file, with the line ends of Windows', async () => {
		const content = exampleText().replaceAll('\n', '\r\n');
		const document = await vscode.workspace.openTextDocument({ language: 'plaintext', content });
		assert.equal(document.eol, vscode.EndOfLine.CRLF);
		expect(await analyze(document), 'ready');
		const last = document.getText().lastIndexOf('Every ') + 'Every '.length + 1;
		const word = /Every \w+/.exec(document.getText().slice(last - 'Every '.length - 1))![0];
		assert.ok((await hoverText(document, document.positionAt(last))).replaceAll('&nbsp;', ' ').includes(word));
	});

	test('shows a token that is markup as text', async () => {
		const model = copyModel((tokenizer) => tokenizer.replaceAll('"<unk>"', '"[run](command:workbench.action.quit)"'));
		const document = await openPrompt([`model: ${model}`, 'arms: direct']);
		const edit = new vscode.WorkspaceEdit();
		edit.insert(document.uri, document.lineAt(document.lineCount - 1).range.end, 'unheard-of words');
		await vscode.workspace.applyEdit(edit);
		expect(await analyze(document), 'ready');
		const text = await hoverText(document, document.positionAt(document.getText().indexOf('unheard') + 2));
		assert.ok(text.includes('run'), text);
		assert.ok(!text.replace(/```.*?```/gs, '').includes('](command:'), text);
	});

	test('names an unknown front-matter key in one warning and runs all the same', async () => {
		const document = await openPrompt(['colour: blue', 'arms: latent']);
		expect(await analyze(document), 'ready');
		const warnings = vscode.languages.getDiagnostics(document.uri).filter(({ source }) => source === 'Neuralese');
		assert.equal(warnings.length, 1);
		assert.equal(warnings[0]!.severity, vscode.DiagnosticSeverity.Warning);
		assert.match(warnings[0]!.message, /colour/);
	});

	test('takes a hosted model of another tool as a note', async () => {
		for (const model of ['gpt-4o', 'googleai/gemini-2.5-flash']) {
			const { run } = expect(await analyze(await openPrompt([`model: ${model}`, 'arms: latent'])), 'ready');
			assert.ok(run.notes.some((note) => note.includes(model)), run.notes.join('\n'));
		}
	});

	test('takes a folder with an export beside the prompt as a model, as the command line does', async () => {
		const document = await openPrompt(['model: tiny-export', 'arms: direct']);
		writeExport(vscode.Uri.joinPath(document.uri, '..', 'tiny-export').fsPath, { project: extension().extensionPath });
		const { run } = expect(await analyze(document), 'ready');
		assert.ok(!run.notes.some((note) => note.includes('not a local one')), run.notes.join('\n'));
	});

	test('saves the trace whole, and opens it in its own editor', async () => {
		const document = await openPrompt();
		await analyze(document);
		const target = vscode.Uri.file(join(newFolder(), 'saved.trace.safetensors'));
		await vscode.commands.executeCommand('neuralese.saveTraceAs', { target });
		const bytes = readFileSync(target.fsPath);
		const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE(0))).toString('utf8'));
		assert.equal(header.__metadata__.format, 'neuralese-trace');
		await vscode.commands.executeCommand('vscode.open', target);
		const input = await until('the trace editor', () => {
			const active = vscode.window.tabGroups.activeTabGroup.activeTab?.input;
			return active instanceof vscode.TabInputCustom && active;
		});
		assert.equal(input.viewType, 'neuralese.trace');
		const api = await inspection();
		const opened = expect(await until('the trace', () => api.trace()), 'ready');
		assert.equal(opened.source, 'file');
		assert.equal(opened.run.arms.length, 3);
		assert.ok(opened.run.probes.length > 0);
		await vscode.commands.executeCommand('workbench.action.closeActiveEditor');
	});
});
