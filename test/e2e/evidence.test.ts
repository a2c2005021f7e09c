/** What a person does who doubts: read the meter and the levels, change thoughts, walk the graph, patch, and read the chain under another model. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLE } from './examples';
import { flow } from './flow';
import { Host } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

/** The trained reasoner's own prompt, with its tuned relative: what only a pair of models can show. */
const TUNED = 'tuned.prompt.md';
const FREE = 'free.prompt.md';

describe('evidence in the editor', () => {
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	/** What the command line computes for the same prompt. */
	let expected: any;
	const stage = () => ({ host, workbench });

	before(async () => {
		host = await Host.start({ extension: 'folder' });
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
		const json = execFileSync('node', ['dist/cli.js', 'analyze', join(host.workspace, EXAMPLE), '--json'], {
			encoding: 'utf8',
			maxBuffer: 1 << 28,
			stdio: ['ignore', 'pipe', 'ignore'],
		});
		expected = JSON.parse(json).evidence;
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	flow('an analysis shows three numbers with their controls, and a level on every thought with its reasons', stage, async () => {
		await workbench.open(EXAMPLE);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		const meter = await panel.meter();
		assert.deepEqual(meter.map(({ name }) => name), ['distance', 'effect', 'capacity']);
		for (const { name, value, control } of meter) {
			assert.match(value, /\d/, name);
			assert.match(control, /twin .*\d/, name);
		}
		assert.equal(meter[1]!.value, `${expected.meter[0].effect.kl.toFixed(2)} nats`);
		const { rows } = await panel.read();
		const levels = expected.claims.map(({ level }: { level: number }) => `L${level}`);
		assert.deepEqual(rows.slice(0, levels.length).map(({ level }) => level), levels);
		await panel.level(0).focus();
		await panel.tooltip.waitFor();
		const why = await panel.tooltip.innerText();
		for (const rung of ['L1', 'L2', 'L3', 'L4']) {
			assert.ok(why.includes(rung), `no ${rung} in:\n${why}`);
		}
		assert.ok(why.includes(expected.claims[0].rungs[0].why.slice(-40)), why);
		await workbench.page.keyboard.press('Escape');
	});

	flow('a selected thought is tested, compared with language, and drawn on the graph of the prompt', stage, async () => {
		await panel.row(1).locator('.number').click();
		await panel.section('tests').first().waitFor();
		const tests = await panel.tests();
		const own = expected.tests.filter((row: any) => row.step === 1 && row.test === 'ablate-zero' && row.later === 'recomputed');
		assert.equal(own.length, 1);
		const zero = tests.find(({ label }) => label.includes('zero'));
		assert.ok(zero, JSON.stringify(tests));
		assert.equal(Number(zero.deltaLogOdds.replace('−', '-')), Number(own[0].deltaLogOdds.toFixed(2)));
		assert.equal(zero.answer.includes('*'), own[0].changed);
		assert.match(zero.control, /^[+−-]?\d/);
		const ood = await panel.ood();
		assert.equal(ood.length, 8, JSON.stringify(ood));
		assert.ok(ood.every(([, value]) => /\d/.test(value!)));
		const graph = await panel.graph();
		const reading = expected.readings.find((one: any) => one.thought === 1);
		for (const { label, mass } of reading.candidates.slice(0, 5)) {
			const node = graph.find((one) => one.label.startsWith(label));
			assert.ok(node, `${label} is not drawn`);
			assert.ok(mass < 0.01 || Math.abs(Number(node.mass.replace(/^>/, '')) - mass) < 0.011, `${label}: ${node.mass}, computed ${mass}`);
		}
		const places = await panel.graphPlaces();
		await workbench.page.keyboard.press('ArrowDown');
		await panel.app.getByText('Thought 3 on the prompt').waitFor();
		assert.deepEqual(await panel.graphPlaces(), places, 'the same node stands elsewhere at the next thought');
	});

	flow('the residual stream is patched at every layer and step, on a diverging scale in nats', stage, async () => {
		await panel.showHeatmap('patch', 'zero');
		await panel.app.getByText('nats').first().waitFor();
		assert.match(await panel.legend(), /[−-]\d.*\d/s);
		const wanted = expected.tests.filter((row: any) => row.test === 'patch' && row.form === 'zero');
		const cells = await settled(() => panel.cells(), (found) => found.some(({ score }) => /[−-]\d/.test(score)));
		for (const { step, site, deltaLogOdds } of wanted) {
			const cell = cells.find(({ row, layer }) => row === step && layer === site);
			assert.ok(cell, `no cell for thought ${step}, layer ${site}`);
			assert.ok(Math.abs(Number(cell.score.replace('−', '-')) - deltaLogOdds) < 0.06, `${step}/${site}: ${cell.score}, computed ${deltaLogOdds}`);
		}
		await panel.showHeatmap('within k hops');
	});

	flow('"Is This Step Load-Bearing?" selects the step and shows its tests; a sentence has its own', stage, async () => {
		await panel.row(2).locator('.number').click();
		await workbench.command('Neuralese: Is This Step Load-Bearing?');
		await panel.app.locator('.row[data-row="2"][aria-selected="true"]').waitFor();
		const sentence = await panel.tests('sentence');
		assert.ok(sentence.length > 0, 'the sentence was not tested');
		await panel.focused('.detail.tests').waitFor();
		const lines = (await panel.tests()).length;
		await panel.app.getByText('Hide details').click();
		await panel.row(2).press('Escape');
		await panel.app.locator('.row[aria-selected="true"]').waitFor({ state: 'detached' });
		await workbench.command('Neuralese: Is This Run Load-Bearing?');
		await panel.app.locator('.row[data-row="0"][aria-selected="true"]').waitFor();
		await panel.focused('.detail.tests').waitFor();
		assert.ok((await panel.tests()).length > lines, 'tests of every thought at once are folded');
	});

	flow('a model beside the one that it was tuned from: surprisal and KL of what it wrote', stage, async () => {
		const text = execFileSync('node', ['-e', `process.stdout.write(require('fs').readFileSync(${JSON.stringify(join(host.workspace, EXAMPLE))}, 'utf8').replace(/^---\\n/, '---\\nmodel: prosqa-rl\\n'))`], { encoding: 'utf8' });
		writeFileSync(join(host.workspace, TUNED), text);
		await workbench.open(TUNED);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.app.getByText(/prosqa-rl, 2 layers/).waitFor();
		await panel.isReady();
		const figures = await panel.app.locator('.legibility').innerText();
		assert.match(figures, /surprisal under prosqa/);
		assert.match(figures, /KL to prosqa/);
		assert.match(figures, /bits a token/);
	});

	flow('a prompt without a known task: candidates from its header, and what was not measured says why', stage, async () => {
		writeFileSync(join(host.workspace, FREE), '---\ncandidates: yumpus, zumpus\narms: latent\nlatents: 2\n---\nEvery yumpus is a zumpus. Davis is a yumpus.\n');
		await workbench.open(FREE);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.app.getByText(FREE).first().waitFor();
		await panel.isReady();
		await panel.row(0).locator('.number').click();
		const graph = await settled(() => panel.graph(), (found) => found.length === 2);
		assert.deepEqual(graph.map(({ label }) => label).sort(), ['yumpus', 'zumpus']);
	});

	flow('nothing was asked of the network', stage, async () => {
		assert.deepEqual(workbench.refused, []);
	});
});

async function settled<T>(read: () => Promise<T>, done: (found: T) => boolean): Promise<T> {
	for (const start = Date.now(); ; await new Promise((resolve) => setTimeout(resolve, 100))) {
		const found = await read();
		if (done(found) || Date.now() - start > 20_000) {
			return found;
		}
	}
}
