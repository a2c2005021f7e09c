/** What is known of a hub's model before it is downloaded, and offline; against a hub on this machine. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { accept, offerOf } from '../../../src/hub/offer';
import { placeOf, type Place } from '../../../src/hub/place';
import { COMMIT, startHub, type Hub } from './server';

const ID = 'somebody/tiny-model';
const FILES = {
	'config.json': Buffer.from('{"model_type":"llama"}'),
	'tokenizer.json': Buffer.alloc(5_000, 't'),
	'onnx/model.onnx': Buffer.alloc(30_000, 'g'),
	'onnx/model.onnx_data': Buffer.alloc(70_000, 'd'),
	'onnx/model_q4.onnx': Buffer.alloc(40_000, 'q'),
};
const SMALL = FILES['config.json'].length + FILES['tokenizer.json'].length;

describe('offer', () => {
	let hub: Hub;
	let place: Place;
	let cache: string;

	beforeEach(async () => {
		hub = await startHub(ID, FILES, { cardData: { license: 'mit' } });
		cache = mkdtempSync(join(tmpdir(), 'neuralese-offer-'));
		place = placeOf({ HF_ENDPOINT: hub.endpoint, HF_HOME: cache });
	});
	afterEach(async () => {
		await hub.stop();
		rmSync(cache, { recursive: true });
	});

	const look = (variant?: string, where = place) => offerOf({ id: ID, revision: 'main', variant }, where);

	test('full precision where no other is asked for, and nothing is downloaded', async () => {
		const { chosen, repository } = await look();
		assert.deepEqual([chosen.name, chosen.missing, repository.license], ['fp32', 100_000 + SMALL, 'mit']);
		assert.ok(hub.asked.every((line) => line.startsWith('GET /api/')));
	});

	test('what another variant has brought is not counted again', async () => {
		const graph = await accept(await look('q4'), place);
		assert.equal(graph, join(cache, `hub/models--somebody--tiny-model/snapshots/${COMMIT}/onnx/model_q4.onnx`));
		assert.ok(readFileSync(graph).equals(FILES['onnx/model_q4.onnx']));
		assert.equal((await look()).chosen.missing, 100_000);
		assert.equal((await look('q4')).chosen.missing, 0);
	});

	test('a variant that there is not: those that there are', async () => {
		await assert.rejects(look('q2'), /has no variant "q2": choose from q4, fp32\.$/);
	});

	test('offline: what the cache has, by revision or commit, and the hub is not asked', async () => {
		const offline = { ...place, offline: true };
		await assert.rejects(look(undefined, offline), /is not in the cache at revision main, and HF_HUB_OFFLINE is set/);
		await accept(await look('q4'), place);
		hub.asked.length = 0;
		for (const revision of ['main', COMMIT]) {
			const offer = await offerOf({ id: ID, revision }, offline);
			assert.deepEqual(
				offer.variants.map(({ name }) => name),
				['q4'],
			);
			assert.equal(offer.chosen.missing, 0);
			assert.ok(readFileSync(await accept(offer, offline)).equals(FILES['onnx/model_q4.onnx']));
		}
		await assert.rejects(look('fp32', offline), /choose from q4/);
		await assert.rejects(offerOf({ id: '../..', revision: 'main' }, offline), /is not in the cache/);
		assert.deepEqual(hub.asked, []);
	});
});
