/** Which imported traces are kept. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { ImportRooms } from '../../../src/host/importRooms';

let root: string;
before(() => (root = mkdtempSync(join(tmpdir(), 'rooms-'))));
after(() => rmSync(root, { recursive: true, force: true }));

test('the newest are kept, and those with notes however old they are', async () => {
	const rooms = new ImportRooms(join(root, 'imports'));
	const made: string[] = [];
	for (let i = 0; i < 30; i++) {
		const room = await rooms.of('file:///a.jsonl', `../${i}`);
		writeFileSync(join(room, 'a.trace.safetensors'), '');
		if (i === 1) {
			writeFileSync(join(room, 'a.review.json'), '');
		}
		utimesSync(room, i, i);
		made.push(room);
	}
	assert.equal(new Set(made).size, 30);
	assert.ok(made.every((room) => dirname(room) === join(root, 'imports')));
	await rooms.tidy();
	assert.deepEqual(made.flatMap((room, i) => (existsSync(room) ? [] : [i])), [0, 2, 3, 4, 5]);
	assert.equal(await rooms.of('file:///a.jsonl', '../29'), made[29]);
});
