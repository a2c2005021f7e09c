/**
 * Decoders of an ordinary size: the engine against PyTorch and llama.cpp on as many threads, and against the export that it instruments.
 * CPU seconds of each process, in turn, the fastest of several: on a shared machine only their ratios mean anything.
 * `node out/bench/decoders.cjs FOLDER PYTHON`, FOLDER made by decoders.py; run.mjs does it all.
 */
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addModel } from '../../src/engine/adding/adding';
import { bySite } from '../../src/engine/model/body';
import { readManifest } from '../../src/engine/model/folder';
import { parseManifest } from '../../src/engine/model/manifest';
import { Model } from '../../src/engine/model/model';
import { LastReader } from '../../src/engine/run/readers';
import { prefill as readPrompt, type Prefix } from '../../src/engine/run/run';
import { Runtime, THREADS } from '../../src/engine/runtime';
import { asked, cpu, ms, percent, print, versus } from './clock';
import { coldStart } from './cold';
import { measureMachine, type Machine } from './machine';
import { memory, overhead } from './overhead';
import { Peer } from './peer';
import { latentsAgainst, thinkingBench } from './thinking';

/** As in peer.py and llama.mjs. */
const PROMPT = 256;
const TOKENS = 64;
const TOP = 10;
const ROUNDS = 5;
const LENS_ROUNDS = 3;

const [, , FOLDER = '', PYTHON = ''] = process.argv;
const { signal } = new AbortController();
const PEER = 'test/bench/peer.py';
/** Thinks in 128 latents. */
const MANY = 'models/manylatents';

const NAMES = { 'gpt2-small': 'GPT-2 small, random weights', smollm2: 'SmolLM2-135M-Instruct' };

async function load(runtime: Runtime, home: string, name: string, kind: string): Promise<Model> {
	process.env['NEURALESE_HOME'] = home;
	const progress = () => {};
	const out = join(home, `${name}-${kind}`);
	const folder = existsSync(out) ? out : await addModel(runtime, { source: join(FOLDER, name, kind), out, signal, progress });
	return loadFrom(runtime, folder);
}

async function loadFrom(runtime: Runtime, folder: string): Promise<Model> {
	const { text, sha256 } = await readManifest(folder);
	return Model.load(runtime, { folder, manifest: parseManifest(text), sha256, signal, progress: () => {} });
}

/** Thoughts against PyTorch; `kind` and `checkpoint` as latents.py has them. */
async function latents(model: Model, what: string, ...kind: string[]): Promise<void> {
	const peer = new Peer(PYTHON, ['test/bench/latents.py', String(THREADS), ...kind]);
	await latentsAgainst(model, peer, what);
	peer.dispose();
}

const promptOf = ({ manifest }: Model) => Array.from({ length: PROMPT }, (_, i) => i % manifest.shape.vocabulary);

/** CPU seconds until the prompt's next token is known, in the chunks of a run. */
async function prefill(model: Model): Promise<number> {
	const start = cpu();
	const { last } = await begun(model);
	await last.next();
	return cpu() - start;
}

/** As a run begins that only decodes: nothing is read out before it is asked for. */
function begun(model: Model): Promise<Prefix> {
	const reader = new LastReader(model);
	return readPrompt(model, promptOf(model), signal, (forward) => reader.read(forward));
}

/** CPU seconds of `TOKENS` more after the prompt. */
async function decode(model: Model): Promise<number> {
	const reader = new LastReader(model);
	let { last, cache } = await begun(model);
	const start = cpu();
	for (let i = 0; i < TOKENS; i++) {
		const { id } = await last.next();
		const forward = await model.body.forward({ ids: [id] }, cache);
		last = await reader.read(forward);
		cache = forward.cache;
	}
	await last.next();
	return cpu() - start;
}

/** Every position of the prompt at every site, as an analysis reads them. Seconds without the prefill. */
async function lens(model: Model, resid: readonly Float32Array[]): Promise<number> {
	const { width, layers } = model.manifest.shape;
	const start = cpu();
	const step = model.head.positions(layers + 1);
	for (let from = 0; from < PROMPT; from += step) {
		const to = Math.min(PROMPT, from + step);
		await model.head.read(bySite(resid, width, from, to), layers + 1, new Array<number>(to - from).fill(0), TOP);
	}
	return cpu() - start;
}

async function streams(model: Model): Promise<Float32Array[]> {
	return (await model.body.forward({ ids: promptOf(model) }, model.body.empty)).resid;
}

async function speeds(runtime: Runtime, home: string, name: string, machine: Machine): Promise<void> {
	const peers = { fp32: peerOf(name, 'fp32'), bf16: peerOf(name, 'bf16') };
	print('PyTorch fp32, the fastest of its implementations', await peers.fp32.ask<string>('chosen'));
	const best = { prefill: Infinity, decode: Infinity };
	for (const kind of ['fp32', 'int8', 'q4']) {
		const model = await load(runtime, home, name, kind);
		const target = kind === 'fp32' ? 1 : 2;
		for (const [work, run, tokens] of [
			['prefill', prefill, PROMPT],
			['decode', decode, TOKENS],
		] as const) {
			const { ours, theirs } = await versus(() => run(model), () => peers.fp32.ask<number>(work), ROUNDS);
			print(`${kind}: ${work} of ${tokens} tokens`, `${ms(ours)}, PyTorch fp32 ${ms(theirs)}: ${asked(theirs / ours, target)}`);
			best[work] = kind === 'q4' ? ours : best[work];
			if (kind === 'fp32') {
				limits(name, model, work, ours, machine);
			}
		}
		await lenses(model, kind, peers, machine);
		model.dispose();
	}
	await llama(name, best);
	Object.values(peers).forEach((peer) => peer.dispose());
}

function peerOf(name: string, dtype: string): Peer {
	return new Peer(PYTHON, [PEER, join(FOLDER, name, 'checkpoint'), dtype, String(THREADS)]);
}

/** What the cost model (design §7) says the work takes at least. */
function limits(name: string, { manifest }: Model, work: 'prefill' | 'decode', seconds: number, { peak, bandwidth }: Machine): void {
	const { layers, width, vocabulary, heads, headWidth } = manifest.shape;
	// Unembedding and embedding are one table there.
	const weights = statSync(join(FOLDER, name, 'checkpoint/model.safetensors')).size / Float32Array.BYTES_PER_ELEMENT;
	const parameters = weights - vocabulary * width;
	if (work === 'prefill') {
		const operations = 2 * parameters * PROMPT + 2 * layers * width * PROMPT ** 2 + 2 * width * vocabulary;
		print('  of the peak', percent(operations / seconds / peak));
	} else {
		const cached = 2 * layers * heads * headWidth * (PROMPT + TOKENS / 2);
		const bytes = Float32Array.BYTES_PER_ELEMENT * (parameters + width * vocabulary + cached);
		print('  of the bandwidth', percent((bytes * TOKENS) / seconds / bandwidth));
	}
}

/**
 * Against all logits at once, which is how it is written in Python, and in chunks; the last also with what the engine reads out beside
 * the tokens. bfloat16 trades precision for speed as an 8-bit export does, so that this one is held against it too.
 */
const LENSES = [
	{ kind: 'fp32', dtype: 'fp32', work: 'lens', how: 'all logits at once', target: 1.5 },
	{ kind: 'fp32', dtype: 'fp32', work: 'lens-in-chunks', how: 'in chunks', target: 1.5 },
	{ kind: 'fp32', dtype: 'fp32', work: 'readouts-in-chunks', how: 'in chunks, with lse, entropy and KL', target: undefined },
	{ kind: 'fp32', dtype: 'bf16', work: 'lens', how: 'all logits at once', target: 1 },
	{ kind: 'int8', dtype: 'bf16', work: 'lens', how: 'all logits at once', target: 1 },
	{ kind: 'int8', dtype: 'bf16', work: 'lens-in-chunks', how: 'in chunks', target: undefined },
] as const;

async function lenses(model: Model, kind: string, peers: Record<'fp32' | 'bf16', Peer>, { peak }: Machine): Promise<void> {
	const resid = await streams(model);
	const { layers, width, vocabulary } = model.manifest.shape;
	let best = Infinity;
	for (const { dtype, work, how, target } of LENSES.filter((one) => one.kind === kind)) {
		const { ours, theirs } = await versus(() => lens(model, resid), () => peers[dtype].ask<number>(work), LENS_ROUNDS);
		best = Math.min(best, ours);
		const ratio = theirs / ours;
		print(
			`${kind}: lens, ${layers + 1} sites × ${PROMPT} positions, top-${TOP}`,
			`${ms(ours)}, PyTorch ${dtype} ${how} ${ms(theirs)}: ${target ? asked(ratio, target) : times(ratio)}`,
		);
	}
	if (kind === 'fp32') {
		print('  of the peak', percent((2 * (layers + 1) * PROMPT * width * vocabulary) / best / peak));
	}
}

async function llama(name: string, ours: Record<'prefill' | 'decode', number>): Promise<void> {
	const { NEURALESE_LLAMA: folder = '', NEURALESE_GGUF: gguf = '' } = process.env;
	if (name !== 'smollm2' || folder === '' || gguf === '') {
		return;
	}
	const peer = new Peer(process.execPath, ['test/bench/llama.mjs', folder, gguf, String(THREADS)]);
	for (const work of ['prefill', 'decode'] as const) {
		let theirs = Infinity;
		for (let i = 0; i < ROUNDS; i++) {
			theirs = Math.min(theirs, await peer.ask<number>(work));
		}
		print(`q4: ${work}, llama.cpp with the original Q4_1`, `${ms(ours[work])}, llama.cpp ${ms(theirs)}: ${times(theirs / ours[work])}`);
	}
	peer.dispose();
}

const times = (ratio: number) => `${ratio.toFixed(2)} ×`;

async function main(): Promise<void> {
	const runtime = Runtime.load();
	const [, , , , only] = process.argv;
	const fresh = mkdtempSync(join(tmpdir(), 'neuralese-bench-'));
	try {
		const machine = await measureMachine(runtime);
		print('Threads of every program', String(THREADS));
		print('Peak, bandwidth', `${(machine.peak / 1e9).toFixed(0)} GFLOP/s, ${(machine.bandwidth / 1e9).toFixed(0)} GB/s`);
		const many = await loadFrom(runtime, MANY);
		console.log(`\n${many.manifest.name}`);
		await latents(many, 'each sampled by a denoising head', 'denoiser');
		await thinkingBench(many);
		many.dispose();
		for (const [name, label] of Object.entries(NAMES).filter(([one]) => existsSync(join(FOLDER, one, 'q4')) && (!only || one === only))) {
			console.log(`\n${label}`);
			await speeds(runtime, fresh, name, machine);
			if (name === 'gpt2-small') {
				const model = await load(runtime, fresh, name, 'fp32');
				await latents(model, 'Coconut', 'coconut', join(FOLDER, name, 'checkpoint'));
				await thinkingBench(model, LENS_ROUNDS);
				model.dispose();
			}
			const folder = join(fresh, `${name}-fp32`);
			await memory(folder, (dtype) => peerOf(name, dtype));
			overhead(folder);
			await coldStart(folder, PYTHON, join(FOLDER, name, 'checkpoint'));
		}
	} finally {
		rmSync(fresh, { recursive: true, force: true });
	}
}

void main();
