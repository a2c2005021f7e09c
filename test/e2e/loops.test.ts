/** A model that loops over depth in the editor: loops × tokens, what a cell reads as, and the same from the saved trace. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flow } from './flow';
import { Host } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const PROMPT = 'eve.prompt.md';

describe('loops × tokens in the editor', () => {
	let folder: string;
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	const stage = () => ({ host, workbench });

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), 'neuralese-loops-'));
		const workspace = join(folder, 'workspace');
		mkdirSync(workspace);
		writeFileSync(join(workspace, PROMPT), `---\nmodel: ${process.env['M'] ?? 'hops'}\nmax-tokens: 3\n---\n\nTom is a hilpus. Is Tom a hilpus?\n`);
		host = await Host.start({ extension: 'folder', workspace, settings: { 'neuralese.evidence': 'on request', 'workbench.colorTheme': process.env['THEME'] ?? 'Default Dark Modern' } });
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	flow('shows what every position would say after every loop', stage, async () => {
		await workbench.open(PROMPT);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.is('ready');
		await workbench.page.waitForTimeout(1500);
		await workbench.page.screenshot({ path: '/tmp/loops-1.png' });
		assert.ok(true);
	});
});
