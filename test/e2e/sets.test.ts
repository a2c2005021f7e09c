/** Sets, not anecdotes: evaluate a file, save its report, train a probe, reproduce figures; all through the palette and its dialogs. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FrameLocator } from 'playwright-core';
import { EXAMPLE } from './examples';
import { flow } from './flow';
import { Host, PROJECT } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const N = 5;
const DATA = 'five.json';
const PROBE = 'options.probe.safetensors';

describe('sets in the editor', () => {
	let host: Host;
	let workbench: Workbench;
	/** The only webview on the screen. */
	let report: FrameLocator;
	const stage = () => ({ host, workbench });

	before(async () => {
		host = await Host.start({ extension: 'folder' });
		const published = JSON.parse(readFileSync(join(PROJECT, 'test/fixtures/prosqa-published.json'), 'utf8')) as unknown[];
		writeFileSync(join(host.workspace, DATA), JSON.stringify(published.slice(0, N)));
		workbench = await Workbench.open(host);
		report = workbench.webview();
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	flow('a data set is evaluated with its tests and its control, and the report shows the table', stage, async () => {
		await workbench.command('Neuralese: Evaluate Data Set…');
		await workbench.openFile(join(host.workspace, DATA));
		await workbench.asks('What to run of prosqa, and to count');
		await workbench.pick('Causal tests');
		await workbench.accept();
		await report.getByRole('heading', { name: `prosqa on ${DATA}` }).waitFor();
		const table = report.locator('table', { hasText: `Right answers of ${N}` }).first();
		const rows = await table.locator('tbody tr').allInnerTexts();
		assert.equal(rows.length, 6, 'three arms, each beside its control');
		assert.ok(rows.some((row) => /prosqa-pause/.test(row)), rows.join('\n'));
		const tests = report.locator('table', { hasText: 'prosqa beside prosqa-pause' }).first();
		for (const name of ['ablate-zero', 'resample', 'transplant']) {
			assert.match(await tests.locator('tr', { hasText: name }).first().innerText(), /\d+\.\d.*to/s);
		}
		const figures = report.locator('figure svg');
		assert.ok((await figures.count()) >= 4, `${await figures.count()} plots`);
		assert.match((await figures.first().getAttribute('aria-label')) ?? (await figures.first().innerHTML()), /Right answers of 5/);
	});

	flow('the report is saved as a page and as Markdown', stage, async () => {
		for (const name of ['set.html', 'set.md']) {
			await report.locator('h1').click();
			await workbench.command('Neuralese: Save Report As…');
			await workbench.saveAs(join(host.workspace, name));
			await until(() => existsSync(join(host.workspace, name)), `${name} is not on the disk`);
		}
		const page = readFileSync(join(host.workspace, 'set.html'), 'utf8');
		assert.match(page, /^<!DOCTYPE html>[\s\S]*prosqa on five\.json/);
		assert.doesNotMatch(page, /<script|https?:|file:/);
		assert.ok(!page.includes(host.root), 'a path of this machine is in it');
		assert.match(readFileSync(join(host.workspace, 'set.md'), 'utf8'), /\| ablate-zero \|/);
	});

	flow('the report comes back after the window was reloaded, and can be saved again', stage, async () => {
		// The editor's own command: it saves what is open before the page goes, which a reload of the browser does not wait for.
		await workbench.command('Developer: Reload Window');
		await report.getByRole('heading', { name: `prosqa on ${DATA}` }).waitFor();
		await report.locator('h1').click();
		await workbench.command('Neuralese: Save Report As…');
		await workbench.saveAs(join(host.workspace, 'again.json'));
		await until(() => existsSync(join(host.workspace, 'again.json')), 'again.json is not on the disk');
		const result = JSON.parse(readFileSync(join(host.workspace, 'again.json'), 'utf8'));
		assert.deepEqual([result.format, result.n, result.twin.model.id], ['neuralese-evaluation', N, 'prosqa-pause']);
		await workbench.command('View: Close All Editors');
	});

	flow('published figures are printed beside what the model gives', stage, async () => {
		await workbench.command('Neuralese: Reproduce Published Figures…');
		await workbench.asks('Which published figures to hold the model against');
		for (const name of ['prosqa', 'attention', 'negatives']) {
			await workbench.pick(name);
		}
		await workbench.accept();
		await workbench.asks('What to measure on');
		await workbench.pick('The model’s own problems');
		await report.getByRole('heading', { name: 'Published figures beside prosqa' }).waitFor();
		const rows = await report.locator('tbody tr').allInnerTexts();
		assert.ok(rows.some((row) => /GSM8K, CODI/.test(row) && /not measured: No CODI model is bundled/.test(row)), rows.join('\n'));
		assert.ok(rows.some((row) => /Lens at the last site/.test(row) && /within/.test(row)), rows.join('\n'));
		await workbench.command('View: Close All Editors');
	});

	flow('a probe that was trained through the dialogs is offered by the next analysis', stage, async () => {
		await workbench.open(EXAMPLE);
		await workbench.command('Neuralese: Train Probe…');
		await workbench.asks('What the probe should tell apart');
		await workbench.pick('first-option');
		await workbench.asks('Where the probe reads ProsQA reasoner');
		await workbench.pick('Thoughts of latent');
		await workbench.asks('Layers to fit; 0 is before the first block');
		await workbench.accept();
		await workbench.asks('Name of the probe');
		await workbench.quickInput.fill('options');
		await workbench.accept();
		await workbench.saveAs(join(host.workspace, PROBE));
		await until(() => existsSync(join(host.workspace, PROBE)), 'the probe is not on the disk');
		const notice = workbench.notification(/options: AUROC 0?\.\d+ .*held out/);
		await notice.getByRole('button', { name: 'Use in Analyses' }).click();
		const settings = join(host.workspace, '.vscode/settings.json');
		await until(() => existsSync(settings) && readFileSync(settings, 'utf8').includes(PROBE), 'no setting was written');
		assert.deepEqual(JSON.parse(readFileSync(settings, 'utf8')), { 'neuralese.probes': [PROBE] });
		await workbench.command('Neuralese: Analyze Prompt');
		const panel = new Panel(report);
		await panel.isReady();
		await panel.showHeatmap('options');
		await panel.app.getByText(/AUROC \.\d/).first().waitFor();
	});

	flow('what is no data set is told in one sentence, with a way on', stage, async () => {
		await workbench.command('Neuralese: Evaluate Data Set…');
		await workbench.openFile(join(host.workspace, '.vscode/settings.json'));
		const notice = workbench.notification(/settings\.json is no data set .*: give a list of objects/);
		await notice.getByRole('button', { name: 'Evaluate Data Set…' }).waitFor();
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
