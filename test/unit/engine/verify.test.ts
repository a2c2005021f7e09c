/** Whether a trace is what it says: real runs, and copies of them in which something was changed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Engine } from '../../../src/engine/caller/client';
import type { Verification } from '../../../src/engine/caller/verification';
import { modelCopy, MODULE, PROMPT, temporary } from './harness';
import { altered, opened, recorded, rewritten } from './recorded';

let engine: Engine;
let path: string;
before(async () => {
	engine = new Engine({ modulePath: MODULE });
	path = await recorded(engine, PROMPT, { options: { seed: 5, temperature: 1, topK: 7, latents: 3 } });
});
after(() => engine.dispose());

function verify(...args: string[]): { code: number | null; found: Verification; error: string } {
	const { status, stdout, stderr } = spawnSync(process.execPath, ['dist/cli.js', 'verify', ...args, '--json'], { encoding: 'utf8' });
	return { code: status, found: (stdout === '' ? undefined : JSON.parse(stdout)) as Verification, error: stderr.trim().split('\n').at(-1)! };
}

test('a run with its own options is the same again, at every position', async () => {
	const { code, found } = verify(path);
	assert.equal(code, 0);
	assert.deepEqual(found.hashes.map(({ what, same }) => [what, same]), [['prompt', true], ['model', true], ['tokenizer', true]]);
	const { arms } = (await opened(path)).document;
	assert.equal(found.positions, arms.reduce((sum, { steps }) => sum + steps.length, 0));
	assert.ok(found.same && found.planes > 20);
	assert.equal(found.runtime.recorded, found.runtime.here);
});

test('a value that was changed is found where it stands, with both values and the tolerance', async () => {
	const { document } = await opened(path);
	const position = document.arms.find(({ name }) => name === 'cot')!.steps.length - 2;
	const changed = await altered(path, 'cot/tokens.logprob', position, (value) => value - 0.25);
	const { code, found } = verify(changed);
	assert.equal(code, 1);
	const { arm, position: at, plane, recorded: was, here, tolerance } = found.difference!;
	assert.deepEqual([arm, at, plane], ['cot', position, 'tokens.logprob']);
	assert.ok(Math.abs((here as number) - (was as number) - 0.25) < 1e-4 && tolerance! > 0 && tolerance! < 0.01);
});

test('the first of two changes is told, and rounding is none', async () => {
	const later = await altered(path, 'latent/lens.entropy', 200, (value) => value + 1);
	const both = await altered(later, 'latent/lens.kl_final', 12, (value) => value + 1);
	const { found } = verify(both);
	assert.deepEqual([found.difference!.arm, found.difference!.position, found.difference!.plane], ['latent', 4, 'lens.kl_final']);
	assert.equal(verify(await altered(path, 'latent/lens.entropy', 200, (value) => value * (1 + 1e-6))).code, 0);
});

test('another token, answer or prompt is told', async () => {
	const swapped = await rewritten(path, (document) => {
		const steps = document.arms.find(({ name }) => name === 'cot')!.steps;
		steps.at(-2)!.id = steps[0]!.id;
		return document;
	});
	assert.equal(verify(swapped).found.difference!.plane, 'step');
	const answered = await rewritten(path, (document) => ({ ...document, arms: document.arms.map((arm) => ({ ...arm, answer: 'nobody' })) }));
	assert.deepEqual([verify(answered).found.difference!.plane, verify(answered).found.difference!.recorded], ['answer', 'nobody']);
	const asked = await rewritten(path, (document) => ({ ...document, prompt: { ...document.prompt, text: document.prompt.text.replace('Every', 'Evary') } }));
	const { code, found } = verify(asked);
	assert.equal(code, 1);
	assert.deepEqual(found.hashes.map(({ what, same }) => [what, same]), [['prompt', false]]);
});

test('a model that is not here is named by its hash, with what to do, and one that is named is taken', async () => {
	const folder = await modelCopy((_, manifest) => {
		manifest.description = 'Another one.';
	});
	const made = await recorded(engine, PROMPT, { model: folder, arms: ['direct'] });
	const { model } = (await opened(made)).document;
	const { code, error } = verify(made);
	assert.equal(code, 1);
	assert.ok(error.includes(model.sha256) && /another version/.test(error) && /models add/.test(error), error);
	assert.equal(verify(made, '--model', folder).code, 0);
	assert.deepEqual(verify(made, '--model', 'prosqa').found.hashes.at(-1)!.what, 'model');
});

test('an imported trace records no run', async () => {
	const folder = await temporary();
	const [source, out] = [join(folder, 'a.txt'), join(folder, 'a.trace.safetensors')];
	await writeFile(source, '<think>One.</think>Two.');
	spawnSync(process.execPath, ['dist/cli.js', 'import', source, '--out', out]);
	const { code, error } = verify(out);
	assert.equal(code, 1);
	assert.match(error, /imported from "a\.txt"/);
});
