/** The package of this platform, as users get it: what is in it, how large it is, and that it works once it is installed. */
import { after, before, describe, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EXAMPLE } from './examples';
import { flow } from './flow';
import { Host, PROJECT } from './host';
import { Panel } from './panel';
import { engine } from './processes';
import { Workbench } from './workbench';

/** Users disable extensions of 50 MB. Measured 32 with six models: the runtime 18.0, they 13.4, all else 0.7; the seventh, `hops`, has 0.9 unpacked; an eighth is a decision. */
const SIZE_LIMIT = 34e6;
const PLATFORM = `${process.platform}-${process.arch}`;
const BINARIES = `node_modules/onnxruntime-node/bin/napi-v6/${process.platform}/${process.arch}`;

/** All that may be in it. */
const EXPECTED = [
	/^(package(\.nls(\.[\w-]+)?)?\.json|\.vsixmanifest|readme\.md|changelog\.md|LICENSE(\.txt)?)$/,
	/^dist\/(extension|engine|cli|webview|compare)\.js(\.LEGAL\.txt)?$/,
	/^dist\/(webview|compare)-style\.css$/,
	/^dist\/NOTICES\.txt$/,
	/^media\/icon\.(png|svg)$/,
	/^media\/examples\/[\w.-]+$/,
	/^models\/[\w-]+\/([\w-]+\.onnx|(model|tokenizer|reference)\.json|codes\.safetensors|card\.md|probes\/[\w-]+\.safetensors)$/,
	/^node_modules\/onnxruntime-node\/(package\.json|dist\/\w+\.js)$/,
	new RegExp(`^${BINARIES}/[\\w.-]+$`),
	/^node_modules\/onnxruntime-common\/(package\.json|dist\/cjs\/([\w-]+\.js|package\.json))$/,
];

/** Some of what must be in it. */
const NEEDED = [
	...['package.json', 'dist/extension.js', 'dist/engine.js', 'dist/webview.js', 'dist/compare.js', 'dist/NOTICES.txt'],
	...['models/prosqa/body.onnx', 'models/prosqa-pause/body.onnx', 'models/prosqa-rl/body.onnx'],
	...['models/prosqa/reference.json', 'media/icon.svg', 'media/examples/davis.trace.safetensors'],
	`${BINARIES}/onnxruntime_binding.node`,
];

describe('the package', () => {
	let vsix: string;
	let host: Host;
	let workbench: Workbench;
	let files: string[];

	before(async () => {
		execFileSync('node', ['test/tasks.mjs', 'package'], { stdio: ['ignore', 'ignore', 'inherit'] });
		const { name, version } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));
		vsix = join(PROJECT, `${name}-${PLATFORM}-${version}.vsix`);
		host = await Host.start({ extension: { vsix } });
		const extensions = join(host.root, 'extensions');
		const installed = join(extensions, readdirSync(extensions).find((folder) => folder.startsWith('neuralese.'))!);
		const entries = readdirSync(installed, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
		files = entries.map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1));
		workbench = await Workbench.open(host);
	});
	after(async () => {
		await workbench?.close();
		await host?.stop();
	});

	test('holds what is needed and nothing else: no sources, tests, source maps, or other platforms', () => {
		assert.deepEqual(files.filter((file) => !EXPECTED.some((pattern) => pattern.test(file))), []);
		assert.deepEqual(NEEDED.filter((file) => !files.includes(file)), []);
	});

	test('is small', () => {
		const { size } = statSync(vsix);
		console.log(`package: ${(size / 1e6).toFixed(1)} MB, ${files.length} files`);
		assert.ok(size < SIZE_LIMIT, `${size} bytes`);
	});

	flow('runs an analysis once it is installed', () => ({ host, workbench }), async () => {
		const panel = new Panel(workbench.webview());
		await workbench.open(EXAMPLE);
		await workbench.command('Neuralese: Analyze Prompt');
		await panel.isReady();
		assert.equal((await panel.read()).answers.length, 3);
		assert.match(engine(host.pid)!.command, /extensions\/neuralese\.neuralese-inspector/);
	});
});
