/** What the panel and the trace editor show, read off the screen. */
import type { FrameLocator, Locator } from 'playwright-core';

export interface Shown {
	title: string;
	answers: { arm: string; answer: string }[];
	agreement: string;
	rows: ShownRow[];
}

export interface ShownRow {
	sentence: string;
	verdict: string;
	/** Ranked words of the latent thought, each with its probability as printed. */
	words: [text: string, probability: string][];
	/** `L3`; empty where there is no evidence. */
	level: string;
}

/** One of the meter's numbers; `value` is `…` while it is being gathered. */
export interface ShownNumber {
	name: string;
	value: string;
	label: string;
	control: string;
}

/** A line of a table of tests, as printed; a changed answer ends with `*`. */
export interface ShownTest {
	label: string;
	answer: string;
	deltaLogOdds: string;
	kl: string;
	control: string;
}

export interface ShownNode {
	label: string;
	distance: string;
	group: string;
	mass: string;
	rank: string;
}

/** For an analysis with its evidence: 15 s alone, and 50 s were seen on a machine with nine others at work. */
const RUN_LIMIT_MS = 120_000;

type Colour = [red: number, green: number, blue: number];

export interface Cell {
	row: number;
	layer: number;
	/** As the table for assistive technology says it. */
	score: string;
	/** What is on the canvas down a line near the left edge of the cell. */
	pixels: Colour[];
}

export type Kind = 'empty' | 'idle' | 'untrusted' | 'unavailable' | 'failed' | 'running' | 'cancelled' | 'ready';

/** The first analysis of a host also measures the controls, once for each model: 10 s, and several times that on a busy machine. */
const CONTROLS_LIMIT_MS = 120_000;

export class Panel {
	readonly app: Locator;

	constructor(private readonly frame: FrameLocator) {
		this.app = frame.locator('#app');
	}

	/** Until the panel is in one of the given states. */
	async is(...kinds: Kind[]): Promise<void> {
		const locator = this.frame.locator(kinds.map((kind) => `#app[data-kind="${kind}"]`).join(', '));
		await locator.waitFor({ timeout: RUN_LIMIT_MS });
	}

	/** Until it shows the results of a finished run or of a file. */
	async isReady(): Promise<void> {
		await this.frame.locator('#app[data-kind="ready"]').waitFor({ timeout: CONTROLS_LIMIT_MS });
		await this.frame.locator('.row[data-row="0"][aria-busy="false"]').waitFor();
	}

	row(index: number): Locator {
		return this.frame.locator(`.row[data-row="${index}"]`);
	}

	/** The status page or line: heading, text and buttons. */
	async status(): Promise<string> {
		return this.frame.locator('.status').innerText();
	}

	button(label: string): Locator {
		return this.frame.locator('vscode-button:visible').filter({ hasText: label });
	}

	get progress(): Locator {
		return this.frame.locator('.status [role="progressbar"]');
	}

	get heatmap(): Locator {
		return this.frame.locator('canvas.heatmap');
	}

	async read(): Promise<Shown> {
		return this.app.evaluate((app) => {
			const text = (root: Element, selector: string) => root.querySelector(selector)?.textContent ?? '';
			const all = (root: Element, selector: string) => [...root.querySelectorAll(selector)];
			return {
				title: text(app, 'h1'),
				answers: all(app, '.arms li').map((arm) => ({ arm: text(arm, '.label'), answer: text(arm, '.answer') })),
				agreement: text(app, '.agreement'),
				rows: all(app, '.row').map((row) => ({
					sentence: all(row, '.token').map((token) => token.textContent).join('').trim(),
					verdict: text(row, '.verdict'),
					words: all(row, '.word-line').map((line): [string, string] => [text(line, '.word'), text(line, '.figure')]),
					level: text(row, '.level'),
				})),
			};
		});
	}

	async meter(): Promise<ShownNumber[]> {
		return this.app.evaluate((app) =>
			[...app.querySelectorAll<HTMLElement>('.meter:not([hidden]) .meter-item')].map((item) => {
				const text = (selector: string) => item.querySelector(selector)?.textContent ?? '';
				return { name: item.dataset['name'] ?? '', value: text('.meter-value'), label: text('.meter-label'), control: text('.meter-control') };
			}),
		);
	}

	/** The badge of a row: hovered or focused it says why the level is what it is, in `tooltip`. */
	level(row: number): Locator {
		return this.row(row).locator('.level');
	}

	get tooltip(): Locator {
		return this.frame.locator('.tooltip');
	}

	/** A section of the details: `layers`, `tests`, `evidence`, `ood`, `candidates-of`, `tokens`, … */
	section(kind: string): Locator {
		return this.frame.locator(`.details .detail.${kind}`);
	}

	/** A part of the panel, once it has the focus. */
	focused(part: string): Locator {
		return this.frame.locator(`${part}:focus`).first();
	}

	/** What was changed and what it did, in the order on the screen: the lines that are unfolded. */
	async tests(of: 'thought' | 'sentence' = 'thought'): Promise<ShownTest[]> {
		const title = of === 'thought' ? 'What if this thought' : 'What if the chain';
		const lines = this.section('tests').filter({ hasText: title }).locator('.tests-table tbody tr:not(.group):not([hidden])');
		return (await cellsOf(lines)).map(([label = '', answer = '', deltaLogOdds = '', kl = '', control = '']) => ({
			label,
			answer,
			deltaLogOdds,
			kl,
			control,
		}));
	}

	/** Measures of the selected thought: label, value, percentile among tokens, among states of text. */
	async ood(): Promise<string[][]> {
		return cellsOf(this.frame.locator('.ood-table tbody tr'));
	}

	/** The selected thought on the prompt's graph, from the table for assistive technology; of a list of candidates without distance and group. */
	async graph(): Promise<ShownNode[]> {
		const listed = await cellsOf(this.frame.locator('.graph > .candidates tbody tr'));
		if (listed.length > 0) {
			return listed.map(([label = '', mass = '', rank = '']) => ({ label, distance: '', group: 'candidate', mass, rank }));
		}
		return (await cellsOf(this.frame.locator('.graph-mirror tbody tr'))).map(([label = '', distance = '', group = '', mass = '', rank = '']) => ({
			label,
			distance,
			group,
			mass,
			rank,
		}));
	}

	/** Places of the graph's nodes on the screen, by label: the same for every thought. */
	async graphPlaces(): Promise<Record<string, string>> {
		return this.app.evaluate((app) =>
			Object.fromEntries(
				[...app.querySelectorAll('.graph .node')].map((node) => [node.querySelector('text')?.textContent ?? '', node.getAttribute('transform') ?? '']),
			),
		);
	}

	/** Chooses what the heatmap shows: `patch`, and of it `zero`. */
	async showHeatmap(name: string, member?: string): Promise<void> {
		for (const [i, option] of [name, member].entries()) {
			if (option !== undefined) {
				const dropdown = this.frame.locator('.picker vscode-dropdown').nth(i);
				await dropdown.click();
				await dropdown.locator('vscode-option', { hasText: option }).first().click();
			}
		}
	}

	/** Words and numbers of the key to the colours. */
	async legend(): Promise<string> {
		return this.frame.locator('.legend-scores').innerText();
	}

	/** All cells of the heatmap: their scores from the hidden table, their colours from the canvas. */
	async cells(): Promise<Cell[]> {
		return this.app.evaluate((app) => {
			const canvas = app.querySelector<HTMLCanvasElement>('canvas.heatmap')!;
			const context = canvas.getContext('2d')!;
			const origin = canvas.getBoundingClientRect();
			const ratio = canvas.width / origin.width;
			const table = [...app.querySelectorAll<HTMLTableRowElement>('table[role="grid"] tbody tr')];
			return table.flatMap((line) => {
				const row = Number(line.getAttribute('aria-rowindex')) - 2;
				const box = app.querySelector(`.row[data-row="${row}"]`)!.getBoundingClientRect();
				const scores = [...line.querySelectorAll('td')].map((cell) => cell.textContent ?? '');
				return scores.map((score, layer) => {
					const x = Math.round(((layer + 0.2) / scores.length) * canvas.width);
					const top = Math.max(0, Math.round((box.top - origin.top) * ratio));
					const { data } = context.getImageData(x, top, 1, Math.round(box.height * ratio));
					const colour = (i: number): Colour => [data[4 * i]!, data[4 * i + 1]!, data[4 * i + 2]!];
					const pixels = Array.from({ length: data.length / 4 }, (_, i) => colour(i));
					return { row, layer, score, pixels };
				});
			});
		});
	}
}

function cellsOf(rows: Locator): Promise<string[][]> {
	return rows.evaluateAll((all) => all.map((row) => [...row.querySelectorAll('td')].map((cell) => cell.textContent ?? '')));
}
