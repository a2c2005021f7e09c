import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'mocha';
import * as vscode from 'vscode';
import type { ProbeReport } from '../../src/engine/api';
import { analyze, expect, inspection, newFolder, openPrompt, setting, until, withoutEvidence } from './support';

const train = (wishes: object) => vscode.commands.executeCommand<ProbeReport | undefined>('neuralese.trainProbe', wishes);

suite('probes', () => {
	withoutEvidence();

	test('one that was trained here is used in analyses, and one of another model is left out with a note', async () => {
		const target = vscode.Uri.file(join(newFolder(), 'options.probe.safetensors'));
		const document = await openPrompt(['arms: cot']);
		const api = await inspection();
		assert.equal(expect(await analyze(document), 'ready').run.probes.length, 0);
		try {
			const report = await train({ task: 'first-option', arm: 'cot', at: 'tokens', name: 'options', target, use: true });
			assert.deepEqual([report?.name, report?.arm, report?.groups.heldOut], ['options', 'cot', 50]);
			assert.ok(existsSync(target.fsPath));
			assert.deepEqual(vscode.workspace.getConfiguration('neuralese').get('probes'), [target.fsPath]);
			await until('a stale state', () => expect(api.state(document.uri), 'ready').stale);
			const { run } = expect(await analyze(document), 'ready');
			assert.deepEqual(run.probes.map(({ name, domain }) => [name, domain]), [['options', [0, 1]]]);
			const cell = run.fits[run.probes[0]!.fit!]![0]!;
			assert.ok(cell.ece !== undefined && cell.selectivity !== undefined && cell.recallAt1Fpr !== undefined);

			const other = expect(await analyze(await openPrompt(['arms: cot', 'model: prosqa-pause'])), 'ready').run;
			assert.deepEqual(other.probes, []);
			assert.match(other.notes.join('\n'), /The probe options was fitted on another model, not on prosqa-pause/);
		} finally {
			await setting('probes', undefined);
		}
	});

	test('what cannot be trained writes nothing', async () => {
		const folder = newFolder();
		const data = vscode.Uri.file(join(folder, 'x.jsonl'));
		writeFileSync(data.fsPath, '{"prompt": "a"}');
		const target = vscode.Uri.file(join(folder, 'p.probe.safetensors'));
		// The command tells what is wrong and waits for nobody.
		assert.equal(await train({ data, name: 'x', target, use: false }), undefined);
		assert.equal(existsSync(target.fsPath), false);
	});
});
