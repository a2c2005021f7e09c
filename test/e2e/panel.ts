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
}

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

export class Panel {
	readonly app: Locator;

	constructor(private readonly frame: FrameLocator) {
		this.app = frame.locator('#app');
	}

	/** Until the panel is in one of the given states. */
	async is(...kinds: Kind[]): Promise<void> {
		await this.frame.locator(kinds.map((kind) => `#app[data-kind="${kind}"]`).join(', ')).waitFor();
	}

	/** Until it shows the results of a finished run or of a file. */
	async isReady(): Promise<void> {
		await this.is('ready');
		await this.frame.locator('.row[data-row="0"] .word-line').first().waitFor();
	}

	row(index: number): Locator {
		return this.frame.locator(`.row[data-row="${index}"]`);
	}

	/** The status page or line: heading, text and buttons. */
	async status(): Promise<string> {
		return this.frame.locator('.status').innerText();
	}

	button(label: string): Locator {
		return this.frame.locator('vscode-button').filter({ hasText: label });
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
				})),
			};
		});
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
