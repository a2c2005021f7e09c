/** A real pretrained model in the editor: added by its folder, a prompt's chain in natural language, its soft thoughts, and what each of 31 layers reads as. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flow } from './flow';
import { Host } from './host';
import { Panel, type Shown } from './panel';
import { engine } from './processes';
import { Workbench } from './workbench';

/** Made by `npm test -- e2e`. */
const SMOLLM2 = process.env['NEURALESE_SMOLLM2'] ?? '';
const NAME = 'SmolLM2-135M-Instruct';
const PROMPT = 'apples.prompt.md';
const QUESTION = 'Tom has 5 apples and eats 2. How many apples are left?';
const SOFT_THOUGHTS = 8;
const SITES = 31;
/** Enough for a sentence or two: longer chains only take longer. */
const TOKENS = 48;

interface Computed {
	arms: {
		direct: { answer: string };
		cot: { answer: string; text: string };
		soft: { answer: string; thoughts: { index: number; layers: { top: { text: string }[] }[] }[] };
	};
}

describe('SmolLM2 in the editor', { skip: SMOLLM2 === '' && 'npm test -- e2e makes it' }, () => {
	let folder: string;
	let home: string | undefined;
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	let shown: Shown;
	const stage = () => ({ host, workbench });

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), 'neuralese-smollm2-'));
		const workspace = join(folder, 'workspace');
		mkdirSync(workspace);
		writeFileSync(join(workspace, PROMPT), `---\narms: [direct, cot, soft]\nmax-tokens: ${TOKENS}\n---\n\n${QUESTION}\n`);
		home = process.env['NEURALESE_HOME'];
		process.env['NEURALESE_HOME'] = join(folder, 'home');
		host = await Host.start({ extension: 'folder', workspace, settings: { 'neuralese.evidence': 'on request' } });
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
		if (home === undefined) {
			delete process.env['NEURALESE_HOME'];
		} else {
			process.env['NEURALESE_HOME'] = home;
		}
		rmSync(folder, { recursive: true, force: true });
	});

	flow('its folder is added through the palette, and its card says what it is', stage, async () => {
		await workbench.open(PROMPT);
		const card = panel.app.locator('.card');
		const heading = card.getByRole('heading', { name: NAME, exact: true });
		const refused = workbench.notification(/There is no exported model/);
		do {
			await workbench.command('Notifications: Clear All Notifications');
			await workbench.command('Neuralese: Add Model…');
			await workbench.asks('What to add as a model');
			await workbench.pick('A Folder…');
			await workbench.openFile(join(SMOLLM2, 'model'));
			// On a busy machine the dialog takes the folder that it showed before for the answer.
		} while (!(await Promise.race([heading.waitFor().then(() => true), refused.waitFor().then(() => false)])));
		// Thousands are set apart by narrow spaces.
		const text = (await card.innerText()).replaceAll(/\s/g, '');
		for (const fact of ['Layers30', 'Width576', '49152tokens', '8192positions', 'direct,cot,coconut,soft', 'apache-2.0']) {
			assert.ok(text.includes(fact), `the card lacks ${fact}:\n${text}`);
		}
		await workbench.notification(/was added/).getByRole('button', { name: 'Use This Model' }).click();
		const settings = join(host.root, 'user-data/Machine/settings.json');
		await until(() => existsSync(settings) && readFileSync(settings, 'utf8').includes(NAME), 'the setting was not written');
		await panel.button('Close').click();
		await card.waitFor({ state: 'hidden' });
	});

	flow('a prompt is analysed: the chain in natural language and the soft thoughts that the command line has too', stage, async () => {
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		shown = await panel.read();
		assert.ok(shown.title.includes(QUESTION), shown.title);
		const command = ['dist/cli.js', 'analyze', join(host.workspace, PROMPT), '--model', join(SMOLLM2, 'model'), '--no-evidence', '--json'];
		const { arms } = JSON.parse(execFileSync('node', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) as Computed;
		const answer = (label: string) => shown.answers.find(({ arm }) => arm === label)?.answer;
		assert.deepEqual(['direct', 'chain of thought', 'soft'].map(answer), [arms.direct.answer, arms.cot.answer, arms.soft.answer]);
		const letters = (text: string) => text.replaceAll(/[\s↵·]+/g, '');
		const chain = shown.rows.map(({ sentence }) => sentence).join(' ');
		assert.equal(letters(chain), letters(arms.cot.text));
		assert.match(chain, /If\W+Tom\W+has/);
		const thoughts = shown.rows.filter(({ words }) => words.length > 0);
		assert.equal(thoughts.length, SOFT_THOUGHTS);
		for (const { index, layers } of arms.soft.thoughts) {
			assert.equal(letters(thoughts[index]!.words[0]![0]), letters(layers.at(-1)!.top[0]!.text), `thought ${index}`);
		}
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

async function until(condition: () => boolean, otherwise: string): Promise<void> {
	for (const start = Date.now(); !condition(); await new Promise((resolve) => setTimeout(resolve, 50))) {
		assert.ok(Date.now() - start < 60_000, otherwise);
	}
}
