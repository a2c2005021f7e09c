/** `npm run vscode` where there is no desktop VS Code: the browser-hosted one, with extension and examples, until Ctrl+C. */
import { join } from 'node:path';
import { Host, PROJECT } from './host';

/** Fixed, so that the browser keeps its tab over restarts. */
const PORT = 8731;

async function main(): Promise<void> {
	const host = await Host.start({ extension: 'folder', port: PORT });
	const folder = encodeURIComponent(join(PROJECT, 'media/examples'));
	console.log(`Open ${host.base}/?folder=${folder} in a browser on this machine. Ctrl+C ends it.`);
	await new Promise((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve));
	await host.stop();
}

void main().catch((error: unknown) => {
	console.error(error instanceof Error ? error.message : error);
	process.exit(1);
});
