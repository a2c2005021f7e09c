/** Traces between Python and this: models/tools/trace.py records what the engine does, and reads, writes and refuses what src/trace does. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { openFile } from '../../src/trace/bytes.node';
import { DOCUMENT_TENSOR } from '../../src/trace/check';
import { encodeHeader, LENGTH_BYTES } from '../../src/trace/container';
import type { TraceDocument } from '../../src/trace/document';
import { fromHalf } from '../../src/trace/half';
import { MIP_THRESHOLD } from '../../src/trace/mips';
import type { PlaneData, PlaneName, TensorInput } from '../../src/trace/planes';
import { openTrace, type TraceFile } from '../../src/trace/reader';
import { generator } from '../../src/shared/random';
import { writeTrace } from '../../src/trace/writer.node';
import { evidenceTensors, sampleDocument, sampleEvidence, sampleTensors } from '../unit/trace/sample';
import { added, EXPORTS, temporary } from './support';

const ARCHITECTURES = ['gemma', 'gpt-neox', 'gpt2', 'llama', 'mistral', 'opt', 'phi', 'qwen2', 'qwen3', 'smollm'];
const SAVED = { davis: 'media/examples/davis.trace.safetensors', golden: 'test/fixtures/golden-v1.trace.safetensors' };
const ONE_SENTENCE = /^[^\n]+\.$/;
const PYTHON = process.env['NEURALESE_PYTHON'] ?? '';
const QUESTION = 'Tom is a gerpus. Every gerpus is a hilpus. Is Tom a hilpus or a yimpus? 😀';
const ALL = { start: 0, end: Infinity };
/** Of logits, in other sums; and of a residual stream in half precision, whose rounding another sum may turn. */
const TOLERANCE = 1e-4;
const HALF_ULP = 2 ** -10;
const MUTATIONS = 600;
const VALUES = [null, true, false, -1, 0, 1, 0.5, 1e17, 2 ** 53, '', 'x', 'x'.repeat(2_001), '😀'.repeat(1_001), 'a/b', [], [0], [0, 1], [1, 0, 2], {}, undefined];

type Job =
	| ['command', { argv: string[] }]
	| ['record', { checkpoint: string; prompt: unknown; out: string; options: object; extra?: string[]; template?: boolean }]
	| ['compare', { checkpoint: string; prompt: string; out: string; options: object }]
	| ['rewrite', { source: string; out: string }]
	| ['verdicts', { folder: string }]
	| ['rows', { file: string; plane: string; start: number; stop: number }]
	| ['refusals', { file: string; folder: string; checkpoint: string }];

const open = async (path: string) => openTrace(await openFile(path));
const checkpoint = (name: string) => join(EXPORTS, name, 'checkpoint');

async function planes(trace: TraceFile): Promise<Map<string, PlaneData>> {
	const names = trace.tensors.map(({ name }) => name).filter((name) => name !== DOCUMENT_TENSOR);
	const parts = names.map((name) => [name.slice(0, name.indexOf('/')), name.slice(name.indexOf('/') + 1)] as [string, PlaneName]);
	return new Map(await Promise.all(parts.map(async ([arm, plane], i) => [names[i]!, (await trace.read(arm, plane, ALL))!] as const)));
}

describe('trace.py', { skip: (EXPORTS === '' || PYTHON === '') && 'npm test -- exports makes what it needs' }, () => {
	let folder = '';
	const path = (name: string) => join(folder, `${name}.trace.safetensors`);
	const answers = new Map<string, unknown>();

	/** All of Python's work is done by one process, because it takes seconds to begin. */
	before(async () => {
		folder = await temporary();
		const jobs: [name: string, job: Job][] = [];
		for (const name of ['llama', 'gpt2']) {
			await engineRun(name);
			const { recipe } = JSON.parse(await readFile(path(`${name}-recipe`), 'utf8')) as { recipe: object };
			const options = { recipe, latents: 3, max_tokens: 8, temperature: name === 'gpt2' ? 0.8 : 0, seed: 5 };
			jobs.push([`record ${name}`, ['record', { checkpoint: checkpoint(name), prompt: QUESTION, out: path(`${name}-python`), options }]]);
		}
		for (const name of ARCHITECTURES) {
			const options = { latents: 2, max_tokens: 4 };
			jobs.push([`compare ${name}`, ['compare', { checkpoint: checkpoint(name), prompt: 'Is Tom a hilpus?', out: path(name), options }]]);
		}
		await longTrace();
		for (const [name, source] of Object.entries({ ...SAVED, engine: path('gpt2-engine'), python: path('gpt2-python'), long: path('long') })) {
			jobs.push([`rewrite ${name}`, ['rewrite', { source, out: path(`${name}-again`) }]]);
		}
		jobs.push(['rows', ['rows', { file: path('long'), plane: 'cot/lens.kl_final', start: 4000, stop: 4010 }]]);
		jobs.push(['mip', ['rows', { file: path('long'), plane: 'cot/lens.kl_final.mip1', start: 1000, stop: 1010 }]]);
		await mkdir(join(folder, 'mutated'));
		await mutate(join(folder, 'mutated'));
		jobs.push(['verdicts', ['verdicts', { folder: join(folder, 'mutated') }]]);
		await mkdir(join(folder, 'refused'));
		jobs.push(['refusals', ['refusals', { file: SAVED.davis, folder: join(folder, 'refused'), checkpoint: checkpoint('llama') }]]);
		const argv = ['record', checkpoint('llama'), QUESTION, '--out', path('command'), '--latents', '6', '--feedback', 'mixture', '--max-tokens', '5', '--dtype', 'bfloat16', '--no-hashes'];
		jobs.push(['command', ['command', { argv }]]);
		jobs.push(['show', ['command', { argv: ['show', path('command')] }]]);
		jobs.push(['command without a model', ['command', { argv: ['record', join(folder, 'none'), QUESTION, '--out', path('none')] }]]);
		const chat = { checkpoint: checkpoint('llama'), prompt: 'Is Tom a hilpus?', options: { latents: 2, max_tokens: 3, arms: ['direct', 'cot', 'coconut'] }, template: true };
		jobs.push(['chat', ['record', { ...chat, out: path('chat') }]]);
		const thinks = { ...chat, extra: ['<think>', '</think>', '<|start-latent|>', '<|end-latent|>'], options: { latents: 3, trained_latents: 2, max_tokens: 3 } };
		jobs.push(['thinks', ['record', { ...thinks, out: path('thinks') }]]);
		await writeFile(join(folder, 'jobs.json'), JSON.stringify(jobs.map(([, job]) => job)));
		const stdout = execFileSync(PYTHON, ['test/fixtures/recorder.py', join(folder, 'jobs.json')], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 28 });
		(JSON.parse(stdout) as unknown[]).forEach((answer, i) => answers.set(jobs[i]![0], answer));
	});

	async function read(name: string): Promise<{ document: TraceDocument; metadata: ReadonlyMap<string, string> }> {
		const trace = await open(path(name));
		trace.dispose();
		return trace;
	}

	/** What the engine makes of the same checkpoint, exported: its trace, and the manifest with the recipe. */
	async function engineRun(name: string): Promise<void> {
		const model = await added(`${name}/optimum`);
		model.dispose();
		await cp(join(model.folder, 'model.json'), path(`${name}-recipe`));
		await writeFile(join(folder, 'question.prompt.md'), QUESTION);
		const flags = ['--latents', '3', '--max-tokens', '8', '--temperature', name === 'gpt2' ? '0.8' : '0', '--seed', '5', '--no-evidence'];
		execFileSync(process.execPath, ['dist/cli.js', 'analyze', join(folder, 'question.prompt.md'), '--model', model.folder, '--out', path(`${name}-engine`), ...flags], { stdio: 'ignore' });
	}

	/** One of more positions than are drawn from themselves, with rows that are not measured. */
	async function longTrace(): Promise<void> {
		const rows = 3 * MIP_THRESHOLD + 5;
		const document: TraceDocument = { ...sampleDocument(), probes: [], evidence: undefined };
		document.arms = [{ ...document.arms[0]!, steps: Array.from({ length: rows }, () => ({ kind: 'token', id: 0 })) }];
		const draw = generator(1, 'rows');
		const values = Float32Array.from({ length: rows * 3 }, () => (draw() < 0.3 ? NaN : draw() - 0.5));
		const tensor: TensorInput = { name: 'cot/lens.kl_final', dtype: 'F32', shape: [rows, 3], chunks: [values] };
		await writeTrace(path('long'), document, [tensor]);
	}

	for (const name of ['llama', 'gpt2']) {
		test(`${name}: a recorded trace is the engine’s, step for step and number for number`, async (context) => {
			const [ours, theirs] = [await open(path(`${name}-engine`)), await open(path(`${name}-python`))];
			const same = ({ arms, prompt, options, tokens, model }: TraceDocument) => ({
				arms: arms.map(({ milliseconds: _, ...arm }) => arm),
				text: prompt.text,
				sha256: prompt.sha256,
				pieces: prompt.pieces,
				options,
				tokens: [...tokens].sort((a, b) => a.id - b.id),
				model: [model.layers, model.width, model.vocabulary, model.trainedLatents, model.quantisation, model.tokenizerSha256],
			});
			assert.deepEqual(same(theirs.document), same(ours.document));
			assert.deepEqual(theirs.document.arms.map((arm) => [arm.name, arm.thoughts.length]), [['direct', 0], ['cot', 0], ['coconut', 3], ['soft', 3]]);
			const [expected, found] = [await planes(ours), await planes(theirs)];
			assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
			let worst = 0;
			for (const [plane, data] of expected) {
				const value = found.get(plane)!;
				assert.equal(value.length, data.length, plane);
				if (data instanceof Int32Array) {
					assert.deepEqual(value, data, plane);
					continue;
				}
				const [a, b] = [data, value].map((part) => (part instanceof Uint16Array ? fromHalf(part) : (part as Float32Array))) as [Float32Array, Float32Array];
				const tolerance = data instanceof Uint16Array ? HALF_ULP * a.reduce((most, one) => Math.max(most, Math.abs(one)), 1) : TOLERANCE;
				const difference = a.reduce((most, one, i) => (Number.isNaN(one) && Number.isNaN(b[i]!) ? most : Math.max(most, Math.abs(one - b[i]!))), 0);
				assert.ok(difference <= tolerance, `${plane} differs by ${difference}`);
				worst = Math.max(worst, data instanceof Uint16Array ? 0 : difference);
			}
			const [own, engines] = [(await read(name)).document.model.recipe, ours.document.model.recipe] as { arms: Record<string, object> }[];
			assert.deepEqual([own!.arms['direct'], own!.arms['cot']], [engines!.arms['direct'], engines!.arms['cot']]);
			context.diagnostic(`largest difference of ${expected.size} planes: ${worst.toExponential(1)}`);
			ours.dispose();
			theirs.dispose();
		});
	}

	for (const name of ARCHITECTURES) {
		test(`${name}: streams are from before the final norm, and the last readout is the model’s own`, () => {
			const { streams, logits, lse, logprobs, fed, unlike } = answers.get(`compare ${name}`) as Record<string, number>;
			assert.ok(streams! <= HALF_ULP, `streams differ by ${streams} of the largest value`);
			assert.ok(Math.max(logits!, lse!, logprobs!, fed!) <= TOLERANCE, JSON.stringify({ logits, lse, logprobs, fed }));
			assert.ok(unlike! > 0.1, 'the last stream is what the library calls its last hidden state, which is normed');
		});
	}

	for (const name of [...Object.keys(SAVED), 'engine', 'python', 'long']) {
		test(`${name}: what Python reads and writes again is the same file`, async () => {
			const source = { ...SAVED, engine: path('gpt2-engine'), python: path('gpt2-python'), long: path('long') }[name]!;
			const [before, after] = [await readFile(source), await readFile(path(`${name}-again`))];
			assert.ok(before.equals(after), `${before.length} bytes became ${after.length}`);
		});
	}

	test('a slice and a mip are the same on both sides', async () => {
		const trace = await open(path('long'));
		const numbers = (data: PlaneData | undefined) => [...data!].map((value) => (Number.isNaN(value) ? null : value));
		assert.deepEqual(answers.get('rows'), numbers(await trace.read('cot', 'lens.kl_final', { start: 4000, end: 4010 })));
		assert.deepEqual(answers.get('mip'), numbers(await trace.readMip('cot', 'lens.kl_final', 1, { start: 1000, end: 1010 })));
		trace.dispose();
	});

	test('mutated files are refused on both sides or on none', async (context) => {
		const verdicts = answers.get('verdicts') as Record<string, string | null>;
		let refused = 0;
		for (const [name, theirs] of Object.entries(verdicts)) {
			const ours = await open(join(folder, 'mutated', name)).then(
				(trace) => void trace.dispose(),
				(error: Error) => error.message,
			);
			assert.equal(theirs === null, ours === undefined, `${name}: here ${ours ?? 'read'}, in Python ${theirs ?? 'read'}`);
			assert.match(theirs ?? 'It was read.', ONE_SENTENCE);
			refused += theirs === null ? 0 : 1;
		}
		context.diagnostic(`${refused} of ${Object.keys(verdicts).length} refused`);
		assert.ok(refused > MUTATIONS / 4 && refused < MUTATIONS, `${refused} refused`);
	});

	test('each refusal is one sentence, and what was at the target stays', () => {
		const refusals = answers.get('refusals') as Record<string, string | null>;
		for (const [what, said] of Object.entries(refusals)) {
			assert.match(said ?? 'nothing was refused', ONE_SENTENCE, what);
		}
		assert.match(refusals['replaced']!, /changed since it was opened/);
		assert.match(refusals['wrong shape']!, /^The trace was not written because nobody could read it \(plane lens\.lse of arm latent /);
		assert.match(refusals['a graph']!, /^The recipe cannot be run here \(arms\.a\.1\.through: expected one of identity\)/);
		assert.match(refusals['a full disk']!, /the disk is full/);
		assert.match(refusals['a long prompt']!, /^The prompt has \d+ tokens and the model's context 128 positions/);
	});

	test('the command records, shows, and ends with one sentence', async () => {
		assert.deepEqual(answers.get('command'), { exit: null, out: '' });
		const { document, metadata } = await read('command');
		assert.deepEqual(document.arms.map(({ name, thoughts, feedback }) => [name, thoughts.length, feedback]), [
			['cot', 0, undefined],
			['soft', 6, "mixture of the 10 likeliest tokens' embeddings"],
		]);
		assert.deepEqual([document.model.sha256, document.model.quantisation, metadata.get('format')], ['', 'bf16', 'neuralese-trace']);
		const { out } = answers.get('show') as { out: string };
		assert.match(out, /^Arm soft: done, \d+ positions, 6 thoughts/m);
		assert.equal(out.match(/^ {2}thought \d: '/gm)?.length, 6);
		const { exit } = answers.get('command without a model') as { exit: string };
		assert.match(exit, /^".*none" cannot be loaded \(.*\): give a folder of save_pretrained, or a hub id\.$/);
		const printed = execFileSync(process.execPath, ['dist/cli.js', 'inspect', path('command')], { encoding: 'utf8' });
		assert.match(printed, /^Arm soft: done, \d+ positions, 6 thoughts: /m);
		assert.match(printed, /^soft\/latent\.vec {2}F32 \[6, 64\]$/m);
	});

	test('no path of the machine is in a trace', async () => {
		const bytes = await readFile(path('llama-python'), 'latin1');
		assert.ok(!bytes.includes(EXPORTS) && !bytes.includes(folder) && bytes.includes('"name":"checkpoint"'));
	});

	test('a chat is the template’s, with the answer asked for in a turn of its own', async () => {
		const { document } = await read('chat');
		assert.equal(document.prompt.text, '<s>user: Is Tom a hilpus?</s><s>assistant: ');
		assert.deepEqual(document.prompt.pieces, [{ text: { start: 9, end: 25 }, file: { start: 0, end: 16 } }]);
		const forced = document.arms.map(({ steps }) => spelt(document, steps.filter((step) => step.forced)));
		const asked = '<s>user: So what is the answer? Give only the answer.</s><s>assistant: The answer is';
		assert.deepEqual(forced, ['The answer is', `Let's think step by step.${asked}`, `</s>${asked}`]);
	});

	test('a model with tokens for its thoughts thinks between them, and beyond its training a thought is spare', async () => {
		const { document } = await read('thinks');
		assert.deepEqual(document.arms.map(({ name }) => name), ['cot', 'latent']);
		const [cot, latent] = document.arms.map(({ steps }) => steps.filter(({ kind, forced }) => kind === 'latent' || forced));
		assert.equal(spelt(document, cot!), '<think>');
		assert.equal(latent!.map((step) => (step.kind === 'latent' ? '*' : spelt(document, [step]))).join(''), '<|start-latent|>***<|end-latent|>');
		assert.deepEqual(document.arms[1]!.thoughts.map(({ spare }) => spare === undefined), [true, true, false]);
	});
});

function spelt({ tokens }: TraceDocument, steps: readonly { id: number }[]): string {
	const texts = new Map(tokens.map(({ id, text }) => [id, text]));
	return steps.map(({ id }) => texts.get(id)).join('');
}

/** Files that differ from a good one in a byte of the header, or in a place of the document. */
async function mutate(folder: string): Promise<void> {
	const document = { ...sampleDocument(), evidence: sampleEvidence() };
	const good = join(folder, 'good');
	await writeTrace(good, document, [...sampleTensors(document), ...evidenceTensors(document)]);
	const bytes = await readFile(good);
	const uniform = generator(7, 'mutations');
	const pick = <T>(list: readonly T[]): T => list[Math.floor(uniform() * list.length)]!;
	const header = Number(bytes.readBigUInt64LE(0)) + LENGTH_BYTES;
	for (let i = 0; i < MUTATIONS; i++) {
		const damaged = i % 3 === 0 ? Buffer.from(bytes) : changed(document, pick, bytes);
		if (i % 3 === 0) {
			damaged[pick([Math.floor(uniform() * LENGTH_BYTES), Math.floor(uniform() * header), Math.floor(uniform() * header)])] = pick([...Buffer.from('"\\{}[]:,0123456789-.eEu \t\n'), 0, 0x80, 0xff, Math.floor(uniform() * 256)]);
		}
		await writeFile(join(folder, String(i).padStart(3, '0')), damaged);
	}
	const json = JSON.stringify(document);
	for (const [name, hostile] of Object.entries(HOSTILE)) {
		await writeFile(join(folder, name), withDocument(bytes, hostile(json)));
	}
}

const nested = (levels: number) => (json: string) => json.replace('"recipe":{', `"recipe":{"deep":${'['.repeat(levels)}${']'.repeat(levels)},`);
const instead = (from: string, to: string) => (json: string) => {
	assert.ok(json.includes(from));
	return json.replace(from, to);
};
/** What mutations do not meet. */
const HOSTILE: Readonly<Record<string, (json: string) => string>> = {
	'61 levels in the recipe': nested(61),
	'62 levels': nested(62),
	'a million levels': () => '['.repeat(1e6),
	'a byte order mark': (json) => `\ufeff${json}`,
	'half a surrogate pair': instead('"A note."', '"\\ud800"'),
	'a key twice': instead('"version":1', '"version":2,"version":1'),
	'a later version': instead('"version":1', '"version":2'),
	'a version with a fraction': instead('"version":1', '"version":1.0'),
	'an exponent': instead('"version":1', '"version":1e0'),
	'an endless version': instead('"version":1', '"version":1e999'),
	'an endless id': instead('"id":-1', '"id":1e999'),
	'a text for a version': instead('"version":1', '"version":"1"'),
	'minus nothing': instead('"seed":0', '"seed":-0'),
	'an endless number': instead('"seed":0', '"seed":1e999'),
	'many digits': instead('"seed":0', `"seed":${'9'.repeat(5_000)}`),
	'no number': instead('"seed":0', '"seed":NaN'),
	'a control character': instead('A note.', 'A \u0001note.'),
	'something behind it': (json) => `${json}x`,
};

/** One value of the document is another, is missing, or is there twice. */
function changed(document: TraceDocument, pick: <T>(list: readonly T[]) => T, bytes: Buffer): Buffer {
	const copy = JSON.parse(JSON.stringify(document)) as Record<string, unknown>;
	const places: [holder: Record<string, unknown> | unknown[], key: string][] = [];
	const visit = (holder: Record<string, unknown> | unknown[]) => {
		for (const [key, value] of Object.entries(holder)) {
			places.push([holder, key]);
			if (typeof value === 'object' && value !== null) {
				visit(value as Record<string, unknown>);
			}
		}
	};
	// Steps are so many that nothing else would be met.
	(copy['arms'] as { steps: unknown[] }[]).forEach((arm) => arm.steps.splice(3));
	visit(copy);
	const [holder, key] = pick(places);
	if (Array.isArray(holder) && pick([true, false])) {
		holder.push(holder[Number(key)]);
	} else {
		(holder as Record<string, unknown>)[key] = pick(VALUES);
	}
	const arms = copy['arms'] as { steps?: unknown[] }[];
	if (Array.isArray(arms)) {
		arms.forEach((arm, i) => Array.isArray(arm?.steps) && arm.steps.push(...(document.arms[i]?.steps.slice(3) ?? [])));
	}
	return withDocument(bytes, JSON.stringify(copy));
}

/** A trace without planes. */
function withDocument(bytes: Buffer, json: string): Buffer {
	const length = Number(bytes.readBigUInt64LE(0));
	const { __metadata__: metadata } = JSON.parse(bytes.toString('utf8', LENGTH_BYTES, LENGTH_BYTES + length)) as { __metadata__: Record<string, string> };
	const utf8 = Buffer.from(json);
	return Buffer.concat([encodeHeader([{ name: DOCUMENT_TENSOR, dtype: 'U8', shape: [utf8.length] }], metadata), utf8]);
}
