/** All thoughts of a model with many at once: their trajectory, curves and what they can carry, one selection with the steps. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openFile } from '../../src/trace/bytes.node';
import { openTrace } from '../../src/trace/reader';
import { EXAMPLE, SAMPLE } from './examples';
import { flow } from './flow';
import { Host, PROJECT } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const PROMPT = 'walk.prompt.md';
const THOUGHTS = 128;
/** As few as are drawn: every one of them is tested, on the twin too. */
const TESTED = 8;

/** Until the extension is there: seconds, and more on a busy machine. */
const START_LIMIT_MS = 90_000;

const run = promisify(execFile);

describe('many thoughts in the editor', () => {
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	/** Thoughts as the command line computes them, [128, width]. */
	let vectors: number[][];
	const stage = () => ({ host, workbench });
	const section = () => panel.app.locator('.course');
	const frame = () => section().locator('.course-frame');
	const now = async () => Number(await frame().getAttribute('aria-valuenow'));
	const selected = (row: number) => panel.app.locator(`.row[data-row="${row}"][aria-selected="true"]`);
	/** What a curve says of the selected thought: its value, and what that is held against. */
	const said = (name: string) => section().locator('.curve', { hasText: name }).locator('.curve-value, .curve-control').allInnerTexts();

	/** Colours on a canvas. */
	const colours = (selector: string) =>
		section().locator(selector).first().evaluate((canvas: HTMLCanvasElement) => {
			const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
			return new Set(new Uint32Array(data.buffer)).size;
		});

	before(async () => {
		host = await Host.start({ extension: 'folder', settings: { 'neuralese.evidence': 'on request' } });
		const [{ question }] = JSON.parse(readFileSync(join(PROJECT, 'models/manylatents/reference.json'), 'utf8'));
		const prompt = join(host.workspace, PROMPT);
		writeFileSync(prompt, `---\nmodel: manylatents\n---\n${question}\n`);
		const analyze = (name: string, ...args: string[]) => run('node', ['dist/cli.js', 'analyze', prompt, '--arms', 'latent', '--out', join(host.workspace, name), ...args]);
		await analyze('whole.trace.safetensors', '--no-evidence');
		await analyze('tested.trace.safetensors', '--latents', String(TESTED));
		const trace = await openTrace(await openFile(join(host.workspace, 'whole.trace.safetensors')));
		const values = (await trace.read('latent', 'latent.vec', { start: 0, end: THOUGHTS })) as Float32Array;
		const width = values.length / THOUGHTS;
		vectors = Array.from({ length: THOUGHTS }, (_, i) => [...values.subarray(i * width, (i + 1) * width)]);
		trace.dispose();
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
		// What is opened before the extensions are there is shown as text.
		await workbench.open(EXAMPLE);
		await workbench.page.locator('.codelens-decoration').first().waitFor({ timeout: START_LIMIT_MS });
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	flow('a run of few thoughts has none: its rows say more', stage, async () => {
		await workbench.open(SAMPLE);
		await panel.isReady();
		assert.ok(!(await section().isVisible()));
	});

	flow('changing each thought is a curve with intervals beside the twin’s, for every change that was measured', stage, async () => {
		await workbench.open('tested.trace.safetensors');
		await section().waitFor();
		await section().locator('.course-toggle[aria-expanded="false"]').click();
		await panel.row(1).locator('.number').click();
		const effect = section().locator('.curve', { hasText: 'Δ log-odds' });
		await effect.waitFor();
		assert.match(await section().locator('.course-summary').innerText(), new RegExp(`tested at ${TESTED} of ${TESTED} thoughts`));
		const trace = await openTrace(await openFile(join(host.workspace, 'tested.trace.safetensors')));
		const { tests } = trace.document.evidence!;
		trace.dispose();
		const record = (test: string) => tests.find((one) => one.test === test && one.step === 1 && one.later === 'recomputed')!;
		const print = (value: number) => value.toFixed(2).replace('-', '−').replace(/^(?=[1-9]|0\.(?!00))/, '+');
		const resample = record('resample');
		assert.deepEqual(await said('Δ log-odds'), [print(resample.draws!.value), `twin ${print(resample.control!.draws!.value)}`]);
		const chooser = section().locator('.course-change vscode-dropdown');
		await chooser.click();
		await chooser.locator('vscode-option', { hasText: 'zero' }).click();
		const zero = print(record('ablate-zero').deltaLogOdds!);
		await effect.locator('.curve-value', { hasText: zero }).waitFor();
	});

	flow('an analysis draws all thoughts in one picture, with a curve for each measure', stage, async () => {
		await workbench.command('View: Close All Editors');
		await workbench.open(PROMPT);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		await section().locator('.curve').first().waitFor();
		assert.match(await section().locator('.course-toggle').innerText(), /All 128 thoughts/);
		assert.deepEqual(await section().locator('.curve-name').allInnerTexts(), ['norm', 'drift', 'from the first', 'to room code', 'to heading code', 'lens entropy']);
		assert.ok((await colours('.course-canvas')) > THOUGHTS, 'the points are not coloured by step');
		assert.ok((await colours('.curve canvas')) > 2, 'the curve is not drawn');
		const figures = await section().locator('.course-capacity').innerText();
		assert.match(figures, /\d+\.\d of 18\s+random vectors 15\.\d/);
	});

	flow('a selected step is selected in every figure, with its numbers and their controls', stage, async () => {
		await panel.row(5).locator('.number').click();
		await section().locator('.course-frame[aria-valuenow="6"]').waitFor();
		const distance = (one: number, other: number) => Math.hypot(...vectors[one]!.map((value, i) => value - vectors[other]![i]!));
		assert.equal((await said('norm'))[0], Math.hypot(...vectors[5]!).toFixed(2));
		assert.equal((await said('drift'))[0], distance(5, 4).toFixed(2));
		assert.equal((await said('from the first'))[0], distance(5, 0).toFixed(2));
		let [sum, n] = [0, 0];
		vectors.forEach((_, i) => vectors.slice(0, i).forEach((_, j) => ((sum += distance(i, j)), n++)));
		assert.equal((await said('drift'))[1], `shuffled ${(sum / n).toFixed(2)}`);
		assert.match((await frame().getAttribute('aria-valuetext'))!, /^Thought 6\nroom code: [a-j]\nheading code: [NESW]+\ntop word: /);
		assert.match(await section().locator('table[role="grid"] tr[aria-selected="true"]').innerText(), /Thought 6/);
	});

	flow('keys and clicks in the figures select the step', stage, async () => {
		await frame().focus();
		await workbench.page.keyboard.press('ArrowRight');
		await selected(6).waitFor();
		assert.equal(await now(), 7);
		await workbench.page.keyboard.press('End');
		await selected(THOUGHTS - 1).waitFor();
		await section().locator('.course-axis').focus();
		await workbench.page.keyboard.press('PageUp');
		await selected(THOUGHTS - 11).waitFor();
		const plot = (await section().locator('.curve canvas').first().boundingBox())!;
		await workbench.page.mouse.click(plot.x + 5, plot.y + plot.height / 2);
		await selected(0).waitFor();
		await workbench.page.mouse.move(plot.x + 5, plot.y + plot.height / 2 + 1);
		await panel.tooltip.filter({ hasText: 'Thought 1' }).waitFor();
	});

	flow('it is put away, and comes back', stage, async () => {
		const toggle = section().locator('.course-toggle');
		await toggle.click();
		assert.equal(await toggle.getAttribute('aria-expanded'), 'false');
		assert.ok(!(await frame().isVisible()));
		await toggle.click();
		await frame().waitFor();
		assert.equal(await now(), 1);
	});
});
