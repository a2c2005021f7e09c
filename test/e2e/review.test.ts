/** Notes on the steps of a trace, and what leaves the editor: tables, figures, Markdown, Python. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { flow } from './flow';
import { Host } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const TRACE = 'davis.trace.safetensors';
const NOTE = 'Reads as the wrong branch.';

describe('review of a trace', () => {
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	const stage = () => ({ host, workbench });
	const path = (name: string) => join(host.workspace, name);
	const box = () => panel.app.locator('.review textarea');
	const stored = () => JSON.parse(readFileSync(path('davis.review.json'), 'utf8')) as { notes: { text: string; removed?: true }[] };
	const until = async (what: string, probe: () => boolean) => {
		for (const start = Date.now(); !probe(); await workbench.page.waitForTimeout(100)) {
			assert.ok(Date.now() - start < 20_000, what);
		}
	};

	async function shoot(name: string): Promise<void> {
		if (process.env['REVIEW_PICTURES']) {
			await workbench.page.screenshot({ path: join(process.env['REVIEW_PICTURES'], `${name}.png`) });
		}
	}

	async function open(): Promise<void> {
		workbench = await Workbench.open(host);
		panel = new Panel(workbench.webview());
		// Opened from the tree, whose items are there once the extension runs: what is opened before that is shown as text.
		const tree = workbench.page.locator('.pane', { has: workbench.page.locator('.pane-header', { hasText: 'Reasoning Traces' }) });
		await tree.locator('.pane-header').click();
		await tree.locator('.monaco-list-row', { hasText: 'they' }).first().click();
		await workbench.tab(TRACE).waitFor();
		await panel.is('ready');
		await panel.row(0).locator('.word').first().waitFor();
	}

	before(async () => {
		const theme = process.env['REVIEW_THEME'];
		host = await Host.start({ extension: 'folder', ...(theme ? { settings: { 'workbench.colorTheme': theme } } : {}) });
		await open();
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	flow('a note and a bookmark by the keyboard: their marks, and the file beside the trace', stage, async () => {
		await panel.row(2).locator('.number').click();
		await workbench.page.keyboard.press('n');
		await workbench.page.keyboard.type(NOTE);
		await workbench.page.keyboard.press('Control+Enter');
		await panel.app.locator('.row[data-row="2"][data-note="note"]').waitFor();
		await panel.row(4).locator('.number').click();
		await workbench.page.keyboard.press('b');
		await panel.app.locator('.row[data-row="4"][data-note="bookmark"]').waitFor();
		assert.equal(await panel.app.locator('.review-count').innerText(), '2 notes');
		assert.deepEqual(stored().notes.map(({ text }) => text), [NOTE, '']);
		await shoot('notes');
		await workbench.page.keyboard.press('[');
		await panel.app.locator('.row[data-row="2"][aria-selected="true"]').waitFor();
		assert.equal(await box().inputValue(), NOTE);
	});

	flow('what is written is kept when the page goes at once', stage, async () => {
		await panel.row(1).locator('.number').click();
		await workbench.page.keyboard.press('n');
		await workbench.page.keyboard.type('Begun');
		await until('the note that was begun', () => stored().notes.some(({ text }) => text === 'Begun'));
		await workbench.page.keyboard.press('Escape');
		await until('the note that was taken back', () => !stored().notes.some(({ text, removed }) => text === 'Begun' && !removed));
	});

	flow('after a reload they are there', stage, async () => {
		await workbench.close();
		await open();
		await panel.app.locator('.row[data-row="2"][data-note="note"]').waitFor();
		assert.equal(await panel.app.locator('.row[data-note]').count(), 2);
	});

	flow('the list of notes selects their steps, and search finds their words', stage, async () => {
		await panel.app.locator('.review-count').click();
		const listed = workbench.page.locator('.quick-input-list .monaco-list-row');
		await listed.filter({ hasText: 'Step 5' }).waitFor();
		await workbench.quickInput.fill('wrong branch');
		await listed.filter({ hasText: 'Step 3' }).first().click();
		await panel.app.locator('.row[data-row="2"][aria-selected="true"]').waitFor();
		await workbench.command('Neuralese: Search in Trace…');
		await workbench.quickInput.fill('wrong branch');
		await listed.filter({ hasText: `note: ${NOTE}` }).waitFor();
		await workbench.page.keyboard.press('Escape');
	});

	flow("another's notes appear beside one's own, and a file that is broken says so and is left alone", stage, async () => {
		const file = path('davis.review.json');
		const mine = readFileSync(file, 'utf8');
		const review = JSON.parse(mine) as { notes: Record<string, unknown>[] };
		review.notes.push({ ...review.notes.find((note) => note['text'] === NOTE), id: '0123456789', author: 'Kim', text: 'I read it otherwise.' });
		writeFileSync(file, JSON.stringify(review));
		await panel.app.locator('.review-others', { hasText: 'Kim: I read it otherwise.' }).waitFor();
		await shoot('others');
		writeFileSync(file, '<<<<<<< ours\n');
		await panel.app.locator('.review-problem', { hasText: 'davis.review.json is no review of a trace' }).waitFor();
		await shoot('broken');
		assert.equal(readFileSync(file, 'utf8'), '<<<<<<< ours\n');
		writeFileSync(file, mine);
		await panel.app.locator('.row[data-row="2"][data-note="note"]').waitFor();
	});

	flow('the heatmap as SVG and as PNG', stage, async () => {
		for (const ending of ['svg', 'png']) {
			await workbench.command('Neuralese: Export Heatmap…');
			await workbench.saveAs(path(`figure.${ending}`));
			await until(`the ${ending}`, () => existsSync(path(`figure.${ending}`)));
		}
		const svg = readFileSync(path('figure.svg'), 'utf8');
		assert.match(svg, /<text[^>]*>layer<\/text>/);
		assert.match(svg, /davis\.prompt\.md \(SHA-256 [0-9a-f]{12}\)/);
		const png = readFileSync(path('figure.png'));
		assert.equal(png.subarray(1, 4).toString(), 'PNG');
		// IHDR: width and height, two pixels for each of the SVG's.
		assert.equal(png.readUInt32BE(16), 2 * Number(/width="(\d+)"/.exec(svg)![1]));
		const { colours, height } = await panel.app.evaluate(async (_, bytes) => {
			const image = new Image();
			image.src = `data:image/png;base64,${bytes}`;
			await image.decode();
			const canvas = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height });
			const context = canvas.getContext('2d')!;
			context.drawImage(image, 0, 0);
			const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
			const found = new Set<number>();
			for (let i = 0; i < data.length; i += 4) {
				found.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!);
			}
			return { colours: found.size, height: image.height };
		}, png.toString('base64'));
		assert.ok(colours > 100 && height > 200, `${colours} colours`);
	});

	flow('all steps as CSV, by the dialogs', stage, async () => {
		await workbench.command('Neuralese: Export Steps…');
		await workbench.pick('All steps');
		await workbench.saveAs(path('steps.csv'));
		await until('the table', () => existsSync(path('steps.csv')));
		const lines = readFileSync(path('steps.csv'), 'utf8').trim().split('\r\n');
		assert.match(lines[0]!, /^prompt,created,step,sentence,.*,notes$/);
		assert.ok(lines.some((line) => line.endsWith(NOTE)));
	});

	flow('the lines for Python load what is on view', stage, async () => {
		await panel.row(2).locator('.number').click();
		await workbench.command('Neuralese: Copy as Python');
		await workbench.page.locator('.statusbar', { hasText: 'were copied' }).waitFor();
		await workbench.command('File: New Untitled Text File');
		await workbench.page.keyboard.press('Control+V');
		await workbench.page.locator('.view-line', { hasText: 'get_slice' }).first().waitFor();
		const text = (await workbench.page.locator('.editor-instance .view-line').allInnerTexts()).join('\n').replaceAll('\u00a0', ' ');
		assert.match(text, /get_slice\("latent\/hidden\.resid"\)\[\d+:\d+\]/);
		const python = process.env['PYTHON'] ?? 'python3';
		if (spawnSync(python, ['-c', 'import safetensors, numpy']).status === 0) {
			const ran = spawnSync(python, ['-'], { input: `${text}\n    print(hidden_resid.shape[0], lens_topk_id.shape[0])\n`, encoding: 'utf8' });
			assert.equal(ran.stdout.trim(), '1 1', `${ran.stderr}\n${text}`);
		}
	});

	flow('a trace that is dropped on the view opens', stage, async () => {
		await workbench.tab(TRACE).click();
		await panel.is('ready');
		writeFileSync(path('second.trace.safetensors'), readFileSync(path(TRACE)));
		const uri = `file://${path('second.trace.safetensors')}`;
		await panel.app.evaluate((_, text) => {
			const dataTransfer = new DataTransfer();
			dataTransfer.setData('text/uri-list', text);
			document.body.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
		}, `${uri}\r\n`);
		await workbench.tab('second.trace.safetensors').waitFor();
	});
});
