/** Every bundled model, in the real child: it loads, passes its self-test, and each of its arms comes to an answer. */
import assert from 'node:assert/strict';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseProsqa } from '../../../src/analysis/prosqa';
import { request, withEngine } from './harness';

const MODELS = 'models';
/** Programs that make models, and no model. */
const TOOLS = 'tools';

test('every bundled model loads, and each of its arms gives one of the answers that its kind of question has', () =>
	withEngine(async (engine) => {
		const entries = await readdir(MODELS, { withFileTypes: true });
		const folders = entries.filter((entry) => entry.isDirectory() && entry.name !== TOOLS).map(({ name }) => name);
		assert.ok(folders.includes('prosqa-rl'), folders.join());
		for (const folder of folders) {
			const model = join(MODELS, folder);
			await access(join(model, 'card.md'));
			const { id, selfTest } = await engine.call('load', { model });
			assert.equal(id, folder);
			assert.ok(selfTest.every(({ ok }) => ok), id);
			const problems = JSON.parse(await readFile(join(model, 'reference.json'), 'utf8')) as { question: string; answer: string }[];
			const { question } = problems[0]!;
			const answers = parseProsqa(question)?.options ?? problems.map(({ answer }) => answer);
			const { document } = await engine.call('analyze', request(question, { model }));
			assert.ok(document.arms.length >= 1, id);
			for (const { name, answer } of document.arms) {
				assert.ok(answers.some((one) => one.endsWith(answer!)), `${id}, ${name}: ${answer}`);
			}
		}
	}));
