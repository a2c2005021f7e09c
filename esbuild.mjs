// Builds dist/: the extension, its engine child, the command line, and the panel. `--watch` keeps building; `--tests` also bundles the tests into out/.
import { build, context } from 'esbuild';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const watch = process.argv.includes('--watch');
const production = process.argv.includes('--production');
const tests = process.argv.includes('--tests');

const common = { bundle: true, sourcemap: !production, minify: production, logLevel: 'warning', legalComments: 'linked', metafile: true };
/** `vscode` is the editor's; `onnxruntime-node` finds its binaries beside its own files. */
const node = { ...common, platform: 'node', target: 'node20', format: 'cjs', external: ['vscode', 'onnxruntime-node'] };

/** Packaged as they are: each with a file of its code. */
const BESIDE = ['node_modules/onnxruntime-node/dist/index.js', 'node_modules/onnxruntime-common/dist/cjs/index.js'];
const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/;
const LICENSE_FILE = /(licen[cs]e|copying|notice)/i;
const MIT = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files (the
"Software"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge, publish,
distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do so, subject to
the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE
SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.`;

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

// The licences of what dist/ holds of other packages, and of what is packaged beside it: most of them ask to be passed on with every copy.

/** `inputs`: paths of what was bundled, as esbuild's metafiles name them. Fails where a package says nothing of its licence. */
function notices(inputs) {
	const byPackage = {};
	for (const path of new Set([...BESIDE, ...inputs])) {
		const [folder] = PACKAGE.exec(path) ?? [];
		if (folder !== undefined) {
			(byPackage[folder] ??= []).push(path);
		}
	}
	const entries = Object.keys(byPackage).sort().map((folder) => notice(folder, byPackage[folder]));
	return `Neuralese Inspector contains the packages below or parts of them, each under its own licence.\n\n${entries.join(`\n${'-'.repeat(80)}\n\n`)}`;
}

function notice(folder, files) {
	const { name, version, license, author, homepage, repository } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
	const own = readdirSync(folder).filter((file) => LICENSE_FILE.test(file)).sort();
	const texts = own.length > 0 ? own.map((file) => readFileSync(join(folder, file), 'utf8').trim()) : written(license, author?.name ?? author, files);
	if (texts.length === 0) {
		throw new Error(`${folder} holds no text of its licence, ${license}: add it to esbuild.mjs.`);
	}
	return `${name} ${version}, ${license}\n${homepage ?? repository?.url ?? repository ?? ''}\n\n${texts.join('\n\n')}\n`;
}

/** Of a package without a file of its licence: what its sources say, and the text that they name. */
function written(license, author, files) {
	const heads = files.map((file) => /^\s*((?:\/\/[^\n]*\n)+|\/\*[\s\S]*?\*\/)/.exec(readFileSync(file, 'utf8').replace(/^"use strict";/, ''))?.[1] ?? '');
	const said = [...new Set(heads.filter((head) => /copyright/i.test(head)).map((head) => head.replace(/^\s*(\/\/|\/\*+|\*\/|\*) ?/gm, '').trim()))];
	const holder = said.length > 0 ? said : author ? [`Copyright (c) ${author}`] : [];
	return license === 'MIT' ? [...holder, MIT] : [...holder, ...(/Apache-2\.0/.test(license) && said.length > 0 ? ['The text of the Apache License 2.0 stands with @huggingface/tokenizers.'] : [])];
}
