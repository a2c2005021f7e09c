/** Adding models in the editor: from the disk and from a hub on this machine, using and removing them, and their chat templates. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { suite, suiteSetup, suiteTeardown, teardown, test } from 'mocha';
import * as vscode from 'vscode';
import type { AddedModel } from '../../src/engine/api';
import { decoder, writeExport } from '../unit/engine/decoder';
import { startHub, type Hub } from '../unit/hub/server';
import { analyze, expect, extension, hoverText, inspection, newFolder, openPrompt, setting, until, withoutEvidence } from './support';

const ID = 'somebody/tiny-model';
const TOKEN = 'hf_integration';
const TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<assistant>";
/** A run of the decoder, which says nothing sensible. */
const SHORT = ['arms: direct, soft', 'latents: 2', 'max-tokens: 2'];

const add = (options: object) => vscode.commands.executeCommand<AddedModel | undefined>('neuralese.addModel', options);

suite('models', () => {
	withoutEvidence();
	let home = '';
	let hub: Hub;
	const before = { ...process.env };

	suiteSetup(async () => {
		const project = extension().extensionPath;
		home = newFolder();
		const tokenizer = readFileSync(join(project, 'models/prosqa/tokenizer.json'));
		const config = Buffer.from('{"model_type":"tiny","max_position_embeddings":160,"eos_token_id":6}');
		const files = { 'config.json': config, 'tokenizer.json': tokenizer, 'onnx/model.onnx': Buffer.from(decoder(3)) };
		hub = await startHub(ID, files, { cardData: { license: 'apache-2.0' } });
		Object.assign(process.env, { NEURALESE_HOME: home, HF_HOME: join(home, 'hf'), HF_ENDPOINT: hub.endpoint });
		for (const name of ['HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_HUB_CACHE', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE']) {
			delete process.env[name];
		}
		// The next child has the new environment.
		await vscode.commands.executeCommand('neuralese.restartEngine');
	});
	suiteTeardown(async () => {
		process.env = before;
		await hub.stop();
		await setting('model', undefined);
		await vscode.commands.executeCommand('neuralese.restartEngine');
	});
	teardown(async () => {
		hub.behaviour = Object.assign(hub.behaviour, { stall: undefined, damage: undefined, token: undefined, cuts: [] });
		hub.asked.length = 0;
		await vscode.commands.executeCommand('notifications.clearAll');
	});

	const exported = (name: string, chat?: string) => vscode.Uri.file(writeExport(join(newFolder(), name), { chat, project: extension().extensionPath }));
	const blobFolder = () => join(home, 'hf/hub', `models--${ID.replace('/', '--')}`, 'blobs');
	const blobs = () => (existsSync(blobFolder()) ? readdirSync(blobFolder()) : []);

	test('an export is added, used, named by a prompt, and removed without its files', async () => {
		// A prompt that names its own model goes before the setting.
		await openPrompt(SHORT);
		const source = exported('tiny');
		const model = await add({ source, use: true });
		assert.ok(model);
		assert.deepEqual([model.shape.layers, model.shape.width, model.quantisation], [2, 16, 'fp32']);
		assert.equal(vscode.workspace.getConfiguration('neuralese').get('model'), model.listedAs);
		const { run, stale } = expect(await analyze(await openPrompt(SHORT)), 'ready');
		assert.equal(stale, false);
		assert.match(run.subtitle, new RegExp(`${model.listedAs}, 2 layers × 16`));
		await setting('model', undefined);
		const named = expect(await analyze(await openPrompt([`model: ${model.listedAs}`, ...SHORT])), 'ready');
		assert.match(named.run.subtitle, new RegExp(model.listedAs));
		assert.deepEqual(named.run.notes.filter((note) => note.includes('names the model')), []);
		await vscode.commands.executeCommand('neuralese.removeModel', model.listedAs);
		assert.equal(existsSync(model.folder), false);
		assert.ok(existsSync(join(source.fsPath, 'model.onnx')));
	});

	test('a model folder is registered as it stands', async () => {
		const source = vscode.Uri.file(join(extension().extensionPath, 'models/prosqa-pause'));
		const model = await add({ source, use: false });
		assert.match(model?.listedAs ?? '', /^prosqa-pause-[0-9a-f]{8}$/);
		assert.match(expect(await analyze(await openPrompt([`model: ${model!.listedAs}`, 'arms: direct'])), 'ready').run.subtitle, /prosqa-pause/);
		await vscode.commands.executeCommand('neuralese.removeModel', model!.listedAs);
		assert.ok(existsSync(join(source.fsPath, 'model.json')));
	});

	test('the messages are written as the template does; hover, staleness and notes are of the file as it stands', async () => {
		const model = await add({ source: exported('chat', TEMPLATE), use: false });
		const document = await openPrompt([`model: ${model!.listedAs}`, ...SHORT]);
		const api = await inspection();
		const ready = expect(await analyze(document), 'ready');
		assert.equal(ready.stale, false);
		assert.match(ready.run.notes.join('\n'), /messages were written as the model’s chat template does/);
		assert.match(ready.run.title, /^Is \w+ an? \w+ or \w+\?$/);
		const word = /Every (\w+) is a/.exec(document.getText())!;
		const at = document.positionAt(word.index + 'Every '.length + 1);
		assert.match(await hoverText(document, at), new RegExp(`Token.*Every\\S*${word[1]}`));
		assert.equal(await hoverText(document, document.positionAt(2)), '');
		// The same run, asked otherwise: by the setting, and by an edit.
		await setting('chatTemplate', 'off');
		await until('a stale state', () => expect(api.state(document.uri), 'ready').stale);
		const off = expect(await analyze(document), 'ready').run;
		assert.match(off.notes.join('\n'), /template was left out, as was asked/);
		await setting('chatTemplate', undefined);
		expect(await analyze(document), 'ready');
		const edit = new vscode.WorkspaceEdit();
		edit.insert(document.uri, at.translate(0, -1), 'new ');
		await vscode.workspace.applyEdit(edit);
		await until('a stale state', () => expect(api.state(document.uri), 'ready').stale);
		const last = document.getText().lastIndexOf('Every ') + 'Every '.length + 1;
		assert.match(await hoverText(document, document.positionAt(last)), /edited since/);
	});

	test('a hub\'s model: a cancelled download goes on where it was, and what was confirmed is what is added', async () => {
		hub.behaviour.stall = 10_000;
		const cancel = new vscode.CancellationTokenSource();
		const adding = add({ hub: ID, answers: { download: true }, cancel: cancel.token });
		await until('a part of the graph', () => blobs().some((name) => name.endsWith('.incomplete') && statSync(join(blobFolder(), name)).size > 0));
		cancel.cancel();
		assert.equal(await adding, undefined);
		hub.behaviour.stall = undefined;
		hub.asked.length = 0;
		const model = await add({ hub: ID, answers: { download: true }, use: false });
		assert.ok(hub.asked.some((line) => /model\.onnx bytes=[1-9]\d*-$/.test(line)), hub.asked.join('\n'));
		assert.equal(model?.license, 'apache-2.0');
		assert.match(model.description, new RegExp(`of ${ID} at c0ffee0`));
		assert.equal(blobs().some((name) => name.endsWith('.incomplete')), false);
		await vscode.commands.executeCommand('neuralese.removeModel', model.listedAs);
	});

	test('without a confirmation nothing is downloaded', async () => {
		const other = await startHub('somebody/other', { 'model.onnx': Buffer.from(decoder(4)), 'tokenizer.json': Buffer.from('{}') });
		process.env['HF_ENDPOINT'] = other.endpoint;
		try {
			assert.equal(await add({ hub: 'somebody/other', answers: { download: false } }), undefined);
			assert.ok(other.asked.length > 0 && other.asked.every((line) => line.startsWith('GET /api/')), other.asked.join('\n'));
		} finally {
			process.env['HF_ENDPOINT'] = hub.endpoint;
			await other.stop();
		}
	});

	test('what arrives damaged is not kept and not added', async () => {
		const other = await startHub('somebody/damaged', { 'model.onnx': Buffer.from(decoder(5)), 'tokenizer.json': Buffer.alloc(2_000, 't') });
		other.behaviour.damage = (path, content) => (path.endsWith('.onnx') ? Buffer.alloc(content.length, 'x') : content);
		process.env['HF_ENDPOINT'] = other.endpoint;
		try {
			assert.equal(await add({ hub: 'somebody/damaged', answers: { download: true } }), undefined);
			const folder = join(home, 'hf/hub/models--somebody--damaged');
			assert.deepEqual(readdirSync(join(folder, 'blobs')).filter((name) => name.endsWith('.incomplete')), []);
			assert.equal(existsSync(join(folder, 'refs/main')), false);
		} finally {
			process.env['HF_ENDPOINT'] = hub.endpoint;
			await other.stop();
		}
	});

	test('a token is asked for where the hub wants one, kept in secret storage for that hub, and forgotten', async () => {
		hub.behaviour.token = TOKEN;
		const model = await add({ hub: ID, answers: { download: true, token: TOKEN }, use: false });
		assert.ok(model);
		assert.ok(!JSON.stringify(model).includes(TOKEN));
		hub.asked.length = 0;
		assert.ok(await add({ hub: ID, answers: { download: true }, use: false }), 'the kept one is used');
		void vscode.commands.executeCommand('neuralese.forgetHubToken');
		await new Promise((resolve) => setTimeout(resolve, 300));
		const asking = add({ hub: ID, answers: { download: true }, use: false });
		await until('a refusal', () => hub.asked.filter((line) => line.startsWith('GET /api/')).length >= 3);
		// Nobody answers the box.
		const closed = setInterval(() => void vscode.commands.executeCommand('workbench.action.closeQuickOpen'), 200);
		assert.equal(await asking, undefined);
		clearInterval(closed);
		await vscode.commands.executeCommand('neuralese.removeModel', model.listedAs);
	});

	test('offline the cache is enough, and the hub is not asked', async () => {
		process.env['HF_HUB_OFFLINE'] = '1';
		try {
			const model = await add({ hub: ID, answers: { download: true }, use: false });
			assert.ok(model);
			assert.equal(await add({ hub: 'somebody/absent', answers: { download: true }, use: false }), undefined);
			assert.deepEqual(hub.asked, []);
			await vscode.commands.executeCommand('neuralese.removeModel', model.listedAs);
		} finally {
			delete process.env['HF_HUB_OFFLINE'];
		}
	});
});
