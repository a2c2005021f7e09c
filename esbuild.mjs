// Builds dist/: the extension, its engine child, the command line, and the panel. `--watch` keeps building; `--tests` also bundles the tests into out/.
import { build, context } from 'esbuild';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { notices } from './notices.mjs';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');
const tests = process.argv.includes('--tests');

const common = { bundle: true, sourcemap: !production, minify: production, logLevel: 'warning', legalComments: 'linked', metafile: true };
/** `vscode` is the editor's; `onnxruntime-node` finds its binaries beside its own files. */
const node = { ...common, platform: 'node', target: 'node20', format: 'cjs', external: ['vscode', 'onnxruntime-node'] };

function sources(folder) {
	return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		const path = `${folder}/${entry.name}`;
		return entry.isDirectory() ? (entry.name === 'vscode' ? [] : sources(path)) : path.endsWith('.ts') ? [path] : [];
	});
}

const targets = [
	{ ...node, entryPoints: { extension: 'src/extension.ts', engine: 'src/engine/main.ts', cli: 'src/cli.ts' }, outdir: 'dist' },
	{ ...common, platform: 'browser', target: 'es2022', format: 'iife', entryPoints: { webview: 'webview/main.ts', 'webview-style': 'webview/style.css', compare: 'webview/compare.ts', 'compare-style': 'webview/compare.css' }, outdir: 'dist' },
];
if (tests) {
	const files = ['unit', 'exports', 'imports', 'integration', 'e2e', 'bench', 'fuzz'].flatMap((kind) => sources(`test/${kind}`));
	targets.push({ ...node, format: 'cjs', outExtension: { '.js': '.cjs' }, external: [...node.external, 'mocha', 'playwright-core', 'esbuild', 'fast-check'], entryPoints: files, outbase: 'test', outdir: 'out' });
	rmSync('out', { recursive: true, force: true });
}

if (!watch) {
	rmSync('dist', { recursive: true, force: true });
}
mkdirSync('dist', { recursive: true });
if (watch) {
	await Promise.all(targets.map(async (options) => (await context(options)).watch()));
} else {
	const built = await Promise.all(targets.map((options) => build(options)));
	const shipped = built.filter((_, i) => targets[i].outdir === 'dist');
	writeFileSync('dist/NOTICES.txt', notices(shipped.flatMap(({ metafile }) => Object.values(metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs)))));
}
