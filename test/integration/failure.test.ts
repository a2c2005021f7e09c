import assert from 'node:assert/strict';
import { existsSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { analyze, copyModel, expect, inspection, newFolder, openPrompt, setting, until, withoutEvidence } from './support';

/** Long enough to be interrupted: the latents fill the context. */
const LONG = ['latents: 80', 'arms: latent, cot, direct'];

suite('failure', () => {
	withoutEvidence();

	test('cancels a run, keeps what there was, and runs again', async () => {
		const api = await inspection();
		const document = await openPrompt(LONG);
		const running = vscode.commands.executeCommand('neuralese.analyzePrompt', document.uri);
		await until('a running analysis', () => api.state(document.uri)?.kind === 'running');
		await vscode.commands.executeCommand('neuralese.cancelAnalysis', document.uri);
		await running;
		expect(api.state(document.uri), 'cancelled');
		expect(await analyze(document), 'ready');
	});

	test('keeps the finished arms where the tests are cancelled or fail, says so, and runs the tests when they are asked for', async () => {
		const api = await inspection();
		await setting('evidence', undefined);
		for (const [way, end] of [
			['cancelled', (uri: vscode.Uri) => void vscode.commands.executeCommand('neuralese.cancelAnalysis', uri)],
			['failed', () => void process.kill(api.enginePid()!, 'SIGKILL')],
		] as const) {
			const document = await openPrompt(['arms: latent', 'latents: 2']);
			const running = vscode.commands.executeCommand('neuralese.analyzePrompt', document.uri);
			await until('comparisons or tests', () => {
				const state = api.state(document.uri);
				return state?.kind === 'running' && /the (reference|thoughts)/.test(state.message);
			});
			end(document.uri);
			await running;
			const { run, source } = expect(api.state(document.uri), 'ready');
			assert.equal(source, 'run');
			assert.deepEqual(run.arms.map(({ name, state }) => [name, state]), [['latent', 'done']]);
			assert.equal(run.meter, undefined);
			assert.match(run.notes.join('\n'), new RegExp(`^The tests (were )?${way}.*^Tests and controls are missing.*Load-Bearing`, 'ms'));
			await vscode.commands.executeCommand('neuralese.testRun');
			const tested = expect(api.state(document.uri), 'ready').run;
			assert.ok((tested.meter?.length ?? 0) > 0);
			assert.doesNotMatch(tested.notes.join('\n'), /Tests and controls are missing|The tests/);
		}
		await setting('evidence', 'on request');
	});

	test('shows and saves no old result as the cancelled run\'s', async () => {
		const api = await inspection();
		const document = await openPrompt(['arms: latent', 'latents: 6']);
		expect(await analyze(document), 'ready');
		const edit = new vscode.WorkspaceEdit();
		edit.replace(document.uri, new vscode.Range(document.lineAt(1).range.start, document.lineAt(2).range.end), LONG.join('\n'));
		await vscode.workspace.applyEdit(edit);
		const running = vscode.commands.executeCommand('neuralese.analyzePrompt', document.uri);
		await until('a thought of the running analysis', () => {
			const state = api.state(document.uri);
			return state?.kind === 'running' && (state.run?.rows ?? 0) > 6;
		});
		await vscode.commands.executeCommand('neuralese.cancelAnalysis', document.uri);
		await running;
		const { shows, run } = expect(api.state(document.uri), 'cancelled');
		assert.equal(shows, 'partial');
		assert.ok((run?.rows ?? 0) > 6);
		const target = vscode.Uri.file(join(newFolder(), 'partial.trace.safetensors'));
		void vscode.commands.executeCommand('neuralese.saveTraceAs', { target });
		await new Promise((resolve) => setTimeout(resolve, 300));
		assert.equal(existsSync(target.fsPath), false);
		await vscode.commands.executeCommand('notifications.clearAll');
	});

	test('a cancel in one prompt leaves the run of another alone', async () => {
		const api = await inspection();
		const long = await openPrompt(LONG, 'long.prompt.md');
		const running = vscode.commands.executeCommand('neuralese.analyzePrompt', long.uri);
		await until('a running analysis', () => api.state(long.uri)?.kind === 'running');
		const idle = await openPrompt([], 'idle.prompt.md');
		void vscode.commands.executeCommand('neuralese.cancelAnalysis', idle.uri);
		await running;
		expect(api.state(long.uri), 'ready');
		await vscode.commands.executeCommand('notifications.clearAll');
	});

	test('survives the death of the engine', async () => {
		const api = await inspection();
		const document = await openPrompt(LONG);
		const running = vscode.commands.executeCommand('neuralese.analyzePrompt', document.uri);
		await until('the engine at work', () => {
			const state = api.state(document.uri);
			return state?.kind === 'running' && state.run !== undefined && api.enginePid() !== undefined;
		});
		const killed = api.enginePid()!;
		process.kill(killed, 'SIGKILL');
		await running;
		const failed = expect(api.state(document.uri), 'failed');
		assert.match(failed.message, /engine|process|stopped|crash/i);
		assert.equal(failed.action.act, 'analyze');
		expect(await analyze(document), 'ready');
		assert.notEqual(api.enginePid(), killed);
	});

	test('a finished trace outlives a failed run', async () => {
		const document = await openPrompt(['arms: latent']);
		expect(await analyze(document), 'ready');
		const edit = new vscode.WorkspaceEdit();
		edit.replace(document.uri, document.lineAt(1).range, 'arms: nosuch');
		await vscode.workspace.applyEdit(edit);
		const failed = expect(await analyze(document), 'failed');
		assert.match(failed.message, /nosuch/);
		assert.equal(failed.run?.arms[0]?.name, 'latent');
	});

	test('says what is wrong with a broken model folder', async () => {
		const folder = copyModel((tokenizer) => tokenizer);
		truncateSync(join(folder, 'body.onnx'), 1000);
		const failed = expect(await analyze(await openPrompt([`model: ${folder}`])), 'failed');
		assert.match(failed.message, /body/);
		assert.equal(failed.action.act, 'chooseModel');
	});

	test('says so where there is no model at all', async () => {
		const failed = expect(await analyze(await openPrompt(['model: ./nowhere'])), 'failed');
		assert.match(failed.message, /model\.json|nowhere/);
		assert.equal(failed.action.act, 'chooseModel');
	});
});
