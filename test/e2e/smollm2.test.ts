/** A real pretrained model in the editor: a prompt's chain in natural language, its soft thoughts, and what each of 31 layers reads as. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flow } from './flow';
import { Host } from './host';
import { Panel, type Shown } from './panel';
import { engine } from './processes';
import { Workbench } from './workbench';

/** Made by `npm test -- e2e`. */
const SMOLLM2 = process.env['NEURALESE_SMOLLM2'] ?? '';
const PROMPT = 'apples.prompt.md';
const QUESTION = 'Tom has 5 apples and eats 2. How many apples are left?';
const SOFT_THOUGHTS = 8;
const SITES = 31;
/** Longer chains only take longer. */
const TOKENS = 48;

describe('SmolLM2 in the editor', { skip: SMOLLM2 === '' && 'npm test -- e2e makes it' }, () => {
	let folder: string;
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	let shown: Shown;
	const stage = () => ({ host, workbench });

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), 'neuralese-smollm2-'));
		writeFileSync(join(folder, PROMPT), `---\narms: [direct, cot, soft]\nmax-tokens: ${TOKENS}\n---\n\n${QUESTION}\n`);
		// The model's setting belongs to the machine or the workspace: what a browser-hosted VS Code has of the user's it does not read.
		mkdirSync(join(folder, '.vscode'));
		const settings = { 'neuralese.model': join(SMOLLM2, 'model'), 'neuralese.evidence': 'on request' };
		writeFileSync(join(folder, '.vscode/settings.json'), JSON.stringify(settings));
		host = await Host.start({ extension: 'folder', workspace: folder });
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	flow('a prompt is analysed: three arms, a chain in natural language, and eight soft thoughts', stage, async () => {
		await workbench.open(PROMPT);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		shown = await panel.read();
		assert.ok(shown.title.includes(QUESTION), shown.title);
		assert.equal(shown.answers.length, 3);
		const chain = shown.rows.map(({ sentence }) => sentence).join(' ');
		assert.match(chain, /\b[A-Z]?[a-z]+ [a-z]+ [a-z]+\b/, 'the chain has no three words of English in a row');
		assert.match(chain, /apples/i);
		const thoughts = shown.rows.filter(({ words }) => words.length > 0);
		assert.equal(thoughts.length, SOFT_THOUGHTS);
		assert.ok(new Set(thoughts.map(({ words }) => words[0]![0])).size > 2, 'all thoughts read alike');
		console.log(`SmolLM2, engine: ${engine(host.pid)!.peak.toFixed(0)} MB at most`);
	});

	flow('the strip tells what every layer reads as, and a click shows the words of that layer', stage, async () => {
		await panel.row(1).locator('.number').click();
		const strip = panel.row(1).locator('.strip');
		assert.match(await strip.locator('.strip-label').innerText(), new RegExp(`0–${SITES - 1}`));
		const words = strip.locator('.strip-word');
		const count = await words.count();
		assert.ok(count > 1 && count <= SITES, `${count} stretches of layers`);
		const [layer, text] = await words.first().evaluate((word) => [(word as HTMLElement).dataset['layer'], word.textContent]);
		await words.first().click();
		await strip.locator(`.strip-word.here[data-layer="${layer}"]`).waitFor();
		const { rows } = await panel.read();
		assert.equal(rows[1]!.words[0]![0], text);
		assert.notDeepEqual(rows[1]!.words, shown.rows[1]!.words);
	});

	flow('the details list all layers', stage, async () => {
		const lines = panel.section('layers').locator('tbody tr');
		await lines.first().waitFor();
		assert.ok((await lines.count()) >= SITES, `${await lines.count()} lines`);
	});

	flow('nothing was asked of the network', stage, async () => {
		assert.deepEqual(workbench.refused, []);
	});
});
