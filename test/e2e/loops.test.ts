/** A model that loops over depth in the real editor: loops × tokens of a run and of its saved trace, by pointer and by keyboard. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flow } from './flow';
import { Host } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const [PROMPT, TRACE] = ['ann.prompt.md', 'ann.trace.safetensors'];
/** From Ann to Bob, to Cid, to Dan. */
const SIGHTS = 'Cid>Dan Eve>Fay Ann>Bob Gus>Hal Hal>Ann Bob>Cid Fay>Gus Dan>Eve';
const QUESTION = 'Ann+3?';
const WALK = ['Bob', 'Cid', 'Dan'];
const LOOPS = 12;
/** The question is the last token of the prompt; the answer comes after it. */
const ROWS = 10;
const ASKED = 8;

describe('loops × tokens in the editor', () => {
	let folder: string;
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	const stage = () => ({ host, workbench });
	const view = () => panel.app.locator('.loops');
	const reading = () => view().locator('.loops-reading').innerText();

	before(async () => {
		folder = mkdtempSync(join(tmpdir(), 'neuralese-loops-'));
		const workspace = join(folder, 'workspace');
		mkdirSync(workspace);
		writeFileSync(join(workspace, PROMPT), `---\nmodel: hops\nloops: ${LOOPS}\n---\n\n${SIGHTS} ${QUESTION}\n`);
		execFileSync('node', ['dist/cli.js', 'analyze', join(workspace, PROMPT), '--no-evidence', '--out', join(workspace, TRACE)], { stdio: 'ignore' });
		host = await Host.start({ extension: 'folder', workspace, settings: { 'neuralese.evidence': 'on request', 'workbench.colorTheme': process.env['LOOPS_THEME'] ?? 'Dark Modern' } });
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
		rmSync(folder, { recursive: true, force: true });
	});

	async function picture(name: string): Promise<void> {
		if (process.env['LOOPS_PICTURES']) {
			await workbench.page.screenshot({ path: join(process.env['LOOPS_PICTURES'], `${name}.png`), animations: 'disabled' });
		}
	}

	/** What a row is called, when it halted, and what it says after each loop, as a screen reader is told. */
	async function row(index: number): Promise<{ token: string; halt: string; said: string[] }> {
		const found = view().locator(`.loops-row[aria-rowindex="${index + 1}"]`);
		await found.locator('.visually-hidden', { hasText: 'loop 1:' }).waitFor({ state: 'attached' });
		return {
			token: await found.locator('.token').innerText(),
			halt: await found.locator('.loops-halt').innerText(),
			said: (await found.locator('.visually-hidden').innerText()).split('; ').map((cell) => /^loop \d+: (\S+),/.exec(cell)?.[1] ?? ''),
		};
	}

	async function click(index: number, loop: number): Promise<void> {
		const cells = view().locator('canvas').nth(2);
		const width = Number(await cells.evaluate((canvas) => canvas.getBoundingClientRect().width));
		await cells.click({ position: { x: ((loop - 0.5) * width) / LOOPS, y: index * 20 + 10 } });
	}

	/** What stands on the cells' canvas in the middle of one: grey in stripes where nothing was measured. */
	async function isHatched(index: number, loop: number): Promise<boolean> {
		return view().locator('canvas').nth(2).evaluate(
			(canvas: HTMLCanvasElement, [at, column, count]) => {
				const ratio = canvas.width / canvas.getBoundingClientRect().width;
				const [width, height] = [canvas.width / count!, 20 * ratio];
				const { data } = canvas.getContext('2d')!.getImageData(Math.round((column! - 1) * width + 3), Math.round(at! * height + 3), Math.round(width - 8), Math.round(height - 6));
				const alpha = Array.from({ length: data.length / 4 }, (_, i) => data[4 * i + 3]!);
				return alpha.some((value) => value === 0);
			},
			[index, loop, LOOPS],
		);
	}

	flow('a run shows what every token would say after every loop, and where it halted', stage, async () => {
		await workbench.open(PROMPT);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.is('ready');
		await view().locator('h2', { hasText: 'Loops × tokens' }).waitFor();
		assert.equal(await view().locator('.loops-row').count(), ROWS);
		const { token, halt, said } = await row(ASKED);
		assert.equal(token, QUESTION);
		assert.deepEqual(said.slice(0, WALK.length), WALK);
		const loop = Number(/\d+/.exec(halt)?.[0]);
		assert.ok(loop >= WALK.length && loop < LOOPS, halt);
		assert.deepEqual(said.slice(loop), Array.from({ length: LOOPS - loop }, () => 'halted'));
		assert.deepEqual([await isHatched(ASKED, 1), await isHatched(ASKED, loop), await isHatched(ASKED, loop + 1), await isHatched(ASKED, LOOPS)], [false, false, true, true]);
		assert.match(await view().locator('.loops-summary').innerText(), /^\d+ of 10 positions halted, after [\d.]+ loops on average$/);

		await click(ASKED, 1);
		assert.match(await reading(), new RegExp(`^“${QUESTION.replace(/[+?]/g, '\\$&')}” after loop 1 of ${LOOPS} it would say Bob \\S+ ·.*entropy .* nats, KL to the last .* nats, movement`));
		await picture('run');
		await click(ASKED, LOOPS);
		assert.match(await reading(), new RegExp(`not computed, because it halted after loop ${loop} \\(its state moved too little\\)\\.$`));
		await view().locator('.loops-scroll').press('ArrowLeft');
		await view().locator('.loops-scroll').press('ArrowUp');
		assert.match(await reading(), new RegExp(`^“Dan>Eve” after loop ${LOOPS - 1} of ${LOOPS}`));
	});

	flow('the saved trace shows the same, with other colours on request', stage, async () => {
		const before = await row(ASKED);
		await workbench.command('View: Close All Editors');
		await workbench.open(TRACE);
		panel = new Panel(workbench.webview());
		await panel.is('ready');
		assert.deepEqual(await row(ASKED), before);
		const colour = view().locator('vscode-dropdown').nth(1);
		await colour.click();
		await colour.locator('vscode-option', { hasText: 'movement' }).click();
		await view().locator('.loops-key', { hasText: '1.0' }).waitFor();
		assert.equal(await isHatched(ASKED, LOOPS), true);
		await picture('trace');
	});
});
