/** The workspace's traces in the explorer, and search in one of them. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flow } from './flow';
import { Host } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const TRACE = 'davis.trace.safetensors';

describe('traces of a workspace', () => {
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	const stage = () => ({ host, workbench });
	const tree = () => workbench.page.locator('.pane', { has: workbench.page.locator('.pane-header', { hasText: 'Reasoning Traces' }) });
	const items = () => tree().locator('.monaco-list-row');

	before(async () => {
		host = await Host.start({ extension: 'folder' });
		writeFileSync(join(host.workspace, 'broken.trace.safetensors'), 'no trace');
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	flow('they are listed by prompt, each with what its arms answered; a broken one says so', stage, async () => {
		await tree().locator('.pane-header').click();
		await items().filter({ hasText: 'davis.prompt.md' }).first().waitFor();
		const texts = await items().allInnerTexts();
		assert.ok(texts.some((text) => /ProsQA.*latent \w+pus.*they (agree|differ)/.test(text)), texts.join('\n'));
		assert.ok(texts.some((text) => text.startsWith('broken.trace.safetensors')), texts.join('\n'));
	});

	flow('a new file appears, and what is clicked opens', stage, async () => {
		copyFileSync(join(host.workspace, TRACE), join(host.workspace, 'again.trace.safetensors'));
		await items().filter({ hasText: 'they' }).nth(1).waitFor();
		await items().filter({ hasText: 'they' }).first().click();
		await panel.is('ready');
		await items().filter({ hasText: 'Recently opened' }).waitFor();
	});

	flow('a word of a latent thought is found, and its step selected', stage, async () => {
		const { rows } = await panel.read();
		const [word] = rows[2]!.words[0]!;
		await workbench.command('Neuralese: Search in Trace…');
		await workbench.quickInput.fill(word);
		const hit = workbench.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: 'thought at layer' }).filter({ hasText: 'step 3' }).first();
		await hit.waitFor();
		const steps = await workbench.page.locator('.quick-input-list .monaco-list-row').evaluateAll((all) =>
			all.sort((a, b) => Number(a.dataset['index']) - Number(b.dataset['index'])).map((row) => Number(/step (\d+)/i.exec(row.textContent ?? '')?.[1])),
		);
		assert.deepEqual(steps, [...steps].sort((a, b) => a - b), 'in the order of the steps');
		await hit.click();
		// What was highlighted before the click had been selected too.
		await panel.app.locator('.row[aria-selected="true"] .number', { hasText: /^3$/ }).waitFor();
	});

	flow('a probe above a threshold is found; what is no query says what one is', stage, async () => {
		await workbench.command('Neuralese: Search in Trace…');
		await workbench.quickInput.fill('first-option > 0');
		const listed = workbench.page.locator('.quick-input-list .monaco-list-row');
		await listed.filter({ hasText: /probe at layer \d: 0\.\d\d/ }).first().waitFor();
		await workbench.quickInput.fill('no-such > 0');
		await listed.filter({ hasText: 'No probe is called no-such' }).waitFor();
		await workbench.page.keyboard.press('Escape');
	});
});
