/** `npm run screenshots`: README's pictures, taken of the real VS Code: the first example in both themes, and one of each further kind of thinking. */
import { statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLE } from './examples';
import { Host, PROJECT } from './host';
import { Panel } from './panel';
import { Workbench } from './workbench';

const THEMES = { dark: 'Dark Modern', light: 'Light Modern' };
/** README is read over slow connections too. */
const SIZE_LIMIT = 300_000;
/** Figures are drawn when their values have come. */
const SETTLE_MS = 2_000;

/** Made by `npm run screenshots`. */
const SMOLLM2 = process.env['NEURALESE_SMOLLM2'] ?? '';
const APPLES = `---
model: ./SmolLM2-135M-Instruct
arms: [cot, soft]
latents: 8
max-tokens: 48
---

Tom has 5 apples and eats 2. How many apples are left?
`;

function settings(theme: string): Record<string, unknown> {
	return {
		'workbench.colorTheme': theme,
		'workbench.activityBar.location': 'hidden',
		'editor.minimap.enabled': false,
		'editor.wordWrap': 'on',
		'window.commandCenter': false,
	};
}

async function main(): Promise<void> {
	await kinds();
	for (const [name, theme] of Object.entries(THEMES)) {
		const host = await Host.start({ extension: 'folder', settings: settings(theme) });
		const workbench = await Workbench.open(host, { viewport: { width: 1500, height: 1060 } });
		try {
			const panel = new Panel(workbench.webview());
			await workbench.open(EXAMPLE);
			await workbench.command('View: Toggle Primary Side Bar Visibility');
			await workbench.command('Neuralese: Analyze Prompt');
			await panel.isReady();
			// Where the two ways of thinking part: the chain of thought leaves the path, and the latent thought reads as another word.
			const { rows } = await panel.read();
			const index = rows.findIndex((row) => row.verdict.includes('leaves every path'));
			await panel.row(index).locator('.number').click();
			await workbench.page.locator('.editor-instance .view-overlays [class*="ced-"]').first().waitFor();
			await panel.app.getByText('Hide details').click();
			await panel.app.locator('.steps').evaluate((steps) => steps.scrollTo(0, 0));
			await shoot(workbench, `panel-${name}.png`);
			if (name === 'dark') {
				await panel.app.getByText('Show details').click();
				await panel.section('candidates-of').first().waitFor();
				await shoot(workbench, 'evidence.png');
				await workbench.hover(rows[index]!.words[0]![0]);
				await shoot(workbench, 'hover.png');
			}
		} finally {
			await workbench.close();
			await host.stop();
		}
	}
}

/** Without tests and controls: what is new in each is how it thinks. */
async function kinds(): Promise<void> {
	const host = await Host.start({ extension: 'folder', settings: { ...settings(THEMES.dark), 'neuralese.evidence': 'on request' } });
	writeFileSync(join(host.workspace, 'apples.prompt.md'), APPLES);
	symlinkSync(join(SMOLLM2, 'model'), join(host.workspace, 'SmolLM2-135M-Instruct'));
	const workbench = await Workbench.open(host, { viewport: { width: 1500, height: 1060 } });
	try {
		const panel = new Panel(workbench.webview());
		const pictures = { 'walker.prompt.md': 'manylatents.png', 'looks.prompt.md': 'loops.png', 'apples.prompt.md': 'soft.png' };
		for (const [prompt, picture] of Object.entries(pictures)) {
			await workbench.open(prompt);
			await workbench.command('View: Toggle Primary Side Bar Visibility');
			await workbench.command('Neuralese: Analyze Prompt');
			await panel.app.locator('.subtitle', { hasText: prompt }).waitFor();
			await panel.is('ready');
			await panel.app.locator(prompt === 'looks.prompt.md' ? '.loops canvas' : '.row .word').first().waitFor();
			await workbench.page.waitForTimeout(SETTLE_MS);
			await shoot(workbench, picture);
			await workbench.command('View: Toggle Primary Side Bar Visibility');
		}
	} finally {
		await workbench.close();
		await host.stop();
	}
}

async function shoot(workbench: Workbench, name: string): Promise<void> {
	const path = join(PROJECT, 'media', name);
	await workbench.page.screenshot({ path, animations: 'disabled' });
	const { size } = statSync(path);
	if (size > SIZE_LIMIT) {
		throw new Error(`media/${name} has ${size} bytes: README's pictures must stay below ${SIZE_LIMIT}.`);
	}
	console.log(`media/${name}: ${(size / 1000).toFixed(0)} kB`);
}

void main().catch((error: unknown) => {
	console.error(error instanceof Error ? error.message : error);
	process.exit(1);
});
