// What `npm start`, `npm run vscode`, `npm run package` and `npm run screenshots` do. Each works on a fresh clone.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { installAll, installPackages, makeSmolLM2, ROOT, run, SetupError } from './setup.mjs';

const EXAMPLES = join(ROOT, 'media/examples');

const TASKS = { start, vscode, package: makePackage, screenshots };

try {
	const [name, ...args] = process.argv.slice(2);
	if (!Object.hasOwn(TASKS, name)) {
		throw new SetupError(`Use: node test/tasks.mjs ${Object.keys(TASKS).join(' | ')}`);
	}
	await TASKS[name](args);
} catch (error) {
	console.error(error instanceof SetupError ? error.message : error);
	process.exitCode = 1;
}

/** Analyses a prompt file, or the first example, and leaves its trace in the folder where npm was called. */
function start(args) {
	installPackages();
	run('node', ['esbuild.mjs']);
	const caller = process.env.INIT_CWD ?? ROOT;
	const given = args[0] !== undefined && !args[0].startsWith('-');
	const [first] = readdirSync(EXAMPLES).filter((name) => name.endsWith('.prompt.md')).sort();
	const file = given ? resolve(caller, args[0]) : join(EXAMPLES, first);
	const out = join(caller, `${basename(file).replace(/\.prompt(\.md)?$/, '')}.trace.safetensors`);
	const options = args.slice(given ? 1 : 0);
	const cli = [join(ROOT, 'dist/cli.js'), 'analyze', file, ...(options.includes('--out') ? [] : ['--out', out]), ...options];
	process.exitCode = spawnSync('node', cli, { cwd: caller, stdio: 'inherit' }).status ?? 1;
}

/** Opens the examples with the extension loaded: in the desktop VS Code where there is one, else in the tests' own. */
function vscode() {
	installPackages();
	run('node', ['esbuild.mjs', '--tests']);
	if (spawnSync('code', ['--version']).status === 0) {
		run('code', [`--extensionDevelopmentPath=${ROOT}`, EXAMPLES]);
	} else {
		console.log('There is no "code" on the PATH: starting the VS Code of the tests, for a browser on this machine.');
		installAll();
		run('node', ['out/e2e/open.cjs']);
	}
}

/** The VSIX of this platform. vsce's --target only labels the package, so the other platforms' binaries are kept out here. */
async function makePackage() {
	installPackages();
	run('node', ['esbuild.mjs', '--production']);
	const { createVSIX } = await import('@vscode/vsce');
	const { name, version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
	const target = `${process.platform}-${process.arch}`;
	const binaries = `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`;
	if (!existsSync(join(ROOT, binaries))) {
		console.error(`ONNX Runtime has no binaries for ${target}: this package can show traces but not make them.`);
	}
	const ignoreFile = join(tmpdir(), `neuralese-${process.pid}.vscodeignore`);
	writeFileSync(ignoreFile, `${readFileSync(join(ROOT, '.vscodeignore'), 'utf8')}\n!${binaries}/**\n`);
	try {
		const packagePath = join(ROOT, `${name}-${target}-${version}.vsix`);
		await createVSIX({ cwd: ROOT, target, packagePath, ignoreFile, allowMissingRepository: true, rewriteRelativeLinks: false });
	} finally {
		rmSync(ignoreFile);
	}
}

/** Makes README's pictures anew: media/*.png. */
function screenshots() {
	installAll();
	makeSmolLM2();
	run('node', ['esbuild.mjs', '--tests']);
	run('node', ['out/e2e/screenshots.cjs']);
}
