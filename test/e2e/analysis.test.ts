/** What a person does in the first minutes: analyse a prompt, read it, click, hover, save, and open what was saved. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { interpolateCividis, rgb } from 'd3';
import { EXAMPLE } from './examples';
import { flow } from './flow';
import { Host } from './host';
import { Panel, type Shown } from './panel';
import { engine, extensionHost } from './processes';
import { Workbench } from './workbench';

/** The figure for a panel that opens on an example, warm. */
const WARM_LIMIT_MS = 5000;
/** Browsers may differ by a shade; a wrong score differs by more. */
const COLOUR_TOLERANCE = 6;
/** A cell is 22 pixels high, of which printed figures and outlines may take some. */
const CELL_PIXELS = 5;
/** Measured 215 MB and 120 MB; a leak or a second copy of the runtime shows as a multiple. */
const HOST_LIMIT_MB = 400;
const ENGINE_LIMIT_MB = 600;

describe('analysis in the editor', () => {
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	let shown: Shown;
	const stage = () => ({ host, workbench });

	before(async () => {
		host = await Host.start({ extension: 'folder' });
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	flow('analyze from the palette shows the arms, the chain of thought, the latents and the heatmap', stage, async () => {
		await workbench.open(EXAMPLE);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		shown = await panel.read();
		const prompt = readFileSync(join(host.workspace, EXAMPLE), 'utf8');
		assert.ok(prompt.includes(shown.title), `"${shown.title}" is not a line of the prompt`);
		assert.equal(shown.answers.length, 3);
		assert.ok(shown.rows.length >= 6, `${shown.rows.length} rows`);
		assert.ok(shown.rows.slice(0, 6).every((row) => row.words.length > 0), 'a trained thought has no decoded words');
	});

	flow('the panel shows what the command line computes', stage, async () => {
		const command = ['dist/cli.js', 'analyze', join(host.workspace, EXAMPLE), '--json'];
		const json = execFileSync('node', command, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
		const { arms } = JSON.parse(json);
		const answer = (label: string) => shown.answers.find(({ arm }) => arm === label)?.answer;
		assert.equal(answer('latent'), arms.latent.answer);
		assert.equal(answer('chain of thought'), arms.cot.answer);
		assert.equal(answer('direct'), arms.direct.answer);
		const written = shown.rows.map((row) => row.sentence).filter(Boolean).join(' ');
		assert.equal(written.replaceAll(/\s+/g, ' '), arms.cot.text.trim().replaceAll(/\s+/g, ' '));
		for (const thought of arms.latent.thoughts) {
			const [text, probability] = shown.rows[thought.index]!.words[0]!;
			const { text: expected, prob } = thought.layers.at(-1).top[0];
			assert.ok(expected.includes(text), `thought ${thought.index} reads "${text}", the command line says "${expected}"`);
			assert.equal(probability, prob >= 0.995 ? '>.99' : prob.toFixed(2), `probability of "${text}"`);
		}
	});

	flow('every cell of the heatmap has the colour of its score', stage, async () => {
		const cells = await panel.cells();
		const measured = cells.filter((cell) => /^\d/.test(cell.score));
		assert.ok(measured.length >= 6, `${measured.length} measured cells`);
		assert.ok(new Set(measured.map((cell) => cell.score)).size > 3, 'all scores are the same');
		for (const { row, layer, score, pixels } of measured) {
			const { r, g, b } = rgb(interpolateCividis(Number(score)));
			const near = pixels.filter((pixel) => [r, g, b].every((channel, i) => Math.abs(channel - pixel[i]!) <= COLOUR_TOLERANCE));
			assert.ok(near.length >= CELL_PIXELS, `row ${row}, layer ${layer}: ${near.length} pixels have the colour of ${score}`);
		}
	});

	flow('a selected step is marked in the prompt', stage, async () => {
		const index = shown.rows.findIndex((row) => /path|dead end/.test(row.verdict));
		assert.ok(index >= 0, 'no step of the chain of thought states a fact of the prompt');
		assert.equal(await workbench.marked(), '');
		await panel.row(index).locator('.number').click();
		await workbench.page.locator('.editor-instance .view-overlays [class*="ced-"]').first().waitFor();
		const marked = await workbench.marked();
		const step = shown.rows[index]!.sentence;
		const entity = /(\w+)\.?$/.exec(step)![1]!;
		assert.ok(marked.includes(entity), `the step "${step}" marked "${marked}"`);
		assert.equal(await panel.row(index).getAttribute('aria-selected'), 'true');
		await workbench.page.keyboard.press('ArrowDown');
		await panel.app.locator(`.row[data-row="${index + 1}"][aria-selected="true"]`).waitFor();
	});

	flow('a hover explains a token from the finished trace', stage, async () => {
		const text = await workbench.hover(/\b(\w+) or \w+\?/.exec(readFileSync(join(host.workspace, EXAMPLE), 'utf8'))![1]!);
		assert.match(text, /id \d+/);
		assert.match(text, /surprisal [\d.]+ bits/);
		for (const layer of ['layer 0', 'layer 1']) {
			assert.ok(text.includes(layer), `no ${layer} in:\n${text}`);
		}
	});

	flow('a saved trace opens with the same views, without the panel and without a model', stage, async () => {
		const name = `${basename(EXAMPLE).replace(/\.prompt\.md$/, '')}-saved.trace.safetensors`;
		await workbench.tab(EXAMPLE).click();
		await workbench.command('Neuralese: Save Trace As…');
		await workbench.saveAs(join(host.workspace, name));
		await until(() => existsSync(join(host.workspace, name)), 'the trace is not on the disk');
		await workbench.command('View: Close All Editors');
		const child = engine(host.pid);
		assert.ok(child);
		process.kill(child.pid, 'SIGKILL');
		await workbench.open(name);
		await panel.isReady();
		const reopened = await panel.read();
		assert.deepEqual(reopened, shown);
		assert.equal(engine(host.pid), undefined);
	});

	flow('the panel opens in under five seconds when warm, and memory stays bounded', stage, async () => {
		await workbench.command('View: Close All Editors');
		await workbench.open(EXAMPLE);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		await workbench.command('View: Close All Editors');
		await workbench.open(EXAMPLE);
		const start = performance.now();
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		const warm = performance.now() - start;
		const peaks = { host: extensionHost(host.pid)!.peak, engine: engine(host.pid)!.peak };
		const memory = `extension host ${peaks.host.toFixed(0)} MB, engine ${peaks.engine.toFixed(0)} MB`;
		console.log(`panel, warm: ${warm.toFixed(0)} ms; peak memory: ${memory}`);
		assert.ok(warm < WARM_LIMIT_MS, `${warm.toFixed(0)} ms`);
		assert.ok(peaks.host < HOST_LIMIT_MB && peaks.engine < ENGINE_LIMIT_MB, JSON.stringify(peaks));
	});

	flow('nothing was asked of the network', stage, async () => {
		assert.deepEqual(workbench.refused, []);
	});
});

async function until(condition: () => boolean, otherwise: string): Promise<void> {
	for (const start = Date.now(); !condition(); await new Promise((resolve) => setTimeout(resolve, 50))) {
		assert.ok(Date.now() - start < 20_000, otherwise);
	}
}
