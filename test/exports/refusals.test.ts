/** What is refused, in one sentence each: files that are not what they should be, and weights that lie where they must not. */
import assert from 'node:assert/strict';
import { copyFile, cp, link, mkdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, test } from 'node:test';
import fc from 'fast-check';
import { addModel, modelFolder } from '../../src/engine/adding/adding';
import { checkModel } from '../../src/engine/adding/check';
import { EngineError } from '../../src/engine/error';
import { checkReferences } from '../../src/engine/instrument/external';
import { instrument } from '../../src/engine/instrument/instrument';
import { DataType, integers, node, parseModel, serialise, whole, type GraphProto } from '../../src/engine/instrument/proto';
import { Models } from '../../src/engine/model/models';
import { EXPORTS, runtime, signal, temporary } from './support';

/** Graphs of 15 kB. */
const DAMAGED = 400;
const progress = () => {};
const WEIGHTS = 'model.onnx.data';

describe('refusals', { skip: EXPORTS === '' && 'npm test -- exports makes the exports' }, () => {
	beforeEach(async () => {
		process.env['NEURALESE_HOME'] = await temporary();
	});

	/** A copy of an export that `change` may break. */
	async function copyOf(name: string, change: (folder: string) => Promise<void>): Promise<string> {
		const folder = join(await temporary(), 'export');
		await cp(join(EXPORTS, name), folder, { recursive: true });
		await change(folder);
		return folder;
	}

	async function edited(folder: string, change: (graph: GraphProto) => void): Promise<void> {
		const path = join(folder, 'model.onnx');
		const model = parseModel(await readFile(path));
		change(model.graph);
		await writeFile(path, serialise(model));
	}

	function pointingTo(location: string) {
		return (folder: string) =>
			edited(folder, (graph) => {
				for (const { externalData } of graph.initializer) {
					externalData.filter(({ key }) => key === 'location').forEach((entry) => (entry.value = location));
				}
			});
	}

	async function refused(source: string, wording: RegExp, more: { tokenizer?: string; out?: string } = {}): Promise<void> {
		await assert.rejects(addModel(runtime, { source, signal, progress, ...more }), (error: Error) => {
			assert.match(error.message, wording);
			assert.match(error.message, /^[^\n]+\.$/);
			return true;
		});
	}

	/** Why only logits of an export are offered; they are those of the original. */
	async function logitsOnly(source: string): Promise<string> {
		const folder = await addModel(runtime, { source, signal, progress });
		const models = new Models();
		const { manifest, selfTest } = await models.use(folder, { signal, progress }, async (model) => ({
			manifest: model.manifest,
			selfTest: (await checkModel(runtime, model, undefined, signal)).selfTest,
		}));
		models.dispose();
		assert.ok(selfTest.some(({ name, ok }) => /original/.test(name) && ok));
		assert.ok(selfTest.every(({ ok }) => ok));
		assert.deepEqual(Object.keys(manifest.recipe.arms), ['direct', 'cot']);
		return manifest.logitsOnly!;
	}

	test('a graph that leaves its heads open is run with those of its configuration', async () => {
		const source = await copyOf('llama/optimum', (folder) =>
			edited(folder, (graph) => {
				for (const { type } of graph.input.filter(({ name }) => name.startsWith('past'))) {
					const dims = type?.value.case === 'tensorType' ? type.value.value.shape!.dim : [];
					[1, 3].forEach((axis) => (dims[axis]!.value = { case: 'dimParam', value: `axis${axis}` }));
				}
			}),
		);
		const models = new Models();
		const shape = await models.use(await addModel(runtime, { source, signal, progress }), { signal, progress }, (model) => model.manifest.shape);
		models.dispose();
		assert.deepEqual([shape.heads, shape.headWidth], [2, 16]);
		await rm(join(source, 'config.json'));
		await refused(source, /says how many key\/value heads the model has: put its config\.json there/, { out: join(source, 'made') });
	});

	const cases: [what: string, name: string, change: (folder: string) => Promise<void>, wording: RegExp][] = [
		[
			'a graph without its cache',
			'llama/optimum',
			(folder) => edited(folder, withoutCache),
			/no past keys and values.*with its cache/,
		],
		['a graph without input_ids', 'llama/optimum', (folder) => edited(folder, renamedInput), /no input "input_ids"/],
		['a graph without logits', 'llama/optimum', (folder) => edited(folder, renamedLogits), /no output "logits"/],
		[
			'a file that is cut off',
			'llama/optimum',
			(folder) => truncate(join(folder, 'model.onnx'), 100_000),
			/not an ONNX model, or is cut off/,
		],
		['a file that is no graph', 'llama/optimum', (folder) => writeFile(join(folder, 'model.onnx'), 'hello'), /not an ONNX model/],
		[
			'a folder without a tokenizer',
			'llama/optimum',
			(folder) => rm(join(folder, 'tokenizer.json')),
			/no tokenizer\.json beside the graph/,
		],
		[
			'an unknown tokenizer',
			'llama/optimum',
			(folder) => writeFile(join(folder, 'tokenizer.json'), '{"model":{"type":"Odd"}}'),
			/tokenizer\.json cannot be used/,
		],
		['a folder with two graphs', 'llama/optimum', twoGraphs, /several graphs \(a\.onnx, b\.onnx\)/],
		['an input that nobody can give', 'llama/optimum', (folder) => edited(folder, withInput), /asks for "pixel_values"/],
		[
			'weights that are missing',
			'llama/dynamo',
			(folder) => rm(join(folder, WEIGHTS)),
			/weights "model\.onnx\.data" are missing/,
		],
		[
			'weights that are cut off',
			'llama/dynamo',
			(folder) => truncate(join(folder, WEIGHTS), 50_000),
			/is cut off: it has 50000 bytes/,
		],
		['weights outside the folder', 'llama/dynamo', pointingTo('../model.onnx.data'), /not a name in its own folder/],
		['weights by an absolute path', 'llama/dynamo', pointingTo('/etc/passwd'), /not a name in its own folder/],
		[
			'weights that have two names',
			'llama/dynamo',
			(folder) => link(join(folder, WEIGHTS), join(dirname(folder), 'other')),
			/not a regular file with one name/,
		],
		['weights that are a link to another folder', 'llama/dynamo', linked, /link to another folder/],
	];
	for (const [what, name, change, wording] of cases) {
		test(what, async () => refused(await copyOf(name, change), wording));
	}

	test('what exists already is not written over, and what does not exist is named', async () => {
		const folder = await copyOf('llama/dynamo', async () => {});
		await refused(folder, /exists already: give --out a new name/, { out: dirname(folder) });
		await refused(join(folder, 'none.onnx'), /no exported model/);
		await refused(folder, /no tokenizer\.json at/, { tokenizer: dirname(folder) });
	});

	test('weights that change after the model was added are refused, and a changed date alone is not', async () => {
		const folder = await copyOf('llama/dynamo', async () => {});
		const models = new Models();
		const added = await addModel(runtime, { source: folder, signal, progress });
		const bytes = await readFile(join(folder, WEIGHTS));
		await writeFile(join(folder, WEIGHTS), bytes);
		await models.use(added, { signal, progress }, () => {});
		models.dispose();
		bytes[1000]! ^= 1;
		await writeFile(join(folder, WEIGHTS), bytes);
		await assert.rejects(
			new Models().use(added, { signal, progress }, () => {}),
			/have changed since the model was added/,
		);
	});

	test('a model folder may not refer to files that its manifest does not name', async () => {
		const folder = await copyOf('llama/dynamo', async () => {});
		const added = await addModel(runtime, { source: folder, signal, progress, out: join(await temporary(), 'model') });
		const path = join(added, 'model.json');
		const manifest = JSON.parse(await readFile(path, 'utf8')) as { files: { weights?: unknown } };
		delete manifest.files.weights;
		await writeFile(path, JSON.stringify(manifest));
		await assert.rejects(
			new Models().use(added, { signal, progress }, () => {}),
			/not one of the model's own files/,
		);
	});

	test('a hub’s cache of links is read where its files are, and stays as it was', async () => {
		const home = process.env['NEURALESE_HOME']!;
		const cache = join(home, 'hub', 'models--org--Tiny-Llama');
		const snapshot = join(cache, 'snapshots', 'abc', 'onnx');
		await mkdir(join(cache, 'blobs'), { recursive: true });
		await mkdir(snapshot, { recursive: true });
		const store = async (name: string, hash: string, at = snapshot) => {
			await copyFile(join(EXPORTS, 'llama/dynamo', name), join(cache, 'blobs', hash));
			await symlink(join(cache, 'blobs', hash), join(at, name));
		};
		await store('model.onnx', 'aaa');
		await store(WEIGHTS, 'bbb');
		await store('tokenizer.json', 'ccc', dirname(snapshot));
		await store('config.json', 'ddd', dirname(snapshot));
		const before = await stat(join(cache, 'blobs', 'bbb'));
		const folder = await modelFolder(runtime, dirname(snapshot), { signal, progress });
		const manifest = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8')) as {
			name: string;
			shape: { context: number };
			files: { weights: { name: string }[] };
		};
		assert.equal(manifest.name, 'Tiny-Llama');
		assert.equal(manifest.shape.context, 128);
		assert.deepEqual(
			manifest.files.weights.map(({ name }) => name),
			['bbb'],
		);
		assert.deepEqual((await stat(join(cache, 'blobs', 'bbb'))).mtimeMs, before.mtimeMs);
		// Asked for again, it is not made again.
		const { ino } = await stat(join(folder, 'model.json'));
		assert.equal(await modelFolder(runtime, dirname(snapshot), { signal, progress }), folder);
		assert.equal((await stat(join(folder, 'model.json'))).ino, ino);
	});

	test('where the head cannot be told from the body, only logits are offered, and it says why', async () => {
		const folder = await copyOf('llama/optimum', (copy) => edited(copy, (graph) => scaled(graph, 'position_ids')));
		assert.match(await logitsOnly(folder), /^its logits depend on "position_ids" besides the residual stream$/);
	});

	test('where what was made fails its tests, only logits are offered, and it says why', async () => {
		const folder = await copyOf('llama/optimum', (copy) => edited(copy, (graph) => scaled(graph, 'batch')));
		assert.match(
			await logitsOnly(folder),
			/^the self-test "head in chunks and in single rows" failed with a largest difference of 39$/,
		);
	});

	test('damaged graphs are read or refused, and nothing else happens', async () => {
		const bytes = await readFile(join(EXPORTS, 'llama/genai-fp32/model.onnx'));
		let refusals = 0;
		fc.assert(
			fc.property(
				fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
				fc.nat(bytes.length),
				fc.boolean(),
				(changes, end, isCut) => {
					const damaged = Uint8Array.from(bytes.subarray(0, isCut ? end : bytes.length));
					changes.forEach(([at, byte]) => at < damaged.length && (damaged[at] = byte));
					try {
						const { body, head } = instrument(damaged);
						[body, head].forEach((model) => checkReferences(parseModel(serialise(model)), new Map()));
					} catch (error) {
						assert.ok(error instanceof EngineError, String((error as Error).stack));
						refusals++;
					}
				},
			),
			{ numRuns: DAMAGED, seed: 1 },
		);
		assert.ok(refusals > DAMAGED / 4, `${refusals} refused`);
	});

	test('weights of a single file stay in it: what is written is small', async () => {
		const folder = await copyOf('llama/optimum', async () => {});
		const added = await addModel(runtime, { source: join(folder, 'model.onnx'), signal, progress });
		const [whole, body, head] = await Promise.all(
			[join(folder, 'model.onnx'), join(added, 'body.onnx'), join(added, 'head.onnx')].map((path) => stat(path)),
		);
		assert.ok(body!.size + head!.size < whole!.size / 2, `${body!.size} and ${head!.size} of ${whole!.size}`);
	});
});

/** Logits times one more than the number of sequences, which a head takes positions for, or than their position. */
function scaled(graph: GraphProto, by: 'batch' | 'position_ids'): void {
	for (const one of graph.node) {
		one.output = one.output.map((name) => (name === 'logits' ? 'unscaled' : name));
	}
	const factor =
		by === 'batch'
			? [node('Shape', ['input_ids'], ['extents']), node('Gather', ['extents', 'first'], ['rows'])]
			: [node('Unsqueeze', ['position_ids', 'last'], ['rows'])];
	graph.initializer.push(integers('first', [0], true), integers('last', [-1]));
	graph.node.push(
		...factor,
		node('Cast', ['rows'], ['factor'], [whole('to', DataType.FLOAT)]),
		node('Mul', ['unscaled', 'factor'], ['logits']),
	);
}

function withoutCache(graph: GraphProto): void {
	graph.input = graph.input.filter(({ name }) => !name.startsWith('past'));
	graph.output = graph.output.filter(({ name }) => !name.startsWith('present'));
}

function renamedInput(graph: GraphProto): void {
	for (const named of graph.input.filter(({ name }) => name === 'input_ids')) {
		named.name = 'tokens';
	}
	graph.node.forEach((node) => (node.input = node.input.map((name) => (name === 'input_ids' ? 'tokens' : name))));
}

function renamedLogits(graph: GraphProto): void {
	graph.output.filter(({ name }) => name === 'logits').forEach((output) => (output.name = 'scores'));
	graph.node.forEach((node) => (node.output = node.output.map((name) => (name === 'logits' ? 'scores' : name))));
}

/** A mask that comes from outside, as image inputs do. */
function withInput(graph: GraphProto): void {
	const mask = graph.input.find(({ name }) => name === 'attention_mask')!;
	mask.name = 'pixel_values';
	graph.node.forEach((node) => (node.input = node.input.map((name) => (name === 'attention_mask' ? 'pixel_values' : name))));
}

async function twoGraphs(folder: string): Promise<void> {
	await copyFile(join(folder, 'model.onnx'), join(folder, 'a.onnx'));
	await rename(join(folder, 'model.onnx'), join(folder, 'b.onnx'));
}

async function linked(folder: string): Promise<void> {
	await rename(join(folder, WEIGHTS), join(dirname(folder), WEIGHTS));
	await symlink(join(dirname(folder), WEIGHTS), join(folder, WEIGHTS));
}
