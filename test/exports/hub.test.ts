/** `models add HUB-ID` as a program: real exports on a hub on this machine, described, downloaded with breaks, added, run, and offline. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ModelCheck } from '../../src/engine/api';
import { COMMIT, startHub, type Hub } from '../unit/hub/server';
import { EXPORTS, temporary } from './support';

const ID = 'somebody/tiny-llama-ONNX';

describe('models of a hub', { skip: EXPORTS === '' && 'npm test -- exports makes the exports' }, () => {
	let home = '';
	let hub: Hub;
	const content = (name: string) => readFileSync(join(EXPORTS, 'llama', name));

	before(async () => {
		home = await temporary();
		const files = {
			'README.md': Buffer.from('# A model'),
			'config.json': content('dynamo/config.json'),
			'tokenizer.json': content('dynamo/tokenizer.json'),
			// Weights beside the graph, and a variant with its weights inside.
			'onnx/model.onnx': content('dynamo/model.onnx'),
			'onnx/model.onnx.data': content('dynamo/model.onnx.data'),
			'onnx/model_int8.onnx': content('int8/model.onnx'),
		};
		hub = await startHub(ID, files, { cardData: { license: 'apache-2.0' } });
	});
	after(() => hub.stop());

	/** The hub is in this process: it must go on while the program runs. */
	function cli(args: string[], environment: Record<string, string> = {}) {
		const child = spawn('node', ['dist/cli.js', ...args], {
			stdio: ['ignore', 'pipe', 'pipe'],
			env: { ...process.env, NEURALESE_HOME: home, HF_HOME: home, HF_ENDPOINT: hub.endpoint, HF_HUB_CACHE: join(home, 'hub'), ...environment },
		});
		let [stdout, stderr] = ['', ''];
		child.stdout.on('data', (text) => (stdout += text));
		child.stderr.on('data', (text) => (stderr += text));
		return new Promise<{ status: number | null; stdout: string; stderr: string }>((resolve) =>
			child.on('close', (status) => resolve({ status, stdout, stderr })),
		);
	}

	test('is described, and nothing is downloaded without a yes', async () => {
		const { status, stdout, stderr } = await cli(['models', 'add', ID]);
		assert.equal(status, 1);
		assert.equal(stdout, '');
		assert.match(stderr, new RegExp(`^${ID} at ${COMMIT.slice(0, 12)}; licence: apache-2\\.0\\.$`, 'm'));
		assert.match(stderr, /^Variants: int8 [\d.]+ [kM]B, fp32 [\d.]+ [kM]B\. Chosen: fp32 \(onnx\/model\.onnx\)\.$/m);
		assert.match(stderr, /^To download: [\d.]+ [kM]B\.$/m);
		assert.match(stderr, /Nothing was downloaded: add --yes to download [\d.]+ [kM]B\.\n$/);
		assert.ok(hub.asked.length > 0 && hub.asked.every((line) => line.startsWith('GET /api/')));
		assert.equal(existsSync(join(home, 'hub')), false);
	});

	test('with a yes it is downloaded, over a connection that breaks, and added like a folder', async () => {
		hub.behaviour.cuts = [2_000];
		hub.asked.length = 0;
		const { status, stdout, stderr } = await cli(['models', 'add', ID, '--yes']);
		assert.equal(status, 0, stderr);
		assert.match(stdout, /^tiny-llama-ONNX was added: /);
		assert.match(stdout, /3 layers of width 64, 320 tokens, 128 positions, fp32; arms direct, cot, coconut, soft\./);
		assert.match(stderr, /^Downloading onnx\/model\.onnx\.data: \d+ % of [\d.]+ [kM]B$/m);
		assert.ok(hub.asked.some((line) => /bytes=[1-9]\d*-$/.test(line)), 'goes on where it broke');
		assert.equal(hub.asked.some((line) => /README|int8/.test(line)), false);
		const folder = /was added: (.+)$/m.exec(stdout)![1]!;
		const reference = join(EXPORTS, 'llama/reference.npz');
		const checked = await cli(['models', 'check', folder, '--reference', reference, '--json']);
		assert.equal(checked.status, 0, checked.stderr);
		assert.ok((JSON.parse(checked.stdout) as ModelCheck).selfTest.every(({ ok }) => ok));
		const prompt = join(home, 'a.prompt.md');
		await writeFile(prompt, 'Is Tom a terpus?\n');
		const ran = await cli(['analyze', prompt, '--model', folder, '--max-tokens', '2', '--no-evidence']);
		assert.equal(ran.status, 0, ran.stderr);
	});

	test('offline the cache is enough, and says what it does not have', async () => {
		hub.asked.length = 0;
		const offline = { HF_HUB_OFFLINE: '1' };
		const { status, stdout, stderr } = await cli(['models', 'add', ID, '--out', join(home, 'offline')], offline);
		assert.equal(status, 0, stderr);
		assert.match(stderr, /licence: not stated.*\n.*\nAll of it is in the cache\./);
		assert.match(stdout, /was added/);
		const other = await cli(['models', 'add', ID, '--variant', 'int8'], offline);
		assert.equal(other.status, 1);
		assert.match(other.stderr, /has no variant "int8": choose from fp32\.\n$/);
		assert.deepEqual(hub.asked, []);
	});

	test('another variant is another model; what both need is there already', async () => {
		hub.asked.length = 0;
		const { status, stdout, stderr } = await cli(['models', 'add', ID, '--variant', 'int8', '--yes']);
		assert.equal(status, 0, stderr);
		assert.match(stdout, /int8; arms/);
		assert.deepEqual(
			hub.asked.filter((line) => line.includes('/resolve/')).map((line) => line.split('/').at(-1)),
			['model_int8.onnx'],
		);
	});

	test('a model that is not there, and a hub that is not: one sentence each', async () => {
		const none = await cli(['models', 'add', 'nobody/nothing']);
		assert.equal(none.status, 1);
		assert.match(none.stderr, /There is no model nobody\/nothing on the hub/);
		const away = await cli(['models', 'add', ID], { HF_ENDPOINT: 'http://127.0.0.1:9' });
		assert.equal(away.status, 1);
		assert.match(away.stderr, /cannot be reached/);
	});
});
