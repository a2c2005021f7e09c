/** `import` of the built command line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { FILES } from './support';

const folder = mkdtempSync(join(tmpdir(), 'import-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const cli = (...args: string[]) => spawnSync(process.execPath, ['dist/cli.js', ...args], { encoding: 'utf8' });
const file = (name: string) => join(FILES, name);

function fails(code: number, wording: RegExp, ...args: string[]): void {
	const { status, stdout, stderr } = cli(...args);
	assert.deepEqual([status, stdout], [code, '']);
	assert.match(stderr.trim(), wording);
	assert.equal(stderr.trim().split('\n').length, 1);
}

describe('import', () => {
	test('lists samples as the contract says', () => {
		const { status, stdout } = cli('import', file('anthropic.jsonl'), '--json');
		assert.equal(status, 0);
		assert.deepEqual(JSON.parse(stdout), {
			format: 'anthropic-messages',
			samples: [
				{ id: 'full', steps: 3, reasoning: 'full', hasLogprobs: false, hasActivations: false },
				{ id: 'summary', steps: 3, reasoning: 'summary', hasLogprobs: false, hasActivations: false },
				{ id: 'redacted', steps: 2, reasoning: 'redacted', hasLogprobs: false, hasActivations: false },
				{ id: 'mixed', steps: 4, reasoning: 'redacted', hasLogprobs: false, hasActivations: false },
			],
			warnings: [
				'1 part of the reasoning is a summary and not the chain of thought. (1 of 4 samples)',
				'1 part of the reasoning was withheld. (1 of 4 samples)',
				'1 part of the reasoning was withheld, 1 is the chain of thought itself. (1 of 4 samples)',
			],
		});
		assert.match(cli('import', file('anthropic.jsonl')).stdout, /^anthropic-messages, 4 samples\n {2}full {2}3 sentences · full reasoning\n/);
		assert.match(cli('import', file('hidden.npy')).stdout, /^npy, 1 sample\n {2}0 {2}5 positions · no reasoning · activations\n/);
	});

	test('a name in the file says nothing', () => {
		const renamed = join(folder, 'log.txt');
		copyFileSync(file('s1k.parquet'), renamed);
		assert.equal((JSON.parse(cli('import', renamed, '--json').stdout) as { format: string }).format, 's1k');
	});

	test('writes a sample, which inspect reads; its path is nowhere inside', () => {
		const out = join(folder, 'one.trace.safetensors');
		const { status, stdout } = cli('import', file('openr1-math.parquet'), '--sample', 'b/0', '--out', out);
		assert.equal(status, 0, stdout);
		const found = JSON.parse(cli('inspect', out, '--json').stdout) as { origin: object; model: object; arms: { name: string; steps: number; text: string }[] };
		assert.deepEqual(found.origin, {
			format: 'openr1-math',
			file: 'openr1-math.parquet',
			sample: 'b/0',
			reasoning: 'full',
			steps: 'sentences',
			target: '4',
			scores: [
				{ name: 'correctness_math_verify', value: 'true' },
				{ name: 'is_reasoning_complete', value: 'true' },
			],
			sampling: {},
		});
		assert.deepEqual(found.model, { id: 'unknown model', name: 'unknown model', sha256: null });
		assert.deepEqual(found.arms.map(({ name, steps, text }) => [name, steps, text]), [['cot', 2, 'Two and two.\n\n4']]);
		assert.match(cli('inspect', out).stdout, /Imported from openr1-math\.parquet \(openr1-math\), sample b\/0, model unknown model; reasoning: full; steps are sentences/);
		assert.ok(!readFileSync(out, 'latin1').includes(FILES));
	});

	test('writes all samples into a folder, each under a name that every file system takes', () => {
		const all = mkdtempSync(join(folder, 'all-'));
		assert.equal(cli('import', file('openr1-math.jsonl'), '--all', all).status, 0);
		assert.deepEqual(readdirSync(all).sort(), ['00001-a_0.trace.safetensors', '00002-a_1.trace.safetensors', '00003-b_0.trace.safetensors']);
	});

	test('asks what the axes of a plain tensor are, and takes the answer', () => {
		const out = join(folder, 'states.trace.safetensors');
		const listed = JSON.parse(cli('import', file('hidden.npy'), '--json').stdout) as { samples: { hasActivations: boolean; steps: number }[]; warnings: string[] };
		assert.deepEqual([listed.samples[0]!.hasActivations, listed.samples[0]!.steps], [true, 5]);
		assert.match(listed.warnings[0]!, /give --map NAME:AXES/);
		fails(1, /The file holds tensors and does not say what they are .* --map 'array:position,site,width'\.$/, 'import', file('hidden.npy'), '--out', out);
		assert.ok(!existsSync(out));
		assert.equal(cli('import', file('hidden.npy'), '--map', 'array:position,site,width', '--out', out).status, 0);
		const { tensors } = JSON.parse(cli('inspect', out, '--json').stdout) as { tensors: object[] };
		assert.ok(tensors.some((tensor) => JSON.stringify(tensor) === '{"name":"activations/hidden.resid","dtype":"F16","shape":[5,3,4]}'));
	});

	test('says what is wrong', () => {
		fails(1, /^The file cannot be imported \(array "array" holds Python objects/, 'import', file('objects.npy'));
		fails(1, /cannot be opened \(ENOENT\)/, 'import', join(folder, 'missing'));
		fails(1, /is not a file: name a log/, 'import', FILES);
		fails(1, /has no sample "x"/, 'import', file('s1k.parquet'), '--sample', 'x', '--out', join(folder, 'x.trace.safetensors'));
		fails(1, /is what is read, and would be lost/, 'import', file('s1k.parquet'), '--out', file('s1k.parquet'));
		fails(1, /The folder .* does not exist/, 'import', file('s1k.parquet'), '--all', join(folder, 'nowhere'));
		fails(2, /give one of the two/, 'import', file('s1k.parquet'), '--out', 'x', '--all', folder);
		fails(2, /--sample needs --out/, 'import', file('s1k.parquet'), '--sample', '1');
		fails(2, /import needs a file/, 'import');
	});
});
