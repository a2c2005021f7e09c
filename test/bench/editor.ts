/**
 * A 4 GB trace against a 4 MB one in a real VS Code: from the click in the explorer until rows are on the screen, and what the extension host takes.
 * `node out/bench/editor.cjs`, where `npm test -- e2e` has installed the editor.
 */
import { join } from 'node:path';
import { EXAMPLE, SAMPLE } from '../e2e/examples';
import { Host } from '../e2e/host';
import { Panel } from '../e2e/panel';
import { extensionHost } from '../e2e/processes';
import { Workbench } from '../e2e/workbench';
import { asked, print, wall } from './clock';
import { positionsOf, writeLargeTrace } from './largeTrace';

const SIZES = { small: 4e6, large: 4e9 };
const ROUNDS = 5;
const MEMORY_LIMIT_MB = 300;
/** Until the extension is there. */
const START_LIMIT_MS = 90_000;

async function main(): Promise<void> {
	const host = await Host.start({ extension: 'folder' });
	try {
		for (const [name, bytes] of Object.entries(SIZES)) {
			await writeLargeTrace(join(host.workspace, file(name)), positionsOf(bytes));
		}
		const workbench = await Workbench.open(host);
		const best = { small: Infinity, large: Infinity };
		try {
			// What is opened before the extensions are there is shown as text.
			await workbench.open(EXAMPLE);
			await workbench.page.locator('.codelens-decoration').first().waitFor({ timeout: START_LIMIT_MS });
			await opened(workbench, SAMPLE);
			const before = memory(host);
			for (let i = 0; i < ROUNDS; i++) {
				best.small = Math.min(best.small, await opened(workbench, file('small')));
				best.large = Math.min(best.large, await opened(workbench, file('large')));
			}
			const seconds = `${best.large.toFixed(2)} s, of 4 MB ${best.small.toFixed(2)} s`;
			print('Opening a 4 GB trace in VS Code until its rows are seen', `${seconds}: ${asked(best.large / best.small, 1.5, true)}`);
			const peak = memory(host);
			print('  largest resident size of the extension host', `${peak.toFixed(0)} MB, before ${before.toFixed(0)} MB (asked: < ${MEMORY_LIMIT_MB}${peak < MEMORY_LIMIT_MB ? '' : ', MISSED'})`);
		} finally {
			await workbench.close();
		}
	} finally {
		await host.stop();
	}
}

const file = (name: string) => `${name}.trace.safetensors`;

function memory(host: Host): number {
	return extensionHost(host.pid)?.peak ?? NaN;
}

/** Seconds from the click; the editor is closed again. */
async function opened(workbench: Workbench, name: string): Promise<number> {
	const start = wall();
	await workbench.open(name);
	await new Panel(workbench.webview()).isReady();
	const seconds = wall() - start;
	await workbench.command('View: Close Editor');
	await workbench.tab(name).waitFor({ state: 'detached' });
	return seconds;
}

void main().catch((error: unknown) => {
	console.error(error instanceof Error ? error.message : error);
	process.exitCode = 1;
});
