/** The model of 128 thoughts in the editor: what each reads as in one line, the overview of all, and how one was made. */
import { after, before, describe } from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { flow } from './flow';
import { Host, PROJECT } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const PROMPT = 'walker.prompt.md';
const THOUGHTS = 128;
/** Half the recipe's own: the walk stays the same, and the panel says whose scale it is. */
const NOISE = 0.5;
/** Rooms are the codes a to j, one column each in the overview. */
const ROOMS = [...'abcdefghij'];

/** Where the walker is after each move, from the prompt's rules: `A:a>b+48` leads from a to b, `1:A` is the first move of eight. */
function walk(text: string): string[] {
	const rules = new Map([...text.matchAll(/\b([AB]:[a-j])>([a-j])[+-]\d+/g)].map(([, from, to]) => [from!, to!]));
	const moves = [...text.matchAll(/\b\d:([AB])\b/g)].map(([, move]) => move!);
	const rooms = [/ at ([a-j]) facing/.exec(text)![1]!];
	for (let i = 0; i < THOUGHTS; i++) {
		rooms.push(rules.get(`${moves[i % moves.length]!}:${rooms[i]!}`)!);
	}
	return rooms;
}

describe('128 thoughts in the editor', () => {
	const rooms = walk(readFileSync(join(PROJECT, 'media/examples', PROMPT), 'utf8'));
	let host: Host;
	let workbench: Workbench;
	let panel: Panel;
	const stage = () => ({ host, workbench });

	before(async () => {
		host = await Host.start({ extension: 'folder', settings: { 'neuralese.evidence': 'on request', 'neuralese.noise': NOISE } });
		workbench = await Workbench.open(host, { viewport: { width: 1600, height: 1000 } });
		panel = new Panel(workbench.webview());
		await workbench.open(PROMPT);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.is('ready');
		await codeOf(0).waitFor();
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	const codeOf = (row: number) => panel.row(row).locator('.trait.code .word').first();
	const track = () => panel.app.locator('.overview-track');

	/** Rows in view of the steps, with the room that each reads as. */
	async function inView(): Promise<{ row: number; room: string; height: number }[]> {
		return panel.app.evaluate((app) => {
			const view = app.querySelector('.steps')!.getBoundingClientRect();
			const top = view.top + app.querySelector<HTMLElement>('.head')!.offsetHeight;
			return [...app.querySelectorAll<HTMLElement>('.row')]
				.map((row) => ({ row: Number(row.dataset['row']), box: row.getBoundingClientRect(), room: row.querySelector('.trait.code .word')?.textContent ?? '' }))
				.filter(({ box }) => box.top >= top - 1 && box.bottom <= view.bottom + 1)
				.map(({ row, box, room }) => ({ row, room, height: box.height }));
		});
	}

	async function until(condition: () => Promise<boolean>, otherwise: string): Promise<void> {
		for (const start = Date.now(); !(await condition()); await new Promise((resolve) => setTimeout(resolve, 100))) {
			assert.ok(Date.now() - start < 30_000, otherwise);
		}
	}

	async function rightRooms(): Promise<void> {
		const wrong = async () => (await inView()).filter(({ row, room }) => room !== rooms[row]);
		await until(async () => (await inView()).length > 0 && (await wrong()).length === 0, `wrong rooms: ${JSON.stringify(await wrong())}`);
	}

	flow('each row is one line and reads as the room that the walker is in; no column stands empty', stage, async () => {
		const { title, answers } = await panel.read();
		assert.match(title, /facing SW$/);
		const [room, text] = await panel.app.locator('.header h1').evaluate((line) => [line, line.querySelector('bdi')!].map((one) => one.getBoundingClientRect().right));
		assert.ok(text! <= room! + 1, 'the end of the question is cut');
		assert.equal(answers.find(({ arm }) => arm === 'latent')?.answer.slice(0, 1), rooms[THOUGHTS]);
		assert.match(await panel.app.locator('.subtitle').innerText(), /128 latents .* noise 0\.5/);
		const shown = await inView();
		assert.ok(shown.length > 8 && shown[0]!.row === 0, `${shown.length} rows`);
		await rightRooms();
		assert.equal(await panel.app.locator('[role="grid"][aria-label="Steps"]').getAttribute('aria-rowcount'), String(THOUGHTS + 1));
		for (const empty of ['.head .sentence-cell', '.head .picker', '.legend-underline']) {
			assert.equal(await panel.app.locator(empty).isVisible(), false, empty);
		}
	});

	flow('the overview shows every thought’s room, and its lens leads to any of them by keyboard and pointer', stage, async () => {
		await track().focus();
		assert.match((await track().getAttribute('aria-valuetext'))!, /^Steps 1 to \d+ of 128\. room /);
		await workbench.page.keyboard.press('End');
		await until(async () => (await inView()).at(-1)?.row === THOUGHTS - 1, 'End does not lead to the last thought');
		assert.match((await track().getAttribute('aria-valuetext'))!, / to 128 of 128/);
		await rightRooms();
		await workbench.page.keyboard.press('PageUp');
		await until(async () => (await inView()).at(-1)!.row < THOUGHTS - 1, 'PageUp does not lead back');
		const box = (await track().boundingBox())!;
		const lens = (await panel.app.locator('.lens').boundingBox())!;
		await workbench.page.mouse.move(lens.x + lens.width / 2, lens.y + lens.height / 2);
		await workbench.page.mouse.down();
		await workbench.page.mouse.move(box.x + box.width / 2, box.y + 1, { steps: 5 });
		await workbench.page.mouse.up();
		await until(async () => (await inView())[0]?.row === 0, 'dragging the lens to the top does not lead there');
		await workbench.page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
		await until(async () => (await inView()).some(({ row }) => row === THOUGHTS / 2), 'a click in the middle does not lead there');
		assert.deepEqual(await drawnRooms(), rooms.slice(0, THOUGHTS));
		await workbench.page.keyboard.press('Home');
	});

	/** Off the canvas: the column in which each row is painted. */
	async function drawnRooms(): Promise<string[]> {
		const places = await panel.app.evaluate(
			(app, { count, classes }) => {
				const canvas = app.querySelector<HTMLCanvasElement>('.overview canvas')!;
				const context = canvas.getContext('2d')!;
				const name = app.querySelector<HTMLElement>('.lane-names span')!;
				const ratio = canvas.width / canvas.getBoundingClientRect().width;
				const [left, width] = [parseFloat(name.style.left), parseFloat(name.style.width)].map((value) => value * ratio) as [number, number];
				return Array.from({ length: count }, (_, row) => {
					const y = Math.floor(((row + 0.5) / count) * canvas.height);
					const inks = Array.from({ length: classes }, (_, id) => context.getImageData(Math.floor(left + ((id + 0.5) / classes) * width), y, 1, 1).data[3]!);
					return inks.map((ink, id) => ({ ink, id })).filter(({ ink }) => ink > 128).map(({ id }) => id);
				});
			},
			{ count: THOUGHTS, classes: ROOMS.length },
		);
		return places.map((ids) => ids.map((id) => ROOMS[id]).join());
	}

	flow('plus and minus show more and less of each thought, and the same thoughts stay in view', stage, async () => {
		await panel.row(5).locator('.number').click();
		// They take their room from the steps.
		await panel.section('codes').getByText('Thought 6 by learnt codes').waitFor();
		const height = async () => (await inView())[0]?.height ?? 0;
		const thin = await height();
		const many = (await inView()).length;
		await workbench.page.keyboard.press('-');
		await until(async () => (await height()) < thin, 'rows are not lower');
		await until(async () => (await inView()).length > many, 'not more rows are in view');
		await rightRooms();
		await workbench.page.keyboard.press('+');
		await workbench.page.keyboard.press('+');
		await panel.row(5).locator('.strip').waitFor();
		assert.ok((await height()) > 2 * thin, 'rows are not higher');
		assert.equal(await codeOf(5).innerText(), rooms[5], 'a tall row has its codes too');
		await workbench.page.keyboard.press('0');
		await until(async () => (await height()) === thin, '0 does not lead back');
		assert.ok((await inView()).some(({ row }) => row === 5));
	});

	flow('the details tell a thought’s codes, its width, its norm and its noise', stage, async () => {
		await panel.row(7).locator('.number').click();
		const lines = panel.section('codes').locator('tbody tr');
		await panel.section('codes').getByText('Thought 8 by learnt codes').waitFor();
		const [room, heading] = await lines.evaluateAll((all) => all.map((line) => [...line.querySelectorAll('td')].map((cell) => cell.textContent ?? '')));
		assert.deepEqual([room!.slice(0, 3), heading!.slice(0, 2)], [['room', 'discrete', rooms[7]], ['heading', 'continuous']]);
		assert.ok(Number(room![3]) < Number(room![5]), 'the nearest is nearer than the second');
		const made = await panel.section('made').innerText();
		for (const fact of [/width\s+18, the model’s is 128/, /norm\s+\d/, /noise\s+scale 0\.5, not the recipe’s, seed 0/]) {
			assert.match(made, fact);
		}
	});

	flow('nothing was asked of the network', stage, async () => {
		assert.deepEqual(workbench.refused, []);
	});
});
