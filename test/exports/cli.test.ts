/** `models` and `--model` of the command line, on real exports. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import type { ModelCheck } from '../../src/engine/api';
import { EXPORTS, temporary } from './support';

const PROMPT = 'Every terpus is a hilpus. Tom is a terpus. Is Tom a hilpus?\n';

describe('models', { skip: EXPORTS === '' && 'npm test -- exports makes the exports' }, () => {
	let home = '';
	let prompt = '';
	before(async () => {
		home = await temporary();
		prompt = join(home, 'a.prompt.md');
		await writeFile(prompt, PROMPT);
	});

	function cli(...args: string[]) {
		const { status, stdout, stderr } = spawnSync('node', ['dist/cli.js', ...args], {
			encoding: 'utf8',
			env: { ...process.env, NEURALESE_HOME: home },
		});
		return { status, stdout, stderr };
	}

	test('add makes a folder that list names and analyze runs by its name', () => {
		const source = join(EXPORTS, 'smollm/optimum');
		const added = cli('models', 'add', source);
		assert.equal(added.status, 0, added.stderr);
		assert.match(added.stdout, /3 layers of width 48, 320 tokens, 128 positions, fp32; arms direct, cot, coconut, soft\./);
		const [, name] = /^(optimum-[0-9a-f]{8}) /m.exec(cli('models', 'list').stdout) ?? [];
		assert.ok(name !== undefined);
		const { status, stdout, stderr } = cli('analyze', prompt, '--model', name, '--max-tokens', '3', '--json');
		assert.equal(status, 0, stderr);
		const { arms } = JSON.parse(stdout) as { arms: Record<string, { thoughts?: { layers: unknown[] }[]; state: string }> };
		assert.deepEqual(Object.keys(arms), ['direct', 'cot', 'coconut', 'soft']);
		assert.equal(arms['coconut']!.thoughts!.length, 4);
		assert.equal(arms['soft']!.thoughts!.length, 8);
		assert.equal(arms['soft']!.thoughts![0]!.layers.length, 4);
	});

	test('--model takes the export itself, and a tokenizer elsewhere is named', async () => {
		const file = join(EXPORTS, 'gpt2/torchscript/model.onnx');
		const direct = cli('analyze', prompt, '--model', file, '--arms', 'direct', '--max-tokens', '2', '--json');
		assert.equal(direct.status, 0, direct.stderr);
		const out = join(home, 'chosen');
		const added = cli('models', 'add', file, '--tokenizer', join(EXPORTS, 'gpt2/checkpoint'), '--out', out);
		assert.equal(added.status, 0, added.stderr);
		assert.equal(cli('analyze', prompt, '--model', out, '--arms', 'soft', '--latents', '2', '--max-tokens', '2').status, 0);
	});

	test('check prints what was found, and compares with another implementation', () => {
		const { status, stdout, stderr } = cli(
			'models',
			'check',
			join(EXPORTS, 'qwen2/optimum'),
			'--reference',
			join(EXPORTS, 'qwen2/reference.npz'),
			'--json',
		);
		assert.equal(status, 0, stderr);
		const found = JSON.parse(stdout) as ModelCheck;
		assert.deepEqual(Object.keys(found), [
			'layers',
			'width',
			'vocab',
			'sites',
			'quantisation',
			'available',
			'unavailable',
			'selfTest',
			'provider',
			'lowMemory',
		]);
		assert.deepEqual([found.provider, found.lowMemory], [{ asked: 'cpu', used: 'cpu' }, false]);
		const { layers, width, vocab, sites, quantisation, available, unavailable, selfTest } = found;
		assert.deepEqual(
			{ layers, width, vocab, sites, quantisation },
			{ layers: 3, width: 64, vocab: 320, sites: 4, quantisation: 'fp32' },
		);
		assert.deepEqual(available, ['layers', 'latents', 'patches', 'batches', 'neighbours']);
		assert.deepEqual(unavailable, [{ what: 'probes', why: 'the model folder has none' }]);
		const compared = selfTest.filter(({ name }) => name.startsWith('reference')).map(({ name }) => name);
		assert.deepEqual(
			compared,
			['resid.0', 'resid.1', 'resid.2', 'resid.3', 'logits'].map((name) => `reference: ${name}`),
		);
		assert.ok(selfTest.some(({ name }) => /original graph/.test(name)));
		assert.ok(selfTest.every(({ ok, maxAbsDiff }) => ok && maxAbsDiff < 1e-4));
	});

	test('check fails where the reference is of another model, and says what is wrong with one of another kind', async () => {
		const other = cli(
			'models',
			'check',
			join(EXPORTS, 'llama/optimum'),
			'--reference',
			join(EXPORTS, 'qwen2/reference.npz'),
			'--json',
		);
		assert.equal(other.status, 1);
		assert.ok((JSON.parse(other.stdout) as ModelCheck).selfTest.some(({ name, ok }) => name === 'reference: logits' && !ok));
		const narrow = cli('models', 'check', join(EXPORTS, 'llama/optimum'), '--reference', join(EXPORTS, 'smollm/reference.npz'));
		assert.equal(narrow.status, 1);
		assert.match(narrow.stderr, /has resid\.0 as \[14, 48\] where \[14, 64\] is expected/);
		await writeFile(join(home, 'a.npz'), 'hello');
		assert.match(cli('models', 'check', 'prosqa', '--reference', join(home, 'a.npz')).stderr, /not an NPZ/);
	});

	test('a graph whose layers cannot be seen runs its arms, and says why', () => {
		const source = join(EXPORTS, 'no-cuts/two-streams');
		const found = JSON.parse(cli('models', 'check', source, '--json').stdout) as ModelCheck;
		assert.deepEqual([found.layers, found.width, found.sites], [2, null, 0]);
		const { status, stdout } = cli('analyze', prompt, '--model', source, '--max-tokens', '3');
		assert.equal(status, 0);
		assert.match(
			stdout,
			/Only the logits of this model can be seen and not its layers, because there is no one tensor that all of block 0 hands on/,
		);
		assert.equal(cli('analyze', prompt, '--model', source, '--arms', 'soft').status, 2);
	});

	test('a folder that is neither model nor export is refused in one sentence', async () => {
		const empty = join(home, 'empty');
		await mkdir(empty);
		const { status, stderr } = cli('analyze', prompt, '--model', empty);
		assert.equal(status, 1);
		assert.match(stderr, /has no readable model\.json/);
	});
});
