/** Every family that thinks in vectors, as `models/tools/export.py` makes it, in the editor: what is particular to each is on the screen, and in its saved trace. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flow } from './flow';
import { Host } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

/** Made by `npm test -- e2e`. */
const THINKERS = process.env['NEURALESE_THINKERS'] ?? '';
/** A thought that all of them have. */
const THOUGHT = 2;

/** What the details of that thought say, and what its row shows. */
const FAMILIES: { name: string; title: string; says: RegExp[]; shows?: string }[] = [
	{ name: 'coconut-gpt2', title: 'Coconut', says: [/state after the final norm/] },
	{ name: 'codi-gpt2', title: 'CODI', says: [/state after the final norm/, /What was fed back reads as/i] },
	{ name: 'sim-cot-coconut', title: 'SIM-CoT', says: [/trained readout/i], shows: '.readout' },
	{ name: 'soft', title: 'Soft Thinking', says: [/mixture of the 8 likeliest tokens/] },
	{ name: 'zebra-diffusion', title: 'zebra', says: [/16, the model’s is \d+/, /noise/, /by learnt codes/], shows: '.code' },
	{ name: 'gated', title: 'a learnt gate', says: [/gate/] },
];

describe('families of latent reasoning in the editor', { skip: THINKERS === '' && 'npm test -- e2e makes them' }, () => {
	let folder: string;
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	const stage = () => ({ host, workbench });

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), 'neuralese-thinkers-'));
		const workspace = join(folder, 'workspace');
		mkdirSync(workspace);
		for (const { name } of FAMILIES) {
			const { prompt, arm, tokens, seed } = JSON.parse(readFileSync(join(THINKERS, name, 'run.json'), 'utf8')) as Record<string, string>;
			const header = [`model: ${JSON.stringify(join(THINKERS, name, 'model'))}`, `arms: [${arm}]`, `seed: ${seed}`, `max-tokens: ${tokens}`];
			writeFileSync(join(workspace, `${name}.prompt.md`), `---\n${header.join('\n')}\n---\n\n${prompt}\n`);
		}
		host = await Host.start({ extension: 'folder', workspace, settings: { 'neuralese.evidence': 'on request' } });
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	/** What the third thought reads as, and the text of its details. */
	async function shown(says: readonly RegExp[], shows: string | undefined): Promise<{ words: string; answers: string }> {
		await panel.row(THOUGHT).locator('.number').click();
		for (const text of says) {
			await panel.app.locator('.details').getByText(text).first().waitFor();
		}
		if (shows !== undefined) {
			assert.notEqual((await panel.row(THOUGHT).locator(shows).first().innerText()).trim(), '');
		}
		const { rows, answers } = await panel.read();
		const words = JSON.stringify(rows.map((row) => row.words));
		assert.ok(rows.length > THOUGHT && rows[THOUGHT]!.words.length > 0, words);
		return { words, answers: JSON.stringify(answers) };
	}

	for (const { name, title, says, shows } of FAMILIES) {
		flow(`${title}: thoughts and what is particular to them; saved and opened again they are the same`, stage, async () => {
			const prompt = `${name}.prompt.md`;
			const saved = `${name}.trace.safetensors`;
			await workbench.open(prompt);
			await workbench.command('Neuralese: Analyze Prompt');
			await panel.app.locator('.subtitle', { hasText: prompt }).waitFor();
			await panel.isReady();
			const live = await shown(says, shows);
			await workbench.command('Neuralese: Save Trace As…');
			await workbench.saveAs(join(host.workspace, saved));
			await workbench.command('View: Close All Editors');
			await workbench.open(saved);
			await panel.isReady();
			await panel.app.locator('.subtitle', { hasText: 'saved trace' }).waitFor();
			assert.deepEqual(await shown(says, shows), live);
			await workbench.command('View: Close All Editors');
		});
	}
});
