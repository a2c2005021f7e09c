// What a fresh machine needs before anything of this project runs: the npm packages, and for the tests a browser and a VS Code.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installEditor } from './e2e/vscode/setup.mjs';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The engine's child uses what Node 20 brought; older ones fail late and obscurely. */
const OLDEST_NODE = 20;
/** Debian's, not Playwright's: it comes from the package manager, with its libraries. */
const BROWSER_PACKAGES = ['chromium', 'fonts-dejavu-core'];
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FONTS = '/usr/share/fonts';

export class SetupError extends Error {}

/** Runs a program in the project's folder, with its output on this terminal. */
export function run(program, args, options = {}) {
	const { status, error } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit', ...options });
	if (error || status !== 0) {
		throw new SetupError(`"${[program, ...args].join(' ')}" failed${error ? `: ${error.message}` : ` with exit code ${status}`}.`);
	}
}

export function installPackages() {
	if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
		throw new SetupError(`This is Node ${process.versions.node}: install Node ${OLDEST_NODE} or newer.`);
	}
	if (!existsSync(join(ROOT, 'node_modules/.package-lock.json'))) {
		console.error('Installing npm packages (once)…');
		run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { stdio: ['ignore', 2, 2] });
	}
}

/** The browser's path goes into the environment variable CHROMIUM, for the processes that are started from here. */
function installBrowser() {
	if (!findBrowser() || !existsSync(FONTS)) {
		const install = ['install', '-y', '--no-install-recommends', ...BROWSER_PACKAGES];
		if (process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) {
			const how = `install it ("sudo apt-get ${install.join(' ')}" on Debian), or set CHROMIUM to its path`;
			throw new SetupError(`The tests drive VS Code in Chromium: ${how}.`);
		}
		console.error('Installing Chromium from Debian (once)…');
		const quietly = { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }, stdio: ['ignore', 2, 2] };
		run('apt-get', ['update', '-qq'], quietly);
		run('apt-get', ['-qq', ...install], quietly);
	}
	process.env.CHROMIUM = findBrowser();
}

function findBrowser() {
	return [process.env.CHROMIUM, ...BROWSERS].find((path) => path && existsSync(path));
}

/** Installs everything the tests inside VS Code need. VSCODE_HOST_DIR names an installation made before. */
export function installAll() {
	installPackages();
	if (`${process.platform}-${process.arch}` !== 'linux-x64') {
		throw new SetupError('The browser-hosted VS Code runs on Linux x64 only: use the desktop one, and "npm test -- unit" here.');
	}
	installBrowser();
	process.env.VSCODE_HOST_DIR ??= installEditor();
}
