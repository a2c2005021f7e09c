/** Workspace Trust: viewing always works, running a model only where the workspace is trusted. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { EXAMPLE, SAMPLE } from './examples';
import { flow } from './flow';
import { Host } from './host';
import { Panel } from './panel';
import { engine } from './processes';
import { Workbench } from './workbench';

describe('in an untrusted workspace', () => {
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	const stage = () => ({ host, workbench });

	before(async () => {
		host = await Host.start({
			extension: 'folder',
			settings: { 'security.workspace.trust.enabled': true, 'security.workspace.trust.startupPrompt': 'never' },
		});
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	flow('analyze explains why nothing runs, and starts nothing', stage, async () => {
		await workbench.open(EXAMPLE);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.is('untrusted');
		assert.match(await panel.status(), /not trusted/);
		assert.ok(await panel.button('Manage Workspace Trust').isVisible());
		assert.equal(engine(host.pid), undefined);
	});

	flow('evaluating, reproducing and training are refused, with the way to trust the workspace', stage, async () => {
		for (const command of ['Evaluate Data Set…', 'Reproduce Published Figures…', 'Train Probe…']) {
			await workbench.command('Notifications: Clear All Notifications');
			await workbench.command(`Neuralese: ${command}`);
			const notice = workbench.notification(/Models run in trusted workspaces only/);
			await notice.getByRole('button', { name: 'Manage Trust' }).waitFor();
		}
		assert.equal(engine(host.pid), undefined);
		await workbench.command('Notifications: Clear All Notifications');
	});

	flow('a saved trace is shown', stage, async () => {
		await workbench.command('View: Close All Editors');
		await workbench.open(SAMPLE);
		await panel.isReady();
		assert.ok((await panel.read()).answers.length > 0);
		assert.equal(engine(host.pid), undefined);
	});

	flow('once the workspace is trusted, analyze runs', stage, async () => {
		await workbench.command('View: Close All Editors');
		await workbench.command('Workspaces: Manage Workspace Trust');
		await workbench.page.locator('.workspace-trust-editor').getByRole('button', { name: 'Trust', exact: true }).click();
		await workbench.page.getByText('You trust this folder').waitFor();
		await workbench.page.locator('.monaco-modal-editor-block .codicon-close').last().click();
		await workbench.open(EXAMPLE);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		assert.ok(engine(host.pid));
	});
});
