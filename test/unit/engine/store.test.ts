/** The cache's files: what comes back, what is ignored, and that a folder that cannot be written is no failure. */
import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { Store, type Kept } from '../../../src/engine/evidence/store';
import { temporary } from './harness';

const KEY = { what: 'test', model: 'abc' };
const KEPT: Kept = {
	record: '{"a":[1,"ü"]}',
	tensors: new Map<string, { shape: number[]; data: Float32Array | Float64Array }>([
		['single', { shape: [2, 2], data: Float32Array.from([1, NaN, -Infinity, 0.1]) }],
		['double', { shape: [1], data: Float64Array.of(0.1) }],
		['none', { shape: [0, 4], data: new Float32Array() }],
	]),
};

async function filled(): Promise<{ folder: string; store: Store; path: string }> {
	const folder = join(await temporary(), 'new', 'cache');
	const store = new Store(folder);
	await store.write(KEY, KEPT);
	const names = await readdir(folder);
	assert.equal(names.length, 1, 'no temporary file is left');
	assert.match(names[0]!, /^[0-9a-f]{64}\.safetensors$/);
	return { folder, store, path: join(folder, names[0]!) };
}

describe('store', () => {
	test('what was kept comes back for its key only', async () => {
		const { store, folder } = await filled();
		const found = (await store.read(KEY))!;
		assert.equal(found.record, KEPT.record);
		assert.deepEqual([...found.tensors], [...KEPT.tensors]);
		assert.equal(await store.read({ ...KEY, model: 'abd' }), undefined);
		assert.deepEqual((await new Store(folder).read(KEY))!.record, KEPT.record);
	});

	test('a file under the name of another key is ignored', async () => {
		const { store, path, folder } = await filled();
		await store.write({ ...KEY, model: 'other' }, { ...KEPT, record: 'other' });
		const other = (await readdir(folder)).map((name) => join(folder, name)).find((name) => name !== path)!;
		await writeFile(path, await readFile(other));
		assert.equal(await store.read(KEY), undefined);
	});

	test('every damaged byte and every cut is noticed, and writing again repairs it', async () => {
		const { store, path } = await filled();
		const whole = await readFile(path);
		for (let at = 0; at < whole.length; at += 3) {
			await writeFile(path, whole.map((byte, i) => (i === at ? byte ^ 4 : byte)));
			const found = await store.read(KEY);
			// A space of the header's padding may become another character only where JSON still allows it.
			assert.ok(found === undefined || found.record === KEPT.record, `byte ${at}`);
			if (at >= whole.length - 24) {
				assert.equal(found, undefined, `byte ${at} of the values`);
			}
			await writeFile(path, whole.subarray(0, at));
			assert.equal(await store.read(KEY), undefined, `cut at ${at}`);
		}
		await store.write(KEY, KEPT);
		assert.ok(await store.read(KEY));
	});

	test('no folder keeps nothing; one that cannot be made is no failure', async () => {
		const none = new Store(undefined);
		await none.write(KEY, KEPT);
		assert.equal(await none.read(KEY), undefined);
		const file = join(await temporary(), 'file');
		await writeFile(file, '');
		const blocked = new Store(join(file, 'cache'));
		await blocked.write(KEY, KEPT);
		assert.equal(await blocked.read(KEY), undefined);
	});
});
