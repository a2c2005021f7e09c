/** The import rule of the architecture: which folder may import what. A breach is reported with its file and line. */
import { describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { posix } from 'node:path';

interface Layer {
	/** Folders or files of this project that it may import, itself aside. */
	internal: RegExp;
	/** Packages that it may import; `node:` stands for all of Node's modules. */
	packages: string[];
	/** Like `internal`, for `import type`. */
	types?: RegExp;
}

const NOTHING = /^$/;
/** Files whose name says that they need Node; nothing that also runs in a browser may import them. */
const NODE_FILE = /\.node$/;

const PURE = /^src\/(shared|trace|prompts|analysis)\//;
/** All of these run on the caller's side of the channel. */
const PURE_AND_CLIENT = /^src\/(shared|trace|prompts|analysis)\/|^src\/engine\/(api|product|machine\/registry|caller\/(client|conversation|dataset|journal|reproduction|verification))$/;

/** The first entry whose pattern matches a file's path, without its suffix, is the file's layer. */
const LAYERS: [RegExp, Layer][] = [
	[/^src\/shared\//, { internal: NOTHING, packages: [] }],
	[/^src\/trace\/.*\.node$/, { internal: /^src\/(shared|trace)\//, packages: ['node:'] }],
	[/^src\/trace\/importers\/(inflate|parquet)$/, { internal: /^src\/(shared|trace)\/(?!.*\.node$)/, packages: ['fflate', 'fzstd', 'hyparquet'] }],
	[/^src\/trace\//, { internal: /^src\/(shared|trace)\/(?!.*\.node$)/, packages: ['valibot'] }],
	[/^src\/prompts\//, { internal: /^src\/(shared|trace)\/(?!.*\.node$)/, packages: ['valibot', 'yaml', '@huggingface/jinja'] }],
	[/^src\/analysis\/compare\/alignment$/, { internal: NOTHING, packages: ['diff'] }],
	[/^src\/analysis\/principal$/, { internal: PURE, packages: ['ml-matrix'] }],
	[/^src\/analysis\//, { internal: /^src\/(shared|trace|prompts)\/(?!.*\.node$)/, packages: ['valibot'] }],
	[/^src\/engine\/runtime$/, { internal: PURE, packages: ['node:', 'onnxruntime-node'] }],
	[/^src\/engine\/instrument\/onnx_pb$/, { internal: NOTHING, packages: ['@bufbuild/protobuf', '@bufbuild/protobuf/codegenv2'] }],
	[/^src\/engine\/instrument\//, { internal: NOTHING, packages: ['@bufbuild/protobuf'] }],
	[/^src\/engine\/adding\/npz$/, { internal: NOTHING, packages: ['fflate'] }],
	[/^src\/engine\//, { internal: PURE, packages: ['node:', 'valibot', '@huggingface/tokenizers'] }],
	[/^src\/host\/(addModel|hub)$/, { internal: /^src\/(shared|analysis|hub)\/|^src\/engine\/api$/, packages: ['node:', 'vscode'] }],
	[/^src\/host\//, { internal: PURE_AND_CLIENT, packages: ['node:', 'vscode', 'valibot'] }],
	[/^src\/hub\//, { internal: NOTHING, packages: ['node:', '@huggingface/hub'] }],
	[/^src\/extension$/, { internal: /^src\/(shared|host)\//, packages: ['node:', 'vscode'] }],
	[/^src\/cli$/, { internal: /^src\/(cli|shared|analysis)\//, packages: ['node:'] }],
	[/^src\/cli\/hub$/, { internal: /^src\/(shared|analysis|hub)\/|^src\/engine\/api$/, packages: ['node:'] }],
	[/^src\/cli\//, { internal: PURE_AND_CLIENT, packages: ['node:'] }],
	[/^webview\/controls$/, { internal: /^src\/shared\//, types: /^src\/analysis\//, packages: ['@vscode/webview-ui-toolkit'] }],
	[/^webview\//, { internal: /^src\/shared\//, types: /^src\/analysis\//, packages: ['d3'] }],
];

const STATIC = /^[ \t]*(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s*)?['"]([^'"]+)['"]/gm;
const DYNAMIC = /\b(?:import|require)\s*\(\s*['"`]([^'"`]+)['"`]/g;

/** Sentences that name each import of `source` that its layer forbids. `file` is relative to the project, with slashes. */
function breaches(file: string, source: string): string[] {
	const name = file.replace(/\.ts$/, '');
	const layer = LAYERS.find(([pattern]) => pattern.test(name))?.[1];
	if (!layer) {
		return [`${file} is in no layer: add its folder to the table of layers.`];
	}
	const imports = [
		...[...source.matchAll(STATIC)].map((match) => ({ index: match.index, type: match[1] !== undefined, from: match[2]! })),
		...[...source.matchAll(DYNAMIC)].map((match) => ({ index: match.index, type: false, from: match[1]! })),
	];
	return imports
		.filter(({ from, type }) => !isAllowed(name, layer, from, type))
		.map(({ index, from }) => `${file}:${source.slice(0, index).split('\n').length} must not import '${from}'`);
}

function isAllowed(name: string, layer: Layer, from: string, type: boolean): boolean {
	if (!from.startsWith('.')) {
		const wanted = from.startsWith('node:') || builtinModules.includes(from) ? 'node:' : from;
		return layer.packages.includes(wanted);
	}
	const target = posix.join(posix.dirname(name), from).replace(/\.(ts|js)$/, '');
	const folder = /^(webview|src\/[^/]+)\//.exec(name)?.[1];
	const isOwn = folder !== undefined && target.startsWith(`${folder}/`) && (NODE_FILE.test(name) || !NODE_FILE.test(target));
	return isOwn || layer.internal.test(target) || (type && layer.types?.test(target) === true);
}

describe('layers', () => {
	test('no file of src/ or webview/ imports what its layer must not', () => {
		const files = ['src', 'webview'].flatMap((folder) =>
			readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name.replaceAll('\\', '/')}`),
		);
		const sources = files.filter((file) => file.endsWith('.ts'));
		assert.ok(sources.length > 40, `only ${sources.length} files found`);
		assert.deepEqual(sources.flatMap((file) => breaches(file, readFileSync(file, 'utf8'))), []);
	});

	test('code for one side does not use the globals of another', () => {
		for (const side of ['src', 'webview']) {
			const { status, stdout } = spawnSync('node_modules/.bin/tsc', ['-p', `test/unit/layers.${side}.json`], { encoding: 'utf8' });
			assert.equal(status, 0, stdout);
		}
	});

	const forbidden: [file: string, source: string, from: string][] = [
		['src/shared/a.ts', "import { x } from '../trace/b';", '../trace/b'],
		['src/trace/a.ts', "import { readFileSync } from 'node:fs';", 'node:fs'],
		['src/trace/a.ts', "import { open } from './bytes.node';", './bytes.node'],
		['src/trace/a.ts', "import { view } from '../analysis/view';", '../analysis/view'],
		['src/prompts/a.ts', "import * as vscode from 'vscode';", 'vscode'],
		['src/analysis/a.ts', "import type { Api } from '../engine/api';", '../engine/api'],
		['src/analysis/a.ts', "const fs = require('fs');", 'fs'],
		['src/engine/a.ts', "const ort = await import('onnxruntime-node');", 'onnxruntime-node'],
		['src/engine/a.ts', "export { x } from '../host/panel';", '../host/panel'],
		['src/host/a.ts', "import {\n\tdecode,\n} from '../engine/decoder';", '../engine/decoder'],
		['src/host/a.ts', "import { scaleLinear } from 'd3';", 'd3'],
		['src/cli.ts', "import * as vscode from 'vscode';", 'vscode'],
		['webview/a.ts', "import { TraceView } from '../src/analysis/view';", '../src/analysis/view'],
		['webview/views/a.ts', "import { provideVSCodeDesignSystem } from '@vscode/webview-ui-toolkit';", '@vscode/webview-ui-toolkit'],
		['webview/a.ts', "import 'node:path';", 'node:path'],
	];
	for (const [file, source, from] of forbidden) {
		test(`${file} must not import ${from}`, () => {
			assert.deepEqual(breaches(file, `// first line\n${source}\n`), [`${file}:2 must not import '${from}'`]);
		});
	}

	const allowed: [file: string, source: string][] = [
		['src/trace/a.node.ts', "import { open } from 'node:fs/promises';\nimport { b } from './b.node';"],
		['src/engine/runtime.ts', "require('onnxruntime-node');"],
		['src/host/a.ts', "import { Engine } from '../engine/caller/client';\nimport * as vscode from 'vscode';"],
		['webview/views/a.ts', "import type { View } from '../../src/analysis/view';\nimport { b } from '../draw/b';"],
	];
	for (const [file, source] of allowed) {
		test(`${file} may import what its layer allows`, () => {
			assert.deepEqual(breaches(file, source), []);
		});
	}

	test('a file outside the table is a breach', () => {
		assert.equal(breaches('src/elsewhere/a.ts', '').length, 1);
	});
});
