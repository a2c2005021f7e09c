/** A run that is cancelled, an engine that hangs or dies, models and traces that are broken: the next action always works. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLE, SAMPLE } from './examples';
import { flow } from './flow';
import { Host, PROJECT } from './host';
import { Panel } from './panel';
import { engine } from './processes';
import { Workbench } from './workbench';

describe('when something goes wrong', () => {
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	const stage = () => ({ host, workbench });

	before(async () => {
		host = await Host.start({ extension: 'folder' });
		const prompt = readFileSync(join(host.workspace, EXAMPLE), 'utf8').replace(/^---\n[^]*?\n---\n/, '');
		writeFileSync(join(host.workspace, 'broken-model.prompt.md'), `---\nmodel: ./broken\n---\n${prompt}`);
		mkdirSync(join(host.workspace, 'broken'));
		cpSync(join(PROJECT, 'models/prosqa/model.json'), join(host.workspace, 'broken/model.json'));
		const trace = readFileSync(join(host.workspace, SAMPLE));
		writeFileSync(join(host.workspace, 'half.trace.safetensors'), trace.subarray(0, trace.length / 2));
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	/** Starts a run that stays where it is: the engine's process is stopped, as a hung model would leave it. */
	async function startHung(): Promise<number> {
		await workbench.tab(EXAMPLE).click();
		const { pid } = engine(host.pid)!;
		process.kill(pid, 'SIGSTOP');
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.is('running');
		return pid;
	}

	flow('a run shows its progress, and is cancelled even where the engine hangs', stage, async () => {
		await workbench.open(EXAMPLE);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		const hung = await startHung();
		assert.ok(await panel.progress.isVisible(), 'no progress is shown');
		await panel.button('Cancel').click();
		await panel.is('cancelled');
		assert.match(await panel.status(), /Cancelled/);
		await workbench.tab(EXAMPLE).click();
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		assert.notEqual(engine(host.pid)?.pid, hung);
	});

	flow('an engine killed in the middle of a run is replaced by the next run', stage, async () => {
		const killed = await startHung();
		process.kill(killed, 'SIGKILL');
		await panel.is('failed');
		assert.match(await panel.status(), /engine ended unexpectedly/);
		await panel.button('Analyze Again').click();
		await panel.isReady();
		assert.notEqual(engine(host.pid)?.pid, killed);
	});

	flow('a broken model folder is explained in one sentence', stage, async () => {
		await workbench.open('broken-model.prompt.md');
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.is('failed');
		const status = await panel.status();
		assert.match(status, /body\.onnx|tokenizer\.json|head\.onnx/);
		assert.ok(await panel.button('Choose Model…').isVisible());
	});

	flow('a half-written trace is explained in one sentence', stage, async () => {
		await workbench.command('View: Close All Editors');
		await workbench.open('half.trace.safetensors');
		await panel.is('failed');
		const status = await panel.status();
		assert.match(status, /half\.trace\.safetensors/);
		assert.match(status, /bytes|incomplete|cut|truncated|end/i);
	});
});
