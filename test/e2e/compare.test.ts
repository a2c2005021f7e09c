/** Two traces side by side, and whether a trace is what it says, in the real editor. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator } from 'playwright-core';
import { EXAMPLE } from './examples';
import { flow } from './flow';
import { Host } from './host';
import { Workbench } from './workbench';

/** Until the extension is there: seconds, and more on a busy machine. */
const START_LIMIT_MS = 90_000;

/** More than the half second in which the editor ignores clicks on a menu that has just opened. */
const MENU_REST_MS = 800;

const name = (trace: string) => `${trace}.trace.safetensors`;

describe('two traces', () => {
	let host: Host;
	let workbench: Workbench;
	const stage = () => ({ host, workbench });

	before(async () => {
		host = await Host.start({ extension: 'folder' });
		for (const [trace, model] of [['base', 'prosqa'], ['tuned', 'prosqa-rl']] as const) {
			const args = ['analyze', join(host.workspace, EXAMPLE), '--model', model, '--no-evidence', '--out', join(host.workspace, name(trace))];
			execFileSync('node', ['dist/cli.js', ...args], { stdio: 'ignore' });
		}
		copyFileSync(join(host.workspace, name('base')), join(host.workspace, name('cut')));
		truncateSync(join(host.workspace, name('cut')), 5_000);
		workbench = await Workbench.open(host);
		// What is opened before the extensions are there is shown as text.
		await workbench.open(EXAMPLE);
		await workbench.page.locator('.codelens-decoration').first().waitFor({ timeout: START_LIMIT_MS });
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	const page = () => workbench.webview();
	const rowsOf = (frame: FrameLocator) =>
		frame.locator('.compare-row').evaluateAll((all) => all.map((row) => ({ kind: row.className.match(/is-\S+/)?.[0], a: row.querySelector('.compare-a')!.textContent!.trim(), b: row.querySelector('.compare-b')!.textContent!.trim() })));

	async function picture(title: string): Promise<void> {
		const folder = process.env['COMPARE_PICTURES'];
		if (folder) {
			await workbench.page.waitForTimeout(1_500);
			await workbench.page.screenshot({ path: join(folder, `${title}.png`) });
		}
	}

	const entry = (trace: string) => workbench.page.locator('.explorer-folders-view').getByText(name(trace), { exact: true });

	/** An item of a file's context menu: it takes no click in the moment in which it opens. */
	async function menu(trace: string, item: string): Promise<void> {
		await entry(trace).click({ button: 'right' });
		const line = workbench.page.locator('.monaco-menu').getByText(item, { exact: true });
		await line.hover();
		await workbench.page.waitForTimeout(MENU_REST_MS);
		await line.click();
		await line.waitFor({ state: 'hidden' });
	}

	async function choose(label: string, option: string): Promise<void> {
		const dropdown = page().locator(`vscode-dropdown[aria-label="${label}"]`);
		await dropdown.click();
		await dropdown.locator('vscode-option', { hasText: option }).first().click();
	}

	flow('“Compare with…” holds the open trace against a chosen one', stage, async () => {
		await workbench.open(name('base'));
		await workbench.command('Neuralese: Compare with…');
		await workbench.asks(`The trace that ${name('base')} is compared with`);
		await workbench.pick(name('tuned'));
		await page().locator('#app[data-kind="ready"] .compare-row.is-same').first().waitFor();
		const sides = await page().locator('.compare-side h1').allInnerTexts();
		assert.deepEqual(sides.map((side) => side.replace(/\s+/g, ' ')), [`A ${name('base')}`, `B ${name('tuned')}`]);
		assert.match(await page().locator('.compare-summary').innerText(), /^Same answer, \d of 7 steps differ$/);
		const rows = await rowsOf(page());
		assert.equal(rows.length, 7);
		for (const { kind, a, b } of rows) {
			assert.equal(kind, a === b ? 'is-same' : 'is-changed');
		}
		assert.ok(rows[0]!.a.startsWith('latent 0'));
		assert.match(await page().locator('.compare-titles').innerText(), /KL of the lens, at least, layers 0–2/);
		await picture('compare-latent-dark');
	});

	flow('arms, planes and steps are chosen; a step’s tokens are told in figures', stage, async () => {
		await choose('Arm of A', 'cot');
		await choose('Arm of B', 'cot');
		await page().locator('.compare-row.is-only-a').first().waitFor();
		assert.match(await page().locator('.compare-summary').innerText(), /^The answers differ/);
		await choose('What the heatmap shows', 'Δ lens.entropy');
		await page().locator('.legend-title', { hasText: 'Δ lens.entropy' }).waitFor();
		const [low, high] = await page().locator('.legend-scores .figure').allInnerTexts();
		assert.equal(high!.replace('+', '−'), low);
		await page().locator('.compare-rows').focus();
		await workbench.page.keyboard.press('Home');
		await workbench.page.keyboard.press('n');
		await page().locator('.compare-details h2', { hasText: 'they differ' }).waitFor();
		const [cells] = await page().locator('.compare-table tbody tr').evaluateAll((all) => all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? '')));
		assert.notEqual(cells![0], cells![1]);
		assert.match(cells![5]!, /^≥ \d/);
		await picture('compare-written-dark');
	});

	flow('two files selected in the explorer are compared, a trace with itself differs in nothing', stage, async () => {
		await menu('base', 'Select Trace for Compare');
		await menu('base', 'Compare with Selected Trace');
		await page().locator('.compare-summary', { hasText: 'Same answer, all 7 steps say the same' }).waitFor();
		await page().locator('.legend-title', { hasText: '0 everywhere' }).waitFor();
		await entry('base').click();
		await entry('tuned').click({ modifiers: ['ControlOrMeta'] });
		await menu('tuned', 'Compare Selected Traces');
		await page().locator('.compare-summary', { hasText: 'steps differ' }).waitFor();
	});

	flow('a file that cannot be read is named, with a way to read it again', stage, async () => {
		await menu('cut', 'Compare with Selected Trace');
		await page().locator('#app[data-kind="failed"]').waitFor();
		assert.match(await page().locator('.compare-status').innerText(), /cut\.trace\.safetensors: .*again/s);
		copyFileSync(join(host.workspace, name('tuned')), join(host.workspace, name('cut')));
		await page().locator('vscode-button', { hasText: 'Read Again' }).click();
		await page().locator('#app[data-kind="ready"] .compare-row').first().waitFor();
	});

	flow('“Check Provenance” runs a trace again and says that it is the same', stage, async () => {
		await workbench.open(name('base'));
		await workbench.command('Neuralese: Check Provenance');
		await workbench.notification(/the run is the same at all \d+ positions/).waitFor();
		assert.deepEqual(workbench.refused, []);
	});
});
