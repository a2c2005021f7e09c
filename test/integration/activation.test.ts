import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import { extension, inspection, lensTitles, openPrompt } from './support';

suite('activation', () => {
	test('starts no engine', async () => {
		assert.equal((await inspection()).enginePid(), undefined);
	});

	test('registers every command that package.json contributes', async () => {
		await inspection();
		const known = new Set(await vscode.commands.getCommands(true));
		const contributed: { command: string }[] = extension().packageJSON.contributes.commands;
		assert.ok(contributed.length >= 6);
		assert.deepEqual(contributed.filter(({ command }) => !known.has(command)), []);
	});

	test('offers to analyze above the first line of a prompt file', async () => {
		assert.deepEqual(await lensTitles(await openPrompt()), ['Analyze Prompt']);
	});

	test('offers nothing in other files, nor where the setting turns it off', async () => {
		const other = await vscode.workspace.openTextDocument({ language: 'json', content: '{}' });
		assert.deepEqual(await lensTitles(other), []);
		const document = await openPrompt();
		await vscode.workspace.getConfiguration('neuralese').update('codeLens', false, vscode.ConfigurationTarget.Global);
		try {
			assert.deepEqual(await lensTitles(document), []);
		} finally {
			await vscode.workspace.getConfiguration('neuralese').update('codeLens', undefined, vscode.ConfigurationTarget.Global);
		}
	});
});
