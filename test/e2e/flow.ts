/** A test whose failure leaves evidence: a picture of the screen and every log, in a folder that its message names. */
import { cpSync, existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Host } from './host';
import type { Workbench } from './workbench';

/** One test does what a person does in a minute; on a busy machine that takes a few. */
const LIMIT_MS = 180_000;

/** Playwright tells every attempt of a click; the first lines say what it was. */
const MESSAGE_LINES = 12;

export interface Stage {
	host: Host;
	workbench: Workbench;
}

/** `stage` is asked when the test starts, so that a `before` can have filled it. */
export function flow(name: string, stage: () => Stage, body: (stage: Stage) => Promise<void>): void {
	void test(name, { timeout: LIMIT_MS }, async () => {
		const { host, workbench } = stage();
		try {
			await body({ host, workbench });
		} catch (error) {
			const folder = await keepEvidence(name, host, workbench);
			const said = error instanceof Error ? error.message : String(error);
			throw new Error(`${said.split('\n').slice(0, MESSAGE_LINES).join('\n')}\nScreenshot and logs: ${folder}`);
		}
	});
}

async function keepEvidence(name: string, host: Host, workbench: Workbench): Promise<string> {
	const parent = process.env.NEURALESE_EVIDENCE ?? mkdtempSync(join(tmpdir(), 'neuralese-evidence-'));
	const folder = join(parent, name.replaceAll(/\W+/g, '-'));
	mkdirSync(folder, { recursive: true });
	await workbench.page.screenshot({ path: join(folder, 'screen.png') }).catch(() => undefined);
	for (const path of ['server.log', 'user-data/logs']) {
		if (existsSync(join(host.root, path))) {
			cpSync(join(host.root, path), join(folder, path.replace('user-data/', '')), { recursive: true });
		}
	}
	return folder;
}
