/** Logs that the real inspect_ai wrote (test/fixtures/imports/inspect_logs.py), through the importers and the command line. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import fc from 'fast-check';
import { openFile } from '../../src/trace/bytes.node';
import { fromHalf } from '../../src/trace/half';
import { openTrace } from '../../src/trace/reader';
import { importAll, outlineOf, says } from '../unit/trace/importers/support';

const LOGS = process.env['NEURALESE_LOGS'] ?? '';
const CLI = 'dist/cli.js';
const folder = mkdtempSync(join(tmpdir(), 'imports-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const bytesOf = (name: string) => new Uint8Array(readFileSync(join(LOGS, name)));
const cli = (...args: string[]) => execFileSync(process.execPath, [CLI, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

/** Of one epoch. */
const EXPECTED: Record<string, string[]> = {
	q0: ['reasoning: Two and two make four. I should say so plainly.\nYes, four.', 'answer: 4'],
	q1: ['summary: I added the numbers.', 'answer: 4'],
	q2: ['redacted: reasoning withheld, 250 characters encrypted', 'answer: 4'],
	q3: ['reasoning: It is four. Surely.', 'answer: 4'],
	q4: ['answer: Four it is.'],
	'with/slash': ['answer: 4'],
};

describe('logs of Inspect', () => {
	for (const [file, format] of [
		['logs.eval', 'inspect-eval'],
		['deflate.eval', 'inspect-eval'],
		['chunked.eval', 'inspect-eval'],
		['logs.json', 'inspect-json'],
	] as const) {
		test(`${file}: every sample of both epochs`, async () => {
			const found = await importAll(bytesOf(file));
			assert.deepEqual([found.format, found.warnings], [format, []]);
			const read = Object.fromEntries(found.samples.map((sample) => [sample.id, outlineOf(sample)]));
			const both = [1, 2].flatMap((epoch) => Object.entries(EXPECTED).map(([id, parts]) => [`${id}_epoch_${epoch}`, parts] as const));
			assert.deepEqual(read, Object.fromEntries(both));
			const byId = new Map(found.samples.map((sample) => [sample.id, sample]));
			const first = byId.get('q0_epoch_1')!;
			assert.deepEqual([first.prompt, first.target, first.sampling.temperature, first.sampling.seed], ['What is 2 + 2?', '4', 0.5, 7]);
			assert.deepEqual(first.scores, [{ name: 'match', value: 'C' }]);
			assert.equal(byId.get('q4_epoch_1')!.scores[0]!.value, 'I');
			assert.match(first.producer!, /^inspect_ai 0\.\d+\.\d+$/);
			assert.match(byId.get('q2_epoch_1')!.prompt, /^A text that Inspect keeps among its attachments\. .*What is 3 \+ 1\?$/);
			assert.equal(byId.get('with/slash_epoch_1')!.prompt, '[image]\nHow many?');
		});
	}

	test('log-probabilities and activations lie beside their tokens', async () => {
		const out = join(folder, 'q4.trace.safetensors');
		cli('import', join(LOGS, 'logs.eval'), '--sample', 'q4_epoch_2', '--out', out);
		const trace = await openTrace(await openFile(out));
		const { steps } = trace.document.arms[0]!;
		const texts = new Map(trace.document.tokens.map(({ id, text }) => [id, text]));
		assert.deepEqual(steps.map(({ id, kind }) => `${kind} ${texts.get(id) ?? ''}`), [...Array<string>(5).fill('prompt '), 'answer Fo', 'answer ur', 'answer  it', 'answer  is', 'answer .']);
		assert.deepEqual([...(await trace.read('direct', 'tokens.logprob', { start: 4, end: 10 }))!], [NaN, -0.5, -1.5, -2.5, -3.5, -4.5]);
		const states = fromHalf((await trace.read('direct', 'hidden.resid', { start: 0, end: 10 })) as Uint16Array);
		const at = (position: number, site: number, column: number) => states[(position * 3 + site) * 4 + column];
		// 100·position + 10·layer + column, with positions 0…4 in the first call; after the last token there was none.
		assert.deepEqual([at(0, 0, 0), at(3, 1, 2), at(5, 2, 3), at(8, 0, 1), at(9, 0, 0)], [0, 312, 523, 801, NaN]);
		assert.equal(trace.document.origin!.normed, true);
		trace.dispose();
	});

	test('a run whose process died has its journal and its finished samples', async () => {
		const { samples, warnings } = await importAll(bytesOf('crashed.eval'));
		assert.deepEqual(samples.map(({ id }) => id), ['q0_epoch_1', 'q1_epoch_1']);
		assert.deepEqual(samples.map(outlineOf), [EXPECTED['q0'], EXPECTED['q1']]);
		assert.deepEqual(warnings, ['The run did not come to its end: this is what its journal and the finished samples say.']);
		assert.match(samples[0]!.producer!, /^inspect_ai/);
	});

	test('a run that failed says so, and its tool calls are calls', async () => {
		const { samples, warnings } = await importAll(bytesOf('failed.eval'));
		assert.ok(warnings.some((warning) => warning.startsWith('The run failed: ')));
		assert.ok(outlineOf(samples[0]!).includes('call: add({"a":2,"b":2})'));
		assert.deepEqual([samples[1]!.state, samples[1]!.notes[0]], ['cancelled', "The sample failed: ValueError('the tool broke')"]);
	});

	test('the command line lists, writes one and writes all', () => {
		const log = join(LOGS, 'logs.json');
		const list = JSON.parse(cli('import', log, '--json')) as { format: string; samples: Record<string, unknown>[]; warnings: string[] };
		assert.deepEqual(list.samples[0], { id: 'q0_epoch_1', steps: 4, reasoning: 'full', hasLogprobs: false, hasActivations: false });
		assert.deepEqual(list.samples[4], { id: 'q4_epoch_1', steps: 10, reasoning: 'none', hasLogprobs: true, hasActivations: true });
		assert.ok(list.warnings.includes('1 part of the reasoning is a summary and not the chain of thought. (2 of 12 samples)'));
		cli('import', log, '--all', folder);
		const written = readdirSync(folder).filter((name) => /^\d{5}-/.test(name));
		assert.equal(written.length, 12);
		const inspected = JSON.parse(cli('inspect', join(folder, written.find((name) => name.includes('q1_epoch_2'))!), '--json')) as { origin: { reasoning: string; sample: string; file: string } };
		assert.deepEqual([inspected.origin.reasoning, inspected.origin.sample, inspected.origin.file], ['summary', 'q1_epoch_2', 'logs.json']);
		const unknown = spawnSync(process.execPath, [CLI, 'import', log, '--sample', 'q9', '--out', join(folder, 'x.trace.safetensors')], { encoding: 'utf8' });
		assert.deepEqual([unknown.status, unknown.stdout, unknown.stderr.trim().split('\n').length], [1, '', 1]);
	});

	test('damaged logs are read or refused in one sentence', async () => {
		const bytes = bytesOf('logs.eval');
		const place = fc.double({ min: 0, max: 0.999999, noNaN: true });
		const property = fc.asyncProperty(fc.boolean(), place, fc.integer({ min: 0, max: 255 }), async (cut, where, value) => {
			const at = Math.floor(where * bytes.length);
			const damaged = cut ? bytes.slice(0, at) : bytes.slice();
			damaged[at] = value;
			await importAll(damaged).catch((error: unknown) => assert.ok(says(/./)(error)));
		});
		await fc.assert(property, { numRuns: 200 });
	});
});
