/** Every bundled model, in the real child: it loads, passes its self-test, and each of its arms comes to an answer. */
import assert from 'node:assert/strict';
import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseProsqa } from '../../../src/analysis/prosqa';
import { PROMPT, request, withEngine } from './harness';

const MODELS = 'models';

test('every bundled model loads, and each of its arms names one of the candidates', () =>
	withEngine(async (engine) => {
		const entries = await readdir(MODELS, { withFileTypes: true });
		const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
		assert.ok(folders.includes('prosqa-rl'), folders.join());
		const { options } = parseProsqa(PROMPT)!;
		for (const folder of folders) {
			const model = join(MODELS, folder);
			await access(join(model, 'card.md'));
			const { id, selfTest } = await engine.call('load', { model });
			assert.equal(id, folder);
			assert.ok(selfTest.every(({ ok }) => ok), id);
			const { document } = await engine.call('analyze', request(PROMPT, { model }));
			assert.ok(document.arms.length >= 3, id);
			for (const { name, answer } of document.arms) {
				assert.ok(options.includes(answer!), `${id}, ${name}: ${answer}`);
			}
		}
	}));
