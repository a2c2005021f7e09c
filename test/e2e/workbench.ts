/** The workbench as a person uses it: palette, files, hovers, webviews. Everything goes through what is on the screen. */
import { type Browser, type BrowserContext, chromium, type FrameLocator, type Page } from 'playwright-core';
import type { Host } from './host';

/** For the page to load; the first one of a fresh server is the slowest. */
const LOAD_LIMIT_MS = 60_000;
/** For anything to appear once the page is there; the first webview takes 4 s on a busy machine. */
const APPEAR_LIMIT_MS = 45_000;

/**
 * The palette closes when something else takes the focus, and lists what is registered when it opens; a hover asks once per approach.
 * Only another try sees what came later.
 */
const RETRY_MS = 3000;
const HOVER_APPROACH_PX = 40;
/** The save dialog looks at the folder before it suggests a name. */
const SUGGESTION_MS = 500;

/** Debian's Chromium runs as root in containers, without a GPU. */
const ARGUMENTS = [
	...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
	...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

const QUICK_INPUT = '.quick-input-widget:not([style*="display: none"]) input.input';

export interface WorkbenchOptions {
	/** Arguments of the workbench, such as `extensionTestsPath`. */
	payload?: [string, string][];
	/** Runs before the page loads; the workbench is not waited for where it is given. */
	prepare?: (page: Page) => Promise<void>;
	viewport?: { width: number; height: number };
}

export class Workbench {
	private constructor(
		private readonly browser: Browser,
		private readonly context: BrowserContext,
		readonly page: Page,
		/** Addresses that anything asked for outside loopback; all were refused. */
		readonly refused: string[],
	) {}

	static async open(host: Host, options: WorkbenchOptions = {}): Promise<Workbench> {
		const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGUMENTS });
		try {
			const context = await browser.newContext({ viewport: options.viewport ?? { width: 1400, height: 900 } });
			const refused: string[] = [];
			await context.route((url) => url.hostname !== '127.0.0.1', (route) => (refused.push(route.request().url()), route.abort()));
			const page = await context.newPage();
			page.setDefaultTimeout(APPEAR_LIMIT_MS);
			await options.prepare?.(page);
			const url = new URL(host.base);
			url.searchParams.set('folder', host.workspace);
			if (options.payload) {
				url.searchParams.set('payload', JSON.stringify(options.payload));
			}
			await page.goto(url.href, { timeout: LOAD_LIMIT_MS });
			if (!options.prepare) {
				await page.locator('.monaco-workbench .statusbar').waitFor({ timeout: LOAD_LIMIT_MS });
			}
			return new Workbench(browser, context, page, refused);
		} catch (error) {
			await browser.close();
			throw error;
		}
	}

	async close(): Promise<void> {
		await this.context.close();
		await this.browser.close();
	}

	/** Runs a command from the palette by its full title. */
	async command(title: string): Promise<void> {
		for (const start = Date.now(); Date.now() - start < APPEAR_LIMIT_MS; ) {
			if (await this.tryCommand(title).then(() => true, () => false)) {
				return;
			}
			await this.page.keyboard.press('Escape');
		}
		throw new Error(`The palette has no command "${title}".`);
	}

	private async tryCommand(title: string): Promise<void> {
		const limit = { timeout: RETRY_MS };
		await this.page.keyboard.press('F1');
		await this.quickInput.fill(`>${title}`, limit);
		await this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: title }).first().click(limit);
	}

	/** Opens a file of the workspace by its name, from the explorer: quick open may not know a new file yet. */
	async open(name: string): Promise<void> {
		await this.page.locator('.explorer-folders-view').getByText(name, { exact: true }).dblclick();
		await this.tab(name).waitFor();
	}

	tab(name: string) {
		return this.page.locator(`.tabs-container .tab[data-resource-name="${name}"]`);
	}

	get quickInput() {
		return this.page.locator(QUICK_INPUT);
	}

	/** Answers the save dialog, which puts its suggestion over what was typed before it came. */
	async saveAs(path: string): Promise<void> {
		await this.page.waitForFunction((input) => document.querySelector<HTMLInputElement>(input)?.value.startsWith('/'), QUICK_INPUT);
		do {
			await this.quickInput.fill(path);
			await this.page.waitForTimeout(SUGGESTION_MS);
		} while ((await this.quickInput.inputValue()) !== path);
		await this.page.keyboard.press('Enter');
	}

	/** Answers the open dialog, which shows a folder before it takes a name. */
	async openFile(path: string): Promise<void> {
		await this.saveAs(path);
	}

	/** Until a quick pick or an input asks this: the one before it stays for a moment. */
	async asks(question: string): Promise<void> {
		const asked = this.page.locator('.quick-input-widget:not([style*="display: none"])');
		await asked.locator(`input.input[placeholder="${question}"]`).or(asked.locator('.quick-input-message', { hasText: question })).first().waitFor();
	}

	/** Chooses an item of a quick pick, or changes its mark where several can be chosen. */
	async pick(label: string): Promise<void> {
		await this.page.locator('.quick-input-list .monaco-list-row').filter({ hasText: label }).first().click();
	}

	/** Answers what is asked with what is filled in or marked. */
	async accept(): Promise<void> {
		await this.quickInput.press('Enter');
	}

	/** The document inside the n-th visible webview. */
	webview(index = 0): FrameLocator {
		return this.page.frameLocator('iframe.webview.ready').nth(index).frameLocator('iframe#active-frame');
	}

	/** Text of the editors that the extension has marked with a decoration of its own. */
	async marked(): Promise<string> {
		const text = await this.page.evaluate(() => {
			const marks = [...document.querySelectorAll('.editor-instance .view-overlays [class*="ced-"]')];
			const boxes = marks.map((mark) => mark.getBoundingClientRect());
			const isMarked = (letter: DOMRect) => {
				const [x, y] = [letter.x + letter.width / 2, letter.y + letter.height / 2];
				return boxes.some((box) => box.left <= x && x <= box.right && box.top <= y && y <= box.bottom);
			};
			let text = '';
			for (const line of document.querySelectorAll('.editor-instance .view-line')) {
				const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
				for (let node = walker.nextNode(); node; node = walker.nextNode()) {
					for (let i = 0; i < node.textContent!.length; i++) {
						const range = document.createRange();
						range.setStart(node, i);
						range.setEnd(node, i + 1);
						text += isMarked(range.getBoundingClientRect()) ? node.textContent![i] : '';
					}
				}
			}
			return text;
		});
		return visibleText(text);
	}

	notification(text: string | RegExp) {
		return this.page.locator('.notifications-toasts .notification-list-item').filter({ hasText: text }).first();
	}

	/** Text of the hover over the first occurrence of `word` on the screen. */
	async hover(word: string): Promise<string> {
		const contents = this.page.locator('.monaco-hover:not(.hidden) .hover-contents');
		for (const start = Date.now(); Date.now() - start < APPEAR_LIMIT_MS; ) {
			const point = await this.page.evaluate(locate, word);
			if (point) {
				await this.page.mouse.move(point.x, point.y + HOVER_APPROACH_PX);
				await this.page.mouse.move(point.x, point.y, { steps: 4 });
			}
			if (await contents.first().waitFor({ timeout: RETRY_MS }).then(() => true, () => false)) {
				return visibleText((await contents.allInnerTexts()).join('\n'));
			}
		}
		throw new Error(`No hover appeared over "${word}".`);
	}
}

/** Runs in the page: the middle of the first occurrence of a word in an editor. */
function locate(word: string): { x: number; y: number } | undefined {
	for (const line of document.querySelectorAll('.editor-instance .view-line')) {
		const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
		for (let node = walker.nextNode(); node; node = walker.nextNode()) {
			const start = node.textContent!.indexOf(word);
			if (start >= 0) {
				const range = document.createRange();
				range.setStart(node, start);
				range.setEnd(node, start + word.length);
				const box = range.getBoundingClientRect();
				return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
			}
		}
	}
	return undefined;
}

/** VS Code draws many spaces as no-break spaces. */
function visibleText(text: string): string {
	return text.replaceAll('\u00a0', ' ');
}
