/** SmolLM2-135M-Instruct, made into a model folder by models/tools/export.py, against what PyTorch and transformers compute. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { readManifest } from '../../src/engine/model/folder';
import { parseManifest } from '../../src/engine/model/manifest';
import { bySite } from '../../src/engine/model/body';
import { Model } from '../../src/engine/model/model';
import { readNpz, type NumericArray } from '../../src/engine/adding/npz';
import { LastReader } from '../../src/engine/run/readers';
import { lastSite } from '../../src/engine/run/last';
import { prefill } from '../../src/engine/run/run';
import { maxDifference } from '../../src/engine/model/selftest';
import { renderChat, type ChatTemplate } from '../../src/prompts/chat';
import type { Message } from '../../src/prompts/prompt';
import { openFile } from '../../src/trace/bytes.node';
import { openTrace } from '../../src/trace/reader';
import { exits, EXPORTER, EXPORTS, PYTHON, runtime, signal, temporary } from './support';

/** Made by `npm test -- exports`: the model folder and what it is held against. */
const SMOLLM2 = process.env['NEURALESE_SMOLLM2'] ?? '';
const FOLDER = join(SMOLLM2, 'model');
/** Largest difference from PyTorch as a share of its largest value. */
const TOLERANCE = 1e-4;
interface Reference {
	question: string;
	conversations: { messages: { role: Message['role']; text: string }[]; text: string }[];
	texts: { text: string; ids: number[] }[];
	sum: { question: string; chain: number[] };
}

function share(found: Float32Array, expected: Float32Array): number {
	return maxDifference(found, expected) / expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

describe('SmolLM2', { skip: SMOLLM2 === '' && 'npm test -- exports makes it' }, () => {
	let home = '';
	let reference: Reference;
	let arrays: ReadonlyMap<string, NumericArray>;
	let model: Model;
	const expected = (name: string) => arrays.get(name)!.data;

	before(async () => {
		home = await temporary();
		reference = JSON.parse(await readFile(join(SMOLLM2, 'reference.json'), 'utf8')) as Reference;
		arrays = readNpz(await readFile(join(SMOLLM2, 'reference.npz')));
		const { text, sha256 } = await readManifest(FOLDER);
		model = await Model.load(runtime, { folder: FOLDER, manifest: parseManifest(text), sha256, signal, progress: () => {} });
	});
	after(() => model?.dispose());

	function cli(...args: string[]) {
		const { status, stdout, stderr } = spawnSync('node', ['dist/cli.js', ...args], {
			encoding: 'utf8',
			env: { ...process.env, NEURALESE_HOME: home, XDG_CACHE_HOME: home },
		});
		return { status, stdout, stderr };
	}

	async function analysed(question: string, ...args: string[]) {
		const file = join(home, 'a.prompt.md');
		await writeFile(file, question);
		const { status, stdout, stderr } = cli('analyze', file, '--model', FOLDER, '--no-evidence', '--json', ...args);
		assert.equal(status, 0, stderr);
		return JSON.parse(stdout) as {
			prompt: string;
			arms: Record<string, { text: string; answer?: string; tokens: { id: number; text: string }[] }>;
		};
	}

	test('all that needs layers is offered, and streams and logits are PyTorch’s', () => {
		const { status, stdout, stderr } = cli('models', 'check', FOLDER, '--reference', join(SMOLLM2, 'reference.npz'), '--json');
		assert.equal(status, 0, stderr);
		const { layers, width, vocab, available, selfTest } = JSON.parse(stdout) as {
			layers: number;
			width: number;
			vocab: number;
			available: string[];
			selfTest: { name: string; ok: boolean }[];
		};
		assert.deepEqual([layers, width, vocab], [30, 576, 49152]);
		for (const feature of ['layers', 'latents', 'patches', 'batches']) {
			assert.ok(available.includes(feature), `${feature} is not offered: ${stdout}`);
		}
		assert.deepEqual(selfTest.filter(({ ok }) => !ok), []);
		assert.ok(selfTest.some(({ name }) => /resid\.30|logits/.test(name)), stdout);
	});

	test('the weights that body and head share lie in the folder once', async () => {
		const { shape, files } = model.manifest;
		const table = shape.vocabulary * shape.width * Float32Array.BYTES_PER_ELEMENT;
		const body = 4 * 30 * (576 * 576 * 2 + 576 * 192 * 2 + 3 * 576 * 1536);
		const [weights] = files.weights;
		assert.ok(weights!.bytes < (table + body) * 1.01, `${weights!.bytes} bytes`);
		assert.ok(files.body.bytes + files.head.bytes < 2e6);
		assert.equal(model.manifest.license, 'apache-2.0');
	});

	test('conversations are written as the model’s own Jinja writes them', async () => {
		const { template, bos, eos } = JSON.parse(await readFile(join(FOLDER, 'chat.json'), 'utf8')) as { template: string; bos: string; eos: string };
		const chat: ChatTemplate = { source: template, bos, eos };
		for (const { messages, text } of reference.conversations) {
			assert.equal(renderChat(chat, messages.map((message) => ({ ...message, pieces: [] }))).text, text);
		}
	});

	test('texts have the tokens that the rebuilt tokenizer has in Python', () => {
		for (const { text, ids } of reference.texts) {
			assert.deepEqual([...model.tokenizer.encode(text).ids], ids, JSON.stringify(text));
		}
	});

	test('a chain in natural language is PyTorch’s, token for token, and the answer follows in a turn of its own', async () => {
		const { question, chain } = reference.sum;
		const { prompt, arms } = await analysed(question, '--arms', 'cot', '--max-tokens', String(chain.length));
		assert.ok(prompt.includes(`<|im_start|>user\n${question}<|im_end|>`), prompt);
		const ids = arms['cot']!.tokens.map(({ id }) => id);
		const from = ids.findIndex((_, i) => chain.every((id, j) => ids[i + j] === id));
		assert.ok(from >= 0, `PyTorch goes on with ${chain.join(' ')}, the engine with ${ids.join(' ')}`);
	});

	test('a question that it knows the answer to is answered sensibly by every arm', async () => {
		const { arms } = await analysed(reference.question, '--max-tokens', '16');
		assert.deepEqual(Object.keys(arms), ['direct', 'cot', 'coconut', 'soft']);
		assert.match(arms['cot']!.text, /The capital of France is Paris\./);
		for (const [name, { answer }] of Object.entries(arms)) {
			assert.match(answer ?? '', /^Paris\b/, name);
		}
	});

	test('the logit lens reads every layer as PyTorch does', async () => {
		const { layers, width } = model.manifest.shape;
		const ids = [...expected('input_ids')];
		const { resid } = await model.body.forward({ ids }, model.body.empty);
		const [topIds, topLogits] = [expected('lens.ids'), expected('lens.logits')];
		const k = topIds.length / (ids.length * (layers + 1));
		let closest = Infinity;
		const positions = model.head.positions(layers + 1);
		for (let start = 0; start < ids.length; start += positions) {
			const end = Math.min(ids.length, start + positions);
			const from = start * (layers + 1) * k;
			const targets = new Array<number>(end - start).fill(0);
			const reading = await model.head.read(bySite(resid, width, start, end), layers + 1, targets, k);
			assert.ok(share(reading.topLogits, topLogits.subarray(from, from + reading.topLogits.length)) <= TOLERANCE);
			for (let cell = 0; cell < reading.topIds.length; cell += k) {
				const gap = topLogits[from + cell]! - topLogits[from + cell + 1]!;
				// Of two that are as likely, either may be first.
				if (gap > TOLERANCE * Math.abs(topLogits[from + cell]!)) {
					assert.equal(reading.topIds[cell], topIds[from + cell]);
					closest = Math.min(closest, gap);
				}
			}
		}
		assert.ok(closest < Infinity);
	});

	test('soft thinking feeds back the mixtures that a PyTorch loop does, and goes on alike', async () => {
		const { width } = model.manifest.shape;
		const reader = new LastReader(model);
		const ids = [...expected('input_ids')];
		let { cache, last } = await prefill(model, ids, signal, (forward) => reader.read(forward));
		const [vectors, after] = [expected('soft.vectors'), expected('soft.logits')];
		for (let step = 0; step < vectors.length / width; step++) {
			const moment = { hidden: lastSite(last, model), normed: () => last.normed(), index: step, draw: { seed: 0, arm: 'soft' } };
			const { embed: vector } = await model.thinking.think({ feedback: { site: 'mixture', top: 10 } }, moment);
			const wanted = vectors.subarray(step * width, (step + 1) * width);
			assert.ok(share(vector, wanted) <= TOLERANCE, `mixture ${step} differs by ${share(vector, wanted)}`);
			const forward = await model.body.forward({ embeddings: vector }, cache);
			cache = forward.cache;
			last = await reader.read(forward);
			const logits = await model.head.logits(lastSite(last, model));
			const next = after.subarray(step * logits.length, (step + 1) * logits.length);
			assert.ok(share(logits, next) <= TOLERANCE, `logits after mixture ${step} differ by ${share(logits, next)}`);
		}
	});

	test('soft thinking from the command line is saved, and read again: the same mixtures, and the lens of where each was made', async () => {
		const out = join(home, 'soft.trace.safetensors');
		await analysed(reference.question, '--arms', 'soft', '--latents', '4', '--max-tokens', '4', '--out', out);
		const file = await openFile(out);
		const { document, source } = await opened(file);
		const [arm] = document.arms;
		assert.equal(arm!.thoughts.length, 4);
		const vectors = (await source.read('soft', 'latent.vec', { start: 0, end: 4 })) as Float32Array;
		assert.ok(share(vectors, expected('soft.vectors')) <= TOLERANCE);
		const sites = model.manifest.shape.layers + 1;
		const { producedAt } = arm!.thoughts[0]!;
		const ids = (await source.read('soft', 'lens.topk_id', { start: producedAt, end: producedAt + 1 })) as Int32Array;
		const k = ids.length / sites;
		const last = expected('lens.ids').subarray(-10);
		assert.deepEqual([...ids.subarray((sites - 1) * k, (sites - 1) * k + 3)], [...last.subarray(0, 3)]);
		file.dispose();
	});

	async function opened(file: Awaited<ReturnType<typeof openFile>>) {
		const source = await openTrace(file);
		return { document: source.document, source };
	}
});

describe('export.py', { skip: PYTHON === '' && 'npm test -- exports installs what it needs' }, () => {
	let home = '';
	before(async () => {
		home = await temporary();
	});

	const python = (...args: string[]) =>
		spawnSync(PYTHON, args, { encoding: 'utf8', env: { ...process.env, HF_HUB_OFFLINE: '1', HF_HOME: home } });

	/** A copy of a small random checkpoint. */
	async function checkpoint(name: string, change: (folder: string) => Promise<void>): Promise<string> {
		const folder = join(home, name);
		await cp(join(EXPORTS, 'llama/checkpoint'), folder, { recursive: true });
		await change(folder);
		return folder;
	}

	test('what cannot be read is one sentence that says what to do', async () => {
		const taken = join(home, 'taken');
		await mkdir(taken);
		const config = async (folder: string, change: object) => {
			const path = join(folder, 'config.json');
			await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, 'utf8')) as object), ...change }));
		};
		const unknown = await checkpoint('unknown', (folder) => config(folder, { model_type: 'zebra' }));
		const encoder = await checkpoint('encoder', (folder) => config(folder, { model_type: 't5' }));
		const mute = await checkpoint('mute', (folder) => rm(join(folder, 'tokenizer.json')));
		const pickled = await checkpoint('pickled', (folder) => rm(join(folder, 'model.safetensors')));
		const noise = join(home, 'noise.gguf');
		await writeFile(noise, 'no gguf');
		const foreign = join(home, 'foreign.gguf');
		await writeFile(foreign, gguf('zebra'));
		const out = join(home, 'out');
		const cases: [args: string[], wording: RegExp][] = [
			[[join(home, 'nowhere'), '--out', out], /^There is no checkpoint ".*nowhere": give a folder/],
			[['some-owner/some-model', '--out', out], /^"some-owner\/some-model" is no file or folder, and cannot be got from the hub \(/],
			[[taken, '--out', taken], /^".*taken" exists already: give --out a new name\.$/],
			[[taken, '--out', out], /^The folder ".*taken" has no config\.json: /],
			[[unknown, '--out', out], /^The architecture of ".*unknown" is unknown to transformers [\d.]+: give a causal decoder/],
			[[encoder, '--out', out], /^The architecture "t5" of ".*encoder" is no causal language model: /],
			[[mute, '--out', out], /^".*mute" has no tokenizer that can be read: give --tokenizer/],
			[[pickled, '--out', out], /^The folder ".*pickled" has no \*\.safetensors: save the model again/],
			[[noise, '--out', out], /^".*noise\.gguf" is no whole GGUF file \(/],
			[[foreign, '--out', out], /^GGUF files of the architecture "zebra" cannot be read: /],
		];
		for (const [i, said] of exits(cases.map(([args]) => args), { HF_HOME: home }).entries()) {
			assert.match(said, cases[i]![1]);
			assert.doesNotMatch(said, /\n/);
		}
	});

	test('a missing package is named with what installs it', async () => {
		// Without site-packages there is none of them.
		const { status, stderr } = spawnSync(PYTHON, ['-I', '-S', ...EXPORTER, 'x', '--out', 'y'], { encoding: 'utf8' });
		assert.equal(status, 1);
		assert.match(stderr, /^The Python package "\w+" is missing: run "pip install -r models\/tools\/requirements\.txt"\.\n$/);
	});

	test('a checkpoint that is stored in half precision computes what its rounded weights do', async () => {
		const out = join(home, 'half');
		const { status, stdout, stderr } = python(...EXPORTER, join(EXPORTS, 'gpt2/checkpoint'), '--out', out, '--dtype', 'fp16', '--name', 'Half');
		assert.equal(status, 0, stderr);
		assert.doesNotMatch(stdout, / no$/m);
		const { text, sha256 } = await readManifest(out);
		const manifest = parseManifest(text);
		assert.deepEqual([manifest.quantisation, manifest.name, Object.keys(manifest.recipe.arms)], ['fp16', 'Half', ['direct', 'cot', 'coconut', 'soft']]);
		const model = await Model.load(runtime, { folder: out, manifest, sha256, signal, progress: () => {} });
		assert.deepEqual([...model.unavailable.keys()], ['probes']);
		model.dispose();
	});

	test('what the tokenizer puts before every text is in the recipe, also beside a chat template', async () => {
		const folder = await checkpoint('begun', async (one) => {
			const path = join(one, 'tokenizer.json');
			const special = { SpecialToken: { id: '<s>', type_id: 0 } };
			const single = [special, { Sequence: { id: 'A', type_id: 0 } }, { SpecialToken: { id: '</s>', type_id: 0 } }];
			const tokens = Object.fromEntries(['<s>', '</s>'].map((id, i) => [id, { id, ids: [i + 1], tokens: [id] }]));
			const processor = { type: 'TemplateProcessing', single, pair: [...single, { Sequence: { id: 'B', type_id: 1 } }], special_tokens: tokens };
			await writeFile(path, JSON.stringify({ ...(JSON.parse(await readFile(path, 'utf8')) as object), post_processor: processor }));
			await writeFile(join(one, 'chat_template.jinja'), '{{ bos_token }}{% for one in messages %}{{ one.content }}{% endfor %}');
		});
		const out = join(home, 'begun-out');
		const { status, stderr } = python(...EXPORTER, folder, '--out', out);
		assert.equal(status, 0, stderr);
		const { recipe, files } = parseManifest((await readManifest(out)).text);
		assert.equal(files.chat?.name, 'chat.json');
		for (const [name, [first]] of Object.entries(recipe.arms)) {
			assert.deepEqual(first, { kind: 'tokens', tokens: ['<s>'] }, name);
		}
	});

	test('requirements.txt and the script’s own header ask for the same packages', async () => {
		const script = await readFile(EXPORTER[0]!, 'utf8');
		const header = [...script.slice(0, script.indexOf('# ///\n"""')).matchAll(/^# {3}"(.+)",$/gm)].map(([, name]) => name);
		const listed = (await readFile('models/tools/requirements.txt', 'utf8')).trim().split('\n');
		assert.ok(header.length > 5);
		assert.deepEqual(header, listed);
	});
});

/** The smallest file that says its architecture: one entry and no tensors. */
function gguf(architecture: string): Buffer {
	const text = (value: string) => {
		const length = Buffer.alloc(8);
		length.writeBigUInt64LE(BigInt(Buffer.byteLength(value)));
		return Buffer.concat([length, Buffer.from(value)]);
	};
	const head = Buffer.alloc(24);
	head.write('GGUF');
	head.writeUInt32LE(3, 4);
	head.writeBigUInt64LE(0n, 8);
	head.writeBigUInt64LE(1n, 16);
	const kind = Buffer.alloc(4);
	kind.writeUInt32LE(8);
	return Buffer.concat([head, text('general.architecture'), kind, text(architecture)]);
}
