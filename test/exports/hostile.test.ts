/** Exports and model folders that mean harm, or that something happens to meanwhile: each is refused in one sentence by the child. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { before, beforeEach, describe, test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { addModel } from '../../src/engine/adding/adding';
import { Engine } from '../../src/engine/caller/client';
import { readManifest } from '../../src/engine/model/folder';
import { AttributeProtoSchema, GraphProtoSchema, StringStringEntryProtoSchema } from '../../src/engine/instrument/onnx_pb';
import { node, parseModel, serialise, whole, type GraphProto } from '../../src/engine/instrument/proto';
import { parseManifest } from '../../src/engine/model/manifest';
import { Model } from '../../src/engine/model/model';
import { EXPORTS, runtime, signal, temporary } from './support';

const WEIGHTS = 'model.onnx.data';
const progress = () => {};
const PROMPT = 'Every terpus is a hilpus. Tom is a terpus. Is Tom a hilpus?\n';

describe('hostile exports', { skip: EXPORTS === '' && 'npm test -- exports makes the exports' }, () => {
	let prompt = '';
	let home = '';
	before(async () => {
		prompt = join(await temporary(), 'a.prompt.md');
		await writeFile(prompt, PROMPT);
	});
	beforeEach(async () => {
		home = await temporary();
		process.env['NEURALESE_HOME'] = home;
	});

	async function copyOf(name: string, change: (folder: string) => Promise<void> = async () => {}): Promise<string> {
		const folder = join(await temporary(), 'export');
		await cp(join(EXPORTS, name), folder, { recursive: true });
		await change(folder);
		return folder;
	}

	const edited = (change: (graph: GraphProto) => void) => async (folder: string) => {
		const path = join(folder, 'model.onnx');
		const model = parseModel(await readFile(path));
		change(model.graph);
		await writeFile(path, serialise(model));
	};

	function cli(args: readonly string[], env: Record<string, string> = {}) {
		return spawnSync('node', ['dist/cli.js', ...args], { encoding: 'utf8', env: { ...process.env, NEURALESE_HOME: home, ...env } });
	}

	/** The last line of the error output: all before it is progress. */
	function sentenceOf(stderr: string): string {
		return stderr.trim().split('\n').at(-1)!;
	}

	const cases: [what: string, name: string, change: (folder: string) => Promise<void>, wording: RegExp][] = [
		['SentencePiece’s own file', 'llama/optimum', onlyTokenizer('tokenizer.model'), /only tokenizer\.model, which Python's transformers converts: AutoTokenizer/],
		['the parts of an old tokenizer', 'gpt2/optimum', onlyTokenizer('vocab.json'), /only vocab\.json, which Python's transformers converts/],
		['a custom operator', 'llama/optimum', edited((graph) => void graph.node.push(custom('my.domain', 'Steal'))), /custom operator "Steal" of "my\.domain", which would need a library/],
		[
			'a custom operator inside a branch',
			'llama/optimum',
			edited((graph) => void graph.node.push(withBranch(custom('evil', 'Run')))),
			/custom operator "Run" of "evil"/,
		],
		[
			'an operator that reads a file',
			'llama/optimum',
			edited((graph) => void graph.node.push(custom('com.microsoft', 'EPContext'))),
			/custom operator "EPContext"/,
		],
		['weights that are a folder', 'llama/dynamo', inPlaceOfWeights((path) => mkdir(path)), /not a regular file with one name/],
		['weights that are a named pipe', 'llama/dynamo', inPlaceOfWeights(pipe), /not a regular file with one name/],
		['weights beyond the file', 'llama/dynamo', edited(offsets('999999999')), /is cut off: it has \d+ bytes, and the weights .* end at/],
		['an offset that is no number', 'llama/dynamo', edited(offsets('-1')), /have no sound offset/],
		['an offset that is no safe number', 'llama/dynamo', edited(offsets('9'.repeat(30))), /have no sound offset/],
		['a message within itself, a hundred thousand times', 'llama/optimum', content(nested(100_000)), /not an ONNX model/],
		['a graph within itself, a thousand times', 'llama/optimum', content(nested(1000)), /nested deeper|not an ONNX model/],
		['a length of 2^63', 'llama/optimum', content(Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)), /not an ONNX model/],
		['a length that never ends', 'llama/optimum', content(new Uint8Array(1000).fill(0xff)), /not an ONNX model/],
		['an empty file', 'llama/optimum', content(new Uint8Array(0)), /not an ONNX model/],
	];
	test('each is refused with one sentence, by the same child, and leaves nothing', async () => {
		const engine = new Engine({ modulePath: 'dist/engine.js' });
		try {
			const { pid } = await engine.call('describe', undefined);
			for (const [what, name, change, wording] of cases) {
				await assert.rejects(engine.call('add', { source: await copyOf(name, change) }), (error: Error) => {
					assert.match(error.message, wording, what);
					assert.match(error.message, /^[^\n]+\.$/, what);
					return true;
				});
			}
			assert.equal(engine.pid, pid);
			assert.deepEqual(await readdir(join(home, 'models')).catch(() => []), []);
		} finally {
			engine.dispose();
		}
	});

	test('a graph that gives other extents than it declares is refused when it is run', async () => {
		const twice = (name: string) => (graph: GraphProto) => {
			for (const one of graph.node) {
				one.output = one.output.map((output) => (output === name ? 'once' : output));
				one.input = one.input.map((input) => (input === name ? 'once' : input));
			}
			graph.node.push(node('Concat', ['once', 'once'], [name], [whole('axis', 1)]));
		};
		const wrong: [file: 'body' | 'head', name: string, wording: RegExp][] = [
			['body', 'resid.1', /body graph gave resid\.1 as \[1, 24, 64\] where \[1, 12, 64\] is expected/],
			['body', 'present.0.key', /body graph (gave|has the output) present\.0\.key/],
			['head', 'lse', /head graph gave lse as \[12, 8\] where \[12, 4\] is expected/],
			['head', 'topk_ids', /head graph gave topk_ids as \[12, 8, 4\] where \[12, 4, 4\] is expected/],
		];
		const source = await copyOf('llama/optimum');
		const folder = await addModel(runtime, { source, signal, progress });
		for (const [file, name, wording] of wrong) {
			const copy = join(dirname(folder), 'copy');
			await rm(copy, { recursive: true, force: true });
			await cp(folder, copy, { recursive: true });
			const path = join(copy, `${file}.onnx`);
			const model = parseModel(await readFile(path));
			twice(name)(model.graph);
			await replaceFile(copy, file, serialise(model), folder);
			await assert.rejects(load(copy), wording, name);
		}
	});

	test('what a manifest says of a file is what the file is', async () => {
		const folder = await addModel(runtime, { source: await copyOf('llama/dynamo'), signal, progress });
		await writeFile(join(folder, 'head.onnx'), 'x', { flag: 'a' });
		await assert.rejects(load(folder), /"head\.onnx" has \d+ bytes, its manifest says \d+/);
	});

	test('a file that is replaced between its check and its opening is noticed', async () => {
		const source = await copyOf('llama/dynamo');
		const folder = await addModel(runtime, { source, signal, progress });
		const other = await readFile(join(source, WEIGHTS));
		const { text, sha256 } = await readManifest(folder);
		let changed = false;
		const replacing = Model.load(runtime, {
			folder,
			manifest: parseManifest(text),
			sha256,
			signal,
			progress: (message) => {
				if (message === 'Loading the body') {
					changed = true;
					spawnSync('cp', [join(source, WEIGHTS), join(source, 'new')]);
					spawnSync('mv', [join(source, 'new'), join(source, WEIGHTS)]);
				}
			},
		});
		await assert.rejects(replacing, /weights "model\.onnx\.data" were changed while the model was loaded/);
		assert.ok(changed);
		assert.deepEqual(await readFile(join(source, WEIGHTS)), other);
		await load(folder);
	});

	test('weights that are cut off after the model was added are refused', async () => {
		const source = await copyOf('gpt2/torchscript');
		const folder = await addModel(runtime, { source, signal, progress });
		await writeFile(join(source, 'model.onnx'), (await readFile(join(source, 'model.onnx'))).subarray(0, 500_000));
		const { status, stderr } = cli(['analyze', prompt, '--model', folder]);
		assert.equal(status, 1);
		assert.equal(sentenceOf(stderr), 'The weights "model.onnx" have changed since the model was added: add it again.');
	});

	test('processes that add one model at once all succeed, and one folder is there', async () => {
		const source = await copyOf('llama/dynamo');
		const children = Array.from({ length: 3 }, () =>
			spawn('node', ['dist/cli.js', 'models', 'add', source], { env: process.env, stdio: ['ignore', 'ignore', 'pipe'] }),
		);
		const codes = await Promise.all(children.map(async (child) => (await once(child, 'exit')) as [number]));
		assert.deepEqual(codes.map(([code]) => code), [0, 0, 0]);
		const names = await readdir(join(home, 'models'));
		assert.equal(names.length, 1, names.join());
		await load(join(home, 'models', names[0]!));
	});

	test('who is killed while adding leaves nothing that is half a model, and the next one removes the rest', async () => {
		const source = await copyOf('llama/dynamo');
		const engine = new Engine({ modulePath: 'dist/engine.js' });
		let staged: string[] = [];
		const adding = engine.call('add', { source }, {
			onEvent: ({ message }) => {
				if (message === 'Testing the model') {
					staged = spawnSync('ls', ['-a', join(home, 'models')], { encoding: 'utf8' }).stdout.split('\n').filter((name) => /^\.?\w/.test(name));
					process.kill(engine.pid!, 'SIGKILL');
				}
			},
		});
		await assert.rejects(adding, /ended unexpectedly/);
		assert.match(staged.join(), /^\.adding-\d+-[0-9a-f-]+$/);
		assert.deepEqual(await readdir(join(home, 'models')), staged);
		assert.equal(cli(['models', 'list']).stdout.includes('adding'), false);
		await engine.call('add', { source });
		engine.dispose();
		const names = await readdir(join(home, 'models'));
		assert.match(names.join(), /^export-[0-9a-f]{8}$/);
	});

	test('an export that does not fit the memory is refused before it is read', async () => {
		const { status, stderr } = cli(['models', 'add', await copyOf('llama/optimum')], { NEURALESE_MEMORY_LIMIT: '10MB' });
		assert.equal(status, 1);
		assert.match(sentenceOf(stderr), /^Adding the model needs about [\d.]+ MB of memory and 0\.0 MB can be had: close other programs, or choose a smaller or quantised model\.$/);
		assert.deepEqual(await readdir(join(home, 'models')).catch(() => []), []);
	});

	test('a pattern for answers that never ends is ended with the child, and not run by the caller', async () => {
		const folder = await addModel(runtime, { source: await copyOf('llama/dynamo'), signal, progress, out: join(home, 'mine') });
		const path = join(folder, 'model.json');
		const place = createHash('sha256').update(await readFile(path)).digest('hex');
		const manifest = JSON.parse(await readFile(path, 'utf8')) as { recipe: { answer?: string } };
		manifest.recipe.answer = '^(a+)+$';
		const text = JSON.stringify(manifest);
		await writeFile(path, text);
		const hash = createHash('sha256').update(text).digest('hex');
		await rename(join(home, 'places', `${place}.json`), join(home, 'places', `${hash}.json`));
		const engine = new Engine({ modulePath: 'dist/engine.js' });
		try {
			await engine.call('load', { model: folder });
			assert.deepEqual(await engine.call('golds', { model: folder, texts: ['aaa', 'b '] }), ['aaa', 'b']);
			let turns = 0;
			const turning = setInterval(() => turns++, 50);
			await assert.rejects(engine.call('golds', { model: folder, texts: [`${'a'.repeat(60)}!`] }), /no sign of progress/);
			clearInterval(turning);
			assert.ok(turns > 20, `${turns} turns of the caller’s loop`);
		} finally {
			engine.dispose();
		}
	});

	test('neither the command line nor the extension has what reads graphs in it', async () => {
		const reader = /require\("onnxruntime-node"\)|onnx\.ModelProto|InferenceSession/;
		for (const [file, expected] of [['cli.js', false], ['extension.js', false], ['engine.js', true]] as const) {
			assert.equal(reader.test(await readFile(join('dist', file), 'utf8')), expected, file);
		}
	});
});

async function load(folder: string): Promise<void> {
	const { text, sha256 } = await readManifest(folder);
	const model = await Model.load(runtime, { folder, manifest: parseManifest(text), sha256, signal, progress });
	model.dispose();
}

/** In the copy of an added model, whose weights then lie where the record of the other one says. */
async function replaceFile(folder: string, file: 'body' | 'head', bytes: Uint8Array, original: string): Promise<void> {
	const manifest = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as { files: Record<string, object> };
	const sha256 = (data: Uint8Array | string) => createHash('sha256').update(data).digest('hex');
	manifest.files[file] = { name: `${file}.onnx`, sha256: sha256(bytes), bytes: bytes.length };
	const text = JSON.stringify(manifest);
	await writeFile(join(folder, `${file}.onnx`), bytes);
	await writeFile(join(folder, 'model.json'), text);
	const places = join(process.env['NEURALESE_HOME']!, 'places');
	const known = sha256(await readFile(join(original, 'model.json')));
	await cp(join(places, `${known}.json`), join(places, `${sha256(text)}.json`));
}

function onlyTokenizer(name: string) {
	return async (folder: string) => {
		await rename(join(folder, 'tokenizer.json'), join(folder, name));
	};
}

function custom(domain: string, opType: string) {
	return Object.assign(node(opType, ['input_ids'], ['stolen']), { domain });
}

/** An `If` whose one branch holds the node. */
function withBranch(inner: ReturnType<typeof node>) {
	const g = create(GraphProtoSchema, { name: 'branch', node: [inner] });
	return node('If', ['input_ids'], ['chosen'], [create(AttributeProtoSchema, { name: 'then_branch', g })]);
}

function inPlaceOfWeights(make: (path: string) => unknown) {
	return async (folder: string) => {
		await rm(join(folder, WEIGHTS));
		await make(join(folder, WEIGHTS));
	};
}

function pipe(path: string): void {
	assert.equal(spawnSync('mkfifo', [path]).status, 0);
}

function offsets(value: string) {
	return (graph: GraphProto) => {
		for (const { externalData } of graph.initializer.filter((one) => one.externalData.length > 0)) {
			const entry = externalData.find(({ key }) => key === 'offset');
			if (entry) {
				entry.value = value;
			} else {
				externalData.push(create(StringStringEntryProtoSchema, { key: 'offset', value }));
			}
		}
	};
}

function content(bytes: Uint8Array) {
	return (folder: string) => writeFile(join(folder, 'model.onnx'), bytes);
}

/** ModelProto.graph (7) whose node (1) has an attribute (5) with a graph (6), and so on inwards. */
function nested(depth: number): Uint8Array {
	const pieces: Uint8Array[] = [];
	let length = 0;
	for (let level = 0; level < depth; level++) {
		for (const field of level === 0 ? [1] : [6, 5, 1]) {
			const head = Uint8Array.from([(field << 3) | 2, ...varint(length)]);
			pieces.push(head);
			length += head.length;
		}
	}
	const head = Uint8Array.from([(7 << 3) | 2, ...varint(length)]);
	return Buffer.concat([head, ...pieces.reverse()]);
}

function varint(value: number): number[] {
	const bytes: number[] = [];
	for (let rest = value; ; rest = Math.floor(rest / 128)) {
		if (rest < 128) {
			return [...bytes, rest];
		}
		bytes.push((rest % 128) | 128);
	}
}
