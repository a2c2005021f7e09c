/** Logs of other tools, imported inside the editor. */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, suiteTeardown, test } from 'mocha';
import * as vscode from 'vscode';
import { expect, extension, inspection, newFolder } from './support';

suite('importing', () => {
	suiteTeardown(() => vscode.commands.executeCommand('workbench.action.closeAllEditors'));

	const bring = async (path: string, answers: object = {}) => {
		await vscode.commands.executeCommand('neuralese.importLog', vscode.Uri.file(path), answers);
		return (await inspection()).trace();
	};
	const fixture = (name: string) => join(extension().extensionPath, 'test/fixtures/imports/files', name);

	test('a file with one sample opens at once, read by its content', async () => {
		const path = join(newFolder(), 'a log.of mine');
		copyFileSync(fixture('vllm-reasoning.json'), path);
		const { name, run } = expect(await bring(path), 'ready');
		assert.equal(name, 'a_log-chatcmpl-1.trace.safetensors');
		assert.equal(run.reasoning, 'full');
	});

	test('one of several samples, and activations with what their axes are', async () => {
		assert.equal(expect(await bring(fixture('anthropic.jsonl'), { sample: 'summary' }), 'ready').run.reasoning, 'summary');
		assert.equal(expect(await bring(fixture('hidden.npy'), { map: 'array:position,site,width' }), 'ready').run.layers, 2);
	});

	test('what is no log says so, and what was on view stays', async () => {
		const before = expect(await bring(fixture('vllm-reasoning.json')), 'ready').name;
		const pickle = join(newFolder(), 'states.pt');
		writeFileSync(pickle, Buffer.from('\x80\x02}q\x00.', 'latin1'));
		// A notification waits for an answer: the command ends without one.
		assert.equal(expect(await bring(pickle), 'ready').name, before);
		await vscode.commands.executeCommand('notifications.clearAll');
	});
});
