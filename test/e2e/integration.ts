/** Runs test/integration (Mocha) inside the extension host of a real VS Code, prints what Mocha prints, and exits as it did. */
import { format } from 'node:util';
import { Host, PROJECT } from './host';
import { Workbench } from './workbench';

/** The suite starts the engine several times and kills it; it takes under a minute on an idle machine. */
const LIMIT_MS = 300_000;

async function main(): Promise<number> {
	const host = await Host.start({ extension: 'development' });
	const uri = (path: string) => `vscode-remote://127.0.0.1:${host.port}${path}`;
	let finish: (code: number) => void = () => {};
	const finished = new Promise<number>((resolve) => (finish = resolve));
	const timer = setTimeout(() => {
		console.error(`The integration tests did not finish within ${LIMIT_MS / 1000} s.`);
		finish(1);
	}, LIMIT_MS);
	try {
		const workbench = await Workbench.open(host, {
			payload: [['extensionDevelopmentPath', uri(PROJECT)], ['extensionTestsPath', uri(`${PROJECT}/out/integration/index.cjs`)]],
			// The two functions through which VS Code reports to a test runner in a browser.
			prepare: async (page) => {
				// Mocha indents all that it prints, VS Code nothing of its own.
				await page.exposeFunction('codeAutomationLog', (_type: string, args: unknown[]) => {
					const line = format(...args);
					if (/^(\s|$)/.test(line)) {
						console.log(line);
					}
				});
				await page.exposeFunction('codeAutomationExit', (code: number) => finish(code));
			},
		});
		try {
			return await finished;
		} finally {
			await workbench.close();
		}
	} finally {
		clearTimeout(timer);
		await host.stop();
	}
}

void main().then(
	(code) => process.exit(code),
	(error: unknown) => {
		console.error(error instanceof Error ? error.message : error);
		process.exit(1);
	},
);
