import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe as suite, test } from 'node:test';
import { Cache } from '../../../src/hub/cache';
import { download, type DownloadProgress } from '../../../src/hub/download';
import { placeOf, tokenOf } from '../../../src/hub/place';
import { describe, isRepositoryId, type Repository } from '../../../src/hub/repository';
import { variantsOf } from '../../../src/hub/selection';
import { COMMIT, gitHash, sha256, startHub, type Hub } from './server';

const ID = 'somebody/tiny-model';
const GRAPH = Buffer.alloc(300_000, 'graph');
const FILES = {
	'README.md': Buffer.from('# A model'),
	'config.json': Buffer.from('{"model_type":"llama"}'),
	'tokenizer.json': Buffer.alloc(5_000, 't'),
	'onnx/model.onnx': GRAPH,
	'onnx/model.onnx_data': Buffer.alloc(70_000, 'd'),
	'onnx/model_q4.onnx': Buffer.alloc(40_000, 'q'),
	'onnx/other.onnx': Buffer.alloc(10, 'o'),
};

suite('hub', () => {
	let hub: Hub;
	let cache: string;

	beforeEach(async () => {
		hub = await startHub(ID, FILES, { cardData: { license: 'apache-2.0' } });
		cache = mkdtempSync(join(tmpdir(), 'neuralese-hub-'));
	});
	afterEach(() => hub.stop());

	const look = (over = {}) => describe(ID, 'main', { endpoint: hub.endpoint, ...over });
	const bring = (repository: Repository, paths: string[], over = {}) =>
		download(repository, repository.files.filter(({ path }) => paths.includes(path)), {
			endpoint: hub.endpoint,
			cache,
			revision: 'main',
			...over,
		});

	test('says what there is, its size and its licence, and downloads nothing for it', async () => {
		const repository = await look();
		assert.equal(repository.commit, COMMIT);
		assert.equal(repository.license, 'apache-2.0');
		assert.deepEqual(repository.files.find(({ path }) => path === 'onnx/model.onnx'), { path: 'onnx/model.onnx', bytes: GRAPH.length, hash: sha256(GRAPH) });
		assert.deepEqual(repository.files.find(({ path }) => path === 'README.md')?.hash, gitHash(FILES['README.md']));
		assert.ok(hub.asked.every((line) => line.startsWith('GET /api/')), hub.asked.join('\n'));
	});

	test('variants: a graph with its external data, tokenizer and configuration, smallest first', async () => {
		const variants = variantsOf(await look());
		assert.deepEqual(variants.map(({ name, graph }) => [name, graph]), [['q4', 'onnx/model_q4.onnx'], ['fp32', 'onnx/model.onnx']]);
		assert.deepEqual(variants[1]!.files.map(({ path }) => path), ['onnx/model.onnx', 'onnx/model.onnx_data', 'config.json', 'tokenizer.json']);
		assert.equal(variants[1]!.bytes, GRAPH.length + 70_000 + FILES['config.json'].length + 5_000);
		assert.throws(() => variantsOf({ id: ID, files: [] }), /no ONNX decoder/);
	});

	test('lays files out as Python does: blobs by hash, snapshots by commit, refs by revision', async () => {
		const folder = await bring(await look(), ['onnx/model.onnx', 'config.json']);
		const root = join(cache, 'models--somebody--tiny-model');
		assert.equal(folder, join(root, 'snapshots', COMMIT));
		assert.ok(readFileSync(join(folder, 'onnx/model.onnx')).equals(GRAPH));
		assert.ok(lstatSync(join(folder, 'onnx/model.onnx')).isSymbolicLink());
		assert.deepEqual(readdirSync(join(root, 'blobs')).sort(), [gitHash(FILES['config.json']), sha256(GRAPH)].sort());
		assert.equal(readFileSync(join(root, 'refs/main'), 'utf8'), COMMIT);
		const found = new Cache(cache);
		assert.equal(await found.commit(ID, 'main'), COMMIT);
		assert.deepEqual(await found.files(ID, COMMIT), ['config.json', 'onnx/model.onnx']);
	});

	test("Python's library finds it in its own cache, offline", { skip: !hasPython() && 'huggingface_hub is not installed' }, async () => {
		const folder = await bring(await look(), ['config.json', 'tokenizer.json']);
		const script = `from huggingface_hub import snapshot_download, hf_hub_download
print(hf_hub_download('${ID}', 'config.json'))`;
		const { stdout, stderr } = spawnSync('python3', ['-c', script], {
			encoding: 'utf8',
			env: { ...process.env, HF_HUB_CACHE: cache, HF_HUB_OFFLINE: '1' },
		});
		assert.equal(stdout.trim(), join(folder, 'config.json'), stderr);
	});

	test('what is there is not downloaded again', async () => {
		const repository = await look();
		await bring(repository, ['onnx/model.onnx']);
		hub.asked.length = 0;
		await bring(repository, ['onnx/model.onnx']);
		assert.deepEqual(hub.asked, []);
	});

	test('goes on where a connection broke, and reports how far it is', async () => {
		hub.behaviour.cuts = [100_000, 50_000];
		const reports: DownloadProgress[] = [];
		const folder = await bring(await look(), ['onnx/model.onnx'], { report: (progress: DownloadProgress) => reports.push(progress) });
		assert.ok(readFileSync(join(folder, 'onnx/model.onnx')).equals(GRAPH));
		const ranges = hub.asked.filter((line) => line.includes('/resolve/')).map((line) => Number(/bytes=(\d+)-/.exec(line)?.[1] ?? 0));
		assert.equal(ranges.length, 3);
		assert.ok(ranges[1]! > 0 && ranges[2]! > ranges[1]!, ranges.join());
		assert.deepEqual(reports.at(-1), { path: 'onnx/model.onnx', done: GRAPH.length, bytes: GRAPH.length });
	});

	test('a download that was given up leaves what the next one goes on from', async () => {
		const repository = await look();
		hub.behaviour.cuts = [120_000, 10, 10, 10, 10];
		await assert.rejects(bring(repository, ['onnx/model.onnx']), /cannot be reached/);
		const blobs = join(cache, 'models--somebody--tiny-model/blobs');
		assert.deepEqual(readdirSync(blobs), [`${sha256(GRAPH)}.incomplete`]);
		hub.asked.length = 0;
		await bring(repository, ['onnx/model.onnx']);
		assert.match(hub.asked.at(-1)!, /bytes=[1-9]\d*-$/);
	});

	test('a server without ranges sends all of it again', async () => {
		hub.behaviour.cuts = [100_000];
		hub.behaviour.ignoresRanges = true;
		const folder = await bring(await look(), ['onnx/model.onnx']);
		assert.ok(readFileSync(join(folder, 'onnx/model.onnx')).equals(GRAPH));
	});

	test('a cache that cannot be written is not a network that cannot be reached', async () => {
		const repository = await look();
		const file = join(cache, 'file');
		writeFileSync(file, '');
		hub.asked.length = 0;
		await assert.rejects(bring(repository, ['config.json'], { cache: file }), /^HubError: The cache folder cannot be written \(ENOTDIR\): check its rights, or set HF_HUB_CACHE/);
		// The graph and its blob may be there, and the revision's name cannot be noted.
		mkdirSync(join(cache, 'models--somebody--tiny-model'));
		writeFileSync(join(cache, 'models--somebody--tiny-model/refs'), '');
		await assert.rejects(bring(repository, ['config.json']), /The cache folder cannot be written/);
		assert.ok(hub.asked.length <= 1, hub.asked.join('\n'));
	});

	test('a cancel ends it, and is told as one', async () => {
		const repository = await look();
		await assert.rejects(bring(repository, ['onnx/model.onnx'], { signal: AbortSignal.abort() }), { name: 'AbortError' });
	});

	for (const [what, damage] of [
		['another byte', (content: Buffer) => Buffer.concat([Buffer.from('X'), content.subarray(1)])],
		['too much', (content: Buffer) => Buffer.concat([content, Buffer.from('more')])],
	] as const) {
		test(`a damaged file is refused and not kept: ${what}`, async () => {
			hub.behaviour.damage = (_, content) => damage(content);
			await assert.rejects(bring(await look(), ['onnx/model.onnx']), /arrived damaged|longer than/);
			assert.equal(await new Cache(cache).has(ID, COMMIT, 'onnx/model.onnx', GRAPH.length), false);
		});
	}

	test('tokens, missing models and broken hubs: one sentence each', async () => {
		hub.behaviour.token = 'hf_secret';
		await assert.rejects(look(), /private, gated or not there/);
		await assert.rejects(look({ token: 'other' }), /begin with hf_/);
		await assert.rejects(look({ token: 'hf_other' }), /does not let this token read/);
		assert.equal((await look({ token: 'hf_secret' })).id, ID);
		hub.behaviour.token = undefined;
		await assert.rejects(describe('nobody/nothing', 'main', { endpoint: hub.endpoint }), /There is no model nobody\/nothing/);
		hub.behaviour.status = 503;
		await assert.rejects(look(), /status 503/);
		await hub.stop();
		await assert.rejects(look(), /cannot be reached.*HF_HUB_OFFLINE/);
	});

	test('names that are no repository, and paths that leave it', async () => {
		for (const id of ['a/b/c', '../x', 'a--b/c', 'https://x/y', '', 'a/..']) {
			assert.equal(isRepositoryId(id), false, id);
		}
		const hostile = await startHub(ID, { '../../escape.onnx': GRAPH, 'C:\\x.onnx': GRAPH, 'fine.json': Buffer.from('{}') });
		const { files } = await describe(ID, 'main', { endpoint: hostile.endpoint });
		assert.deepEqual(files.map(({ path }) => path), ['fine.json']);
		await hostile.stop();
	});

	test("place and token: Python's variables, https or loopback only", async () => {
		const place = placeOf({ HF_HOME: '/h' }, '/home/me');
		assert.deepEqual(place, { endpoint: 'https://huggingface.co', cache: '/h/hub', offline: false, tokenFile: '/h/token', token: undefined });
		assert.equal(placeOf({ HF_HUB_CACHE: '/c', HF_HUB_OFFLINE: 'yes' }, '/m').cache, '/c');
		assert.equal(placeOf({ XDG_CACHE_HOME: '/x', HF_HUB_OFFLINE: '1' }, '/m').cache, '/x/huggingface/hub');
		assert.equal(placeOf({ HF_HUB_OFFLINE: '1' }, '/m').offline, true);
		const typed = placeOf({ HF_HOME: '~/hf', HF_HUB_CACHE: '', HF_TOKEN_PATH: '~/token' }, '/home/$&me');
		assert.deepEqual([typed.cache, typed.tokenFile], ['/home/$&me/hf/hub', '/home/$&me/token']);
		assert.throws(() => placeOf({ HF_ENDPOINT: 'http://somewhere.example' }), /not the address of a hub/);
		assert.equal(placeOf({ HF_ENDPOINT: `${hub.endpoint}/` }).endpoint, hub.endpoint);
		const file = join(cache, 'token');
		writeFileSync(file, 'hf_file\n');
		assert.equal(await tokenOf({ ...place, tokenFile: file }), 'hf_file');
		assert.equal(await tokenOf({ ...place, token: 'hf_env', tokenFile: file }), 'hf_env');
	});
});

function hasPython(): boolean {
	return spawnSync('python3', ['-c', 'import huggingface_hub']).status === 0;
}
