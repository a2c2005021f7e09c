/** Bringing a model: an export added through the palette, its card, an analysis with it; a hub's model behind a confirmation. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Locator } from 'playwright-core';
import { decoder, writeExport } from '../unit/engine/decoder';
import { COMMIT, startHub, type Hub } from '../unit/hub/server';
import { EXAMPLE } from './examples';
import { flow } from './flow';
import { Host, PROJECT } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const ID = 'somebody/tiny-model';
const TEMPLATE = "{% for m in messages %}<{{ m['role'] }}>{{ m['content'] }}{% endfor %}<assistant>";
const ENVIRONMENT = ['HF_ENDPOINT', 'HF_HOME', 'HF_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE', 'NEURALESE_HOME'];

describe('a model of one\'s own in the editor', () => {
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	let hub: Hub;
	let folder = '';
	const stage = () => ({ host, workbench });
	const kept = { ...process.env };

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), 'neuralese-models-'));
		writeExport(join(folder, 'tiny'), { chat: TEMPLATE });
		const files = {
			'config.json': Buffer.from('{"model_type":"tiny","max_position_embeddings":160,"eos_token_id":6}'),
			'tokenizer.json': readFileSync(join(PROJECT, 'models/prosqa/tokenizer.json')),
			'onnx/model.onnx': Buffer.from(decoder(3)),
			'onnx/model_fp16.onnx': Buffer.alloc(9_000, 'h'),
		};
		hub = await startHub(ID, files, { cardData: { license: 'apache-2.0' } });
		ENVIRONMENT.forEach((name) => delete process.env[name]);
		Object.assign(process.env, { HF_ENDPOINT: hub.endpoint, HF_HOME: join(folder, 'hf'), NEURALESE_HOME: join(folder, 'home') });
		host = await Host.start({ extension: 'folder', settings: { 'neuralese.evidence': 'on request' } });
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		process.env = kept;
		await workbench?.close();
		await host?.stop();
		await hub?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	const card = () => panel.app.locator('.card');
	const facts = async (shown: Locator) =>
		Object.fromEntries(
			await shown.locator('.fact').evaluateAll((lines) => lines.map((line) => [line.querySelector('dt')!.textContent, line.querySelector('dd')!.textContent])),
		) as Record<string, string>;

	flow('an export is added by its folder, and its card says what it is', stage, async () => {
		await workbench.open(EXAMPLE);
		await workbench.command('Neuralese: Add Model…');
		await workbench.asks('What to add as a model');
		await workbench.pick('A Folder…');
		await workbench.openFile(join(folder, 'tiny'));
		await card().getByRole('heading', { name: 'tiny', exact: true }).waitFor();
		const found = await facts(card());
		assert.deepEqual(
			['Layers', 'Width', 'Key/value heads', 'Vocabulary', 'Context', 'Weights', 'Arms', 'Trained thoughts', 'Chat template', 'Licence'].map((name) => found[name]),
			['2', '16', '2', '193 tokens', '160 positions', 'fp32', 'direct, cot, coconut, soft', 'none', 'yes', 'not stated'],
		);
		assert.match(found['SHA-256']!, /^[0-9a-f]{64}$/);
		const features = await card().locator('.card-features li').allInnerTexts();
		assert.ok(features.some((text) => /✗[\s\S]*Runs side by side[\s\S]*Not available, because its body graph is not told positions/.test(text)), features.join('\n'));
		assert.ok(features.some((text) => /✓[\s\S]*Patches/.test(text)));
		const tests = await card().locator('.card-tests tbody tr').allInnerTexts();
		assert.ok(tests.length > 4 && tests.every((text) => /(\d\.\de-\d+|\b0)\s+✓ alike/.test(text)), tests.join('\n'));
	});

	flow('it is used for the prompt, and the header leads to its card again', stage, async () => {
		await workbench.notification(/tiny-[0-9a-f]{8} was added/).getByRole('button', { name: 'Use This Model' }).click();
		// Of this machine, because the model is.
		const settings = join(host.root, 'user-data/Machine/settings.json');
		await until(() => existsSync(settings) && /"neuralese\.model": "tiny-[0-9a-f]{8}"/.test(readFileSync(settings, 'utf8')), 'the setting was not written');
		await panel.button('Close').click();
		await card().waitFor({ state: 'hidden' });
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		assert.match(await panel.app.locator('.subtitle').innerText(), /tiny-[0-9a-f]{8}, 2 layers × 16/);
		assert.match(await panel.app.locator('.notes').textContent() ?? '', /as the model’s chat template does/);
		const word = (await panel.read()).title.match(/^Is (\w+)/)![1]!;
		assert.match(await workbench.hover(word), /Token/);
		const opener = panel.app.getByRole('button', { name: 'Model card' });
		await opener.click();
		await card().getByRole('heading', { name: 'tiny', exact: true }).waitFor();
		await workbench.page.keyboard.press('Escape');
		await card().waitFor({ state: 'hidden' });
		assert.ok(await opener.evaluate((button) => button === document.activeElement), 'the focus did not come back');
	});

	flow('a hub\'s model is downloaded after a click on what it is', stage, async () => {
		await workbench.command('Neuralese: Add Model…');
		await workbench.asks('What to add as a model');
		await workbench.pick('A Model from the Hub…');
		await workbench.quickInput.fill('no such name');
		await workbench.page.getByText(/Two words with a slash between them/).waitFor();
		await workbench.quickInput.fill(ID);
		await workbench.accept();
		await workbench.asks(`Which variant of ${ID} to add`);
		await workbench.pick('fp32');
		const dialog = workbench.page.locator('.monaco-dialog-box');
		await dialog.waitFor();
		const text = await dialog.innerText();
		for (const wording of [`Add ${ID}?`, 'Variant: fp32 (onnx/model.onnx)', 'Licence: apache-2.0', `Commit: ${COMMIT}`, 'To download:', 'in the cache: nothing']) {
			assert.ok(text.includes(wording), `${wording}\n${text}`);
		}
		assert.ok(hub.asked.every((line) => !line.includes('/resolve/')), 'something was downloaded before the click');
		await dialog.getByRole('button', { name: 'Download' }).click();
		await card().getByRole('heading', { name: 'tiny-model' }).waitFor();
		assert.equal((await facts(card()))['Licence'], 'apache-2.0');
		assert.match(await card().innerText(), new RegExp(`of ${ID} at ${COMMIT.slice(0, 12)}`));
		assert.equal(hub.asked.some((line) => line.includes('model_fp16')), false);
		await panel.button('Close').click();
	});

	flow('added models are in the list, and the button beside one takes it off', stage, async () => {
		await workbench.command('Neuralese: Choose Model…');
		const rows = workbench.page.locator('.quick-input-list .monaco-list-row');
		const row = rows.filter({ hasText: 'tiny-model' });
		await row.hover();
		await row.locator('.codicon-trash').click();
		await row.waitFor({ state: 'detached' });
		await workbench.pick('ProsQA reasoner');
		const models = readdirSync(join(folder, 'home/models'));
		assert.deepEqual(models.map((name) => name.replace(/-[0-9a-f]{8}$/, '')), ['tiny']);
		assert.ok(existsSync(join(folder, 'hf/hub/models--somebody--tiny-model')), 'the download stays');
		await workbench.command('Neuralese: Show Model Card');
		await card().waitFor();
	});

	flow('nothing was asked of the network', stage, async () => {
		assert.deepEqual(workbench.refused, []);
	});
});

async function until(condition: () => boolean, otherwise: string): Promise<void> {
	for (const start = Date.now(); !condition(); await new Promise((resolve) => setTimeout(resolve, 50))) {
		assert.ok(Date.now() - start < 60_000, otherwise);
	}
}
