import assert from 'node:assert/strict';
import { suite, test } from 'mocha';
import { analyze, expect, inspection, openPrompt, setting, withoutEvidence } from './support';

suite('execution', () => {
	withoutEvidence();

	test('a provider that is not there is replaced by the CPU, with a note; changing the setting takes another engine', async () => {
		const api = await inspection();
		const document = await openPrompt(['arms: direct']);
		const plain = expect(await analyze(document), 'ready').run;
		assert.doesNotMatch(plain.notes.join('\n'), /execution provider/);
		const pid = api.enginePid();
		// Of another system, wherever this runs.
		const elsewhere = process.platform === 'win32' ? 'coreml' : 'dml';
		try {
			await setting('executionProvider', elsewhere);
			const { notes, arms } = expect(await analyze(document), 'ready').run;
			assert.match(notes.join('\n'), new RegExp(`^The models run on the execution provider cpu and not on ${elsewhere}, because .+\\.$`, 'm'));
			assert.deepEqual(arms.map(({ answer }) => answer), plain.arms.map(({ answer }) => answer));
			assert.notEqual(api.enginePid(), pid);
		} finally {
			await setting('executionProvider', undefined);
		}
		assert.doesNotMatch(expect(await analyze(document), 'ready').run.notes.join('\n'), /execution provider/);
	});
});
