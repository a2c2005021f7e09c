/** A loaded model folder: checked files, open graphs, tokenizer and probes. */
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { misfit, parseProbe, type Probe } from '../../analysis/probe';
import { parseCodes, type CodePart } from '../../analysis/codes';
import type { ChatTemplate } from '../../prompts/chat';
import { parseProblems, type Problem } from '../../prompts/problems';
import { DEFAULT_EXECUTION, providerNote, type MemoryMode, type ProviderChoice } from '../../shared/execution';
import type { Disposable } from '../../shared/rpc';
import type { ModelRecord, ProbeRecord, RunOptions } from '../../trace/document';
import type { ModelCard } from '../api';
import type { ArmPlan } from '../run/arm';
import { Blocks, type Body } from './body';
import { Coda } from '../depth/coda';
import { Core } from '../depth/core';
import { LoopedBody } from '../depth/body';
import { preludeOf } from '../depth/layout';
import { Loops } from '../depth/loops';
import { parseChat } from '../adding/chat';
import { bodyBytes, costOf, embeddingSeconds, type Cost } from './cost';
import { Embedder } from './embedder';
import { EngineError, quoted } from '../error';
import { readChecked, sha256 } from './folder';
import { LOW_MEMORY_ROWS, positionBytes } from './footprint';
import { disposeAll, openGraphs, type Graphs, type Opening } from './graphs';
import { Head } from './head';
import { atLoops, type Manifest, type ManifestFile, type ModelShape } from './manifest';
import { Norm } from './norm';
import { checkModelFits, checkPositionsFit, needsLowMemory, ROOM_STEP, whyNoTable } from './room';
import type { Runtime } from '../runtime';
import { compareProvider, failureOf, selfTest, SelfTestError, type SelfTest } from './selftest';
import { EmbedGraph, ThoughtGraph } from '../thinking/graph';
import { Readout } from '../thinking/readout';
import { compareThoughts, thoughtTests } from '../thinking/selftest';
import { Thinking } from '../thinking/thinking';
import { Tokenizer } from '../tokens/tokenizer';
import { checkUnchanged, locateWeights } from './weights';

/** Above this share of the machine's memory the runtime keeps one copy of the weights and runs slower. */
const LARGE = 0.1;
/** Seconds that embedding the whole vocabulary may take; a larger model's neighbours are not worth the wait. */
const MAX_EMBEDDING_SECONDS = 3;
/** Single embeddings that are kept. */
const MAX_EMBEDDED = 256;
/** Loops over depth in the tests on loading: one graph computes them all. */
const TESTED_LOOPS = 4;
/** Folder of the probes inside a model's. */
const PROBES = 'probes';

/** What models are run on, once the provider that the user asked for has been tried. */
export interface Setup {
	provider: ProviderChoice;
	memory: MemoryMode;
}

const { provider: CPU, memory } = DEFAULT_EXECUTION;
export const DEFAULT_SETUP: Setup = { provider: { asked: CPU, used: CPU }, memory };

/** Whether one copy of the weights is kept, where `free` bytes can be had. The kernels that this leaves out also round otherwise. */
export function keepsOneCopy(manifest: Manifest, mode: MemoryMode, free?: number): boolean {
	return needsLowMemory(manifest, mode, bodyBytes(manifest) > totalmem() * LARGE, free);
}

/** `batches`: several sequences in one call, of different lengths. */
export type Feature = 'layers' | 'latents' | 'patches' | 'batches' | 'neighbours' | 'probes';

/** Where a model is loaded from, and how progress is told. */
export interface Loading extends Opening {
	sha256: string;
	/** The processor, with memory as it comes, where absent. */
	setup?: Setup;
}

export class Model implements Disposable {
	readonly cost: Cost;
	readonly body: Body;
	readonly head: Head;
	readonly norm: Norm;
	readonly embedder: Embedder;
	readonly thinking: Thinking;
	/** Reads latents as text. */
	readonly readout?: Readout;
	tests: SelfTest[] = [];
	readonly unavailable = new Map<Feature, string>();
	private table?: Promise<Float32Array>;
	private readonly embedded = new Map<number, Float32Array>();
	/** As it was asked for last. */
	private deep?: Model;

	private constructor(
		readonly folder: string,
		readonly manifest: Manifest,
		readonly sha256: string,
		/** What it is run on. */
		readonly provider: ProviderChoice,
		/** Whether one copy of the weights is kept, and less is computed at a time. */
		readonly lowMemory: boolean,
		readonly tokenizer: Tokenizer,
		readonly probes: readonly Probe[],
		/** Problems of the model's own kind, with their answers. */
		readonly reference: readonly Problem[] | undefined,
		/** How a conversation is written for it. */
		readonly chat: ChatTemplate | undefined,
		/** By which its latents are read. */
		readonly codes: readonly CodePart[] | undefined,
		private readonly graphs: Graphs,
		/** Of the loops' start states. */
		private readonly seed = 0,
	) {
		const { shape } = manifest;
		this.cost = costOf(manifest, lowMemory ? LOW_MEMORY_ROWS : undefined);
		this.head = new Head(graphs.head, shape, lowMemory ? LOW_MEMORY_ROWS : undefined);
		this.body = bodyOf(graphs, manifest, this.head, seed);
		this.norm = new Norm(graphs.norm, shape);
		this.embedder = new Embedder(graphs.embedder, this.body, shape);
		this.thinking = this.thinkingWith(graphs);
		const { readout } = manifest.files;
		this.readout = readout && new Readout(graphs.readout!, tokenizer, readout, shape.vocabulary);
	}

	/** Fails with `bad-model` and one sentence where the folder is not what its manifest says, or computes what it should not. */
	static async load(runtime: Runtime, loading: Loading): Promise<Model> {
		const { setup = DEFAULT_SETUP, signal, progress } = loading;
		const { asked, used } = setup.provider;
		if (used === CPU) {
			return Model.loadOn(runtime, loading, setup.provider);
		}
		let why: string;
		try {
			return await Model.loadOn(runtime, loading, setup.provider);
		} catch (error) {
			signal.throwIfAborted();
			// What is wrong with the folder itself is said by the second attempt.
			why = error instanceof SelfTestError ? failureOf(error.test) : `this model does not run there: ${(error as Error).message.replace(/[.\s]+$/, '')}`;
		}
		progress(`Loading on ${CPU}, because ${why}`, 0);
		return Model.loadOn(runtime, loading, { asked, used: CPU, why });
	}

	private static async loadOn(runtime: Runtime, loading: Loading, provider: ProviderChoice): Promise<Model> {
		const { folder, manifest, sha256: hash, signal, progress, setup = DEFAULT_SETUP } = loading;
		const { files, shape } = manifest;
		const lowMemory = keepsOneCopy(manifest, setup.memory);
		checkModelFits(manifest, lowMemory);
		progress('Checking the weights', 0);
		const weights = await locateWeights(loading, signal);
		progress('Reading the tokenizer', 0);
		const tokenizer = Tokenizer.parse(await readChecked(folder, files.tokenizer, signal));
		if (tokenizer.vocabularySize > shape.vocabulary) {
			throw new EngineError(
				`The tokenizer has ${tokenizer.vocabularySize} tokens, model.json says ${shape.vocabulary}: export it again.`,
				'bad-model',
			);
		}
		const graphs = await openGraphs(runtime, loading, weights.folder, { provider: provider.used, lowMemory });
		try {
			await checkUnchanged(weights);
			const probes = await Promise.all(manifest.probes.map((file) => readProbe(folder, file, manifest, signal)));
			const reference = manifest.reference && readReference(await readChecked(folder, manifest.reference, signal), manifest.reference);
			const chat = files.chat && parseChat(await readChecked(folder, files.chat, signal), files.chat.name);
			const codes = files.codes && readCodes(await readChecked(folder, files.codes, signal), files.codes, shape);
			const model = new Model(folder, manifest, hash, provider, lowMemory, tokenizer, probes, reference, chat, codes, graphs);
			progress('Testing the model', 0.7);
			const tried = model.atDepth({ loops: Math.min(TESTED_LOOPS, manifest.layout?.loops ?? 0), seed: 0 });
			const tests = await selfTest(tried, signal);
			tests.push(...(manifest.logitsOnly === undefined ? await thoughtTests(tried, signal) : []));
			if (provider.used !== CPU) {
				tests.push(...(await tried.againstProcessor(runtime, loading, weights.folder)));
				// The processor may well compute it; only that rows go one by one costs nothing but time.
				const failed = tests.find(({ ok, feature }) => !ok && feature !== 'batches');
				if (failed) {
					throw new SelfTestError(failed);
				}
			}
			model.judge(tests);
			return model;
		} catch (error) {
			disposeAll(graphs);
			throw error;
		}
	}

	/** The same on the processor, for which all providers but it must stand a test: what they compute is nobody's reference. */
	private async againstProcessor(runtime: Runtime, loading: Loading, weights: string): Promise<SelfTest[]> {
		const { shape } = this.manifest;
		const graphs = await openGraphs(runtime, loading, weights, { provider: CPU, lowMemory: true });
		try {
			const head = new Head(graphs.head, shape);
			const processor = { body: bodyOf(graphs, this.manifest, head, this.seed), head, norm: new Norm(graphs.norm, shape) };
			const test = await compareProvider(this, processor, loading.signal);
			return [test, ...(this.manifest.logitsOnly === undefined ? await compareThoughts(this, this.thinkingWith(graphs), loading.signal) : [])];
		} finally {
			disposeAll(graphs);
		}
	}

	/**
	 * The same with other loops over depth and other start states, which follow from the seed; itself where it has none. It lives as long as
	 * what it comes from, which closes the graphs of both.
	 */
	atDepth({ loops, seed }: Pick<RunOptions, 'loops' | 'seed'>): Model {
		const { recipe, layout } = this.manifest;
		if (!recipe.depth || !layout) {
			return this;
		}
		const wanted = loops ?? recipe.depth.count;
		if (this.deep?.manifest.layout?.loops === wanted && this.deep.seed === seed) {
			return this.deep;
		}
		const { folder, sha256: hash, provider, lowMemory, tokenizer, reference, chat, codes, graphs } = this;
		const manifest = atLoops(this.manifest, wanted);
		const isUsual = wanted === recipe.depth.count;
		const probes = isUsual ? this.probes : [];
		const model = new Model(folder, manifest, hash, provider, lowMemory, tokenizer, probes, reference, chat, codes, graphs, seed);
		model.tests = this.tests;
		this.unavailable.forEach((why, feature) => model.unavailable.set(feature, why));
		if (!isUsual && this.probes.length > 0) {
			model.unavailable.set('probes', `they were fitted with ${recipe.depth.count} loops`);
		}
		this.deep = model;
		return model;
	}

	/** What results follow from beside the model and the prompt, where it loops over depth. */
	get depthKey(): { loops?: number; startSeed?: number } {
		const { layout } = this.manifest;
		return layout ? { loops: layout.loops, startSeed: this.seed } : {};
	}

	private thinkingWith({ thoughts, embed }: Graphs): Thinking {
		const { shape } = this.manifest;
		const graphs = new Map([...thoughts].map(([name, graph]) => [name, new ThoughtGraph(name, graph, shape)]));
		return new Thinking(this, shape, graphs, embed && new EmbedGraph(embed, shape));
	}

	/** What the user should know about where it runs. */
	get note(): string | undefined {
		return providerNote(this.provider);
	}

	/** Fails where the keys and values of a sequence that grows to so many positions do not fit; looks only now and then. */
	checkRoom(positions: number, before = 0): void {
		if (Math.floor(positions / ROOM_STEP) > Math.floor(before / ROOM_STEP)) {
			checkPositionsFit(this.manifest, positions);
		}
	}

	/** The recipe's pattern for answers. From anybody, and possibly endless: only ever used in this process. */
	get answerPattern(): RegExp | undefined {
		const { answer } = this.manifest.recipe;
		return answer === undefined ? undefined : new RegExp(answer, 'u');
	}

	/** Fails where a plan needs what the self-test took away. */
	checkRuns(plans: readonly ArmPlan[]): void {
		const broken = this.unavailable.get('latents');
		if (broken !== undefined && plans.some(({ feedback }) => feedback !== undefined)) {
			throw new EngineError(
				`This model cannot run latent thoughts, because ${broken}: ask for other arms or export it again.`,
				'bad-model',
			);
		}
	}

	/** Rows that a call may have; one where rows side by side do not equal single ones. */
	get rows(): number {
		return this.unavailable.has('batches') ? 1 : this.cost.rows;
	}

	/** Bytes of the keys and values of one position. */
	get positionBytes(): number {
		return positionBytes(this.manifest.shape);
	}

	/** Input embedding of a token [width]. The last ones are kept: a dummy is fed again and again. */
	async embedding(id: number): Promise<Float32Array> {
		const known = this.embedded.get(id);
		if (known) {
			return known.slice();
		}
		const found = await this.embedder.of([id]);
		if (this.embedded.size >= MAX_EMBEDDED) {
			this.embedded.clear();
		}
		this.embedded.set(id, found);
		return found.slice();
	}

	/** Width of the vectors that are stored as an arm's thoughts. */
	latentWidth({ segments }: ArmPlan): number {
		const { width, latentWidth = width } = this.manifest.shape;
		const [first] = segments.flatMap((segment) => (segment.kind === 'latent' ? [segment] : []));
		return first && this.thinking.graphOf(first)?.hasLatent ? latentWidth : width;
	}

	/** Input embeddings of the whole vocabulary [V, width]; undefined where getting them would take too long. Got once. */
	async embeddings(): Promise<Float32Array | undefined> {
		if (this.unavailable.has('neighbours')) {
			return undefined;
		}
		this.table ??= this.embedder.of(Array.from({ length: this.manifest.shape.vocabulary }, (_, id) => id));
		return this.table;
	}

	card(): ModelCard {
		const { id, name, description, license, shape, quantisation, recipe, relatives } = this.manifest;
		const { headWidth: _, caches: __, ...shown } = shape;
		const features: Feature[] = ['layers', 'latents', 'patches', 'batches', 'neighbours', 'probes'];
		return {
			id,
			name,
			description,
			license,
			folder: this.folder,
			sha256: this.sha256,
			shape: shown,
			quantisation,
			provider: this.provider,
			lowMemory: this.lowMemory,
			proposal: this.manifest.proposal,
			arms: Object.keys(recipe.arms),
			places: Object.entries(recipe.arms).flatMap(([arm, segments]) => [
				...(segments.some(({ kind }) => kind === 'latent') ? [{ arm, at: 'thoughts' as const }] : []),
				...(segments.some(({ kind }) => kind === 'decode') ? [{ arm, at: 'tokens' as const }] : []),
			]),
			trainedLatents: recipe.trainedLatents,
			probes: this.probes.map(probeRecord),
			relatives,
			reference: this.reference && { prompts: this.reference.length },
			chat: this.chat !== undefined,
			selfTest: this.tests,
			available: features.filter((feature) => !this.unavailable.has(feature)),
			unavailable: [...this.unavailable].map(([what, why]) => ({ what, why })),
		};
	}

	record(): ModelRecord {
		const { id, name, shape, quantisation, recipe, files, layout } = this.manifest;
		return {
			id,
			name,
			sha256: this.sha256,
			tokenizerSha256: files.tokenizer.sha256,
			layers: shape.layers,
			width: shape.width,
			vocabulary: shape.vocabulary,
			quantisation,
			trainedLatents: recipe.trainedLatents,
			recipe,
			...(layout ? { depth: { prelude: layout.prelude, loops: layout.loops, coda: layout.coda } } : {}),
			...(this.codes ? { codes: this.codes.map(({ vectors: _, ...part }) => part) } : {}),
		};
	}

	dispose(): void {
		disposeAll(this.graphs);
	}

	/** A failed test takes its feature away; without the basics there is nothing to run. */
	private judge(tests: readonly SelfTest[]): void {
		this.tests = [...tests];
		// It does not know what was found.
		this.deep = undefined;
		for (const test of tests.filter(({ ok }) => !ok)) {
			if (test.feature === 'basics') {
				throw new SelfTestError(test);
			}
			this.unavailable.set(test.feature, failureOf(test));
		}
		const { logitsOnly } = this.manifest;
		if (logitsOnly !== undefined) {
			for (const feature of ['layers', 'latents', 'patches', 'batches', 'neighbours', 'probes'] as const) {
				this.unavailable.set(feature, logitsOnly);
			}
		}
		const tooMuch = this.whyNotAllEmbedded();
		if (tooMuch !== undefined && logitsOnly === undefined) {
			this.unavailable.set('neighbours', tooMuch);
		}
		if (!this.body.padded && logitsOnly === undefined) {
			this.unavailable.set('batches', 'its body graph is not told positions and what is padding');
		}
		if (this.probes.length === 0 && logitsOnly === undefined) {
			this.unavailable.set('probes', 'the model folder has none');
		}
	}

	/** The end of a sentence; undefined where the embeddings of all tokens can be had. */
	private whyNotAllEmbedded(): string | undefined {
		const { vocabulary } = this.manifest.shape;
		const seconds = this.embedder.isLookup ? 0 : embeddingSeconds(this.cost, vocabulary);
		return seconds > MAX_EMBEDDING_SECONDS
			? `embedding its ${vocabulary} tokens would take about ${Math.round(seconds)} s`
			: whyNoTable(this.manifest.shape);
	}
}

function bodyOf({ body, core, coda }: Graphs, { shape, layout, recipe }: Manifest, head: Head, seed: number): Body {
	if (!layout || !recipe.depth) {
		return new Blocks(body, shape);
	}
	const parts = {
		core: new Core(core!, shape, layout.core),
		coda: coda && new Coda(coda, shape, layout.coda),
		logits: (hidden: Float32Array) => head.logits(hidden),
	};
	return new LoopedBody(new Blocks(body, preludeOf(shape, layout)), new Loops(parts, layout, recipe.depth, seed, shape.width), layout, shape);
}

function readReference(bytes: Uint8Array, { name }: ManifestFile): Problem[] {
	const problems = parseProblems(new TextDecoder().decode(bytes));
	if (typeof problems === 'string') {
		throw new EngineError(`The model's ${quoted(name)} cannot be used (${problems}): export it again.`, 'bad-model');
	}
	return problems;
}

function readCodes(bytes: Uint8Array, { name }: ManifestFile, { width, latentWidth = width }: ModelShape): CodePart[] {
	try {
		return parseCodes(bytes, latentWidth);
	} catch (error) {
		throw new EngineError(`The codes ${quoted(name)} cannot be used (${(error as Error).message.slice(0, 300)}): export them again.`, 'bad-model');
	}
}

async function readProbe(
	folder: string,
	file: ManifestFile,
	{ id, shape, recipe }: Manifest,
	signal: AbortSignal,
): Promise<Probe> {
	const bytes = await readChecked(join(folder, PROBES), file, signal);
	let probe: Probe;
	try {
		probe = parseProbe(bytes, sha256(bytes));
	} catch (error) {
		throw new EngineError(
			`The probe ${quoted(file.name)} cannot be used (${(error as Error).message.slice(0, 300)}).`,
			'bad-model',
		);
	}
	const { width, layers } = shape;
	const why = misfit(probe, { id, width, sites: layers + 1, arms: Object.keys(recipe.arms) });
	if (why !== undefined) {
		throw new EngineError(why, 'bad-model');
	}
	return probe;
}

export function probeRecord({ name, label, arm, at, sha256: hash, metrics }: Probe): ProbeRecord {
	return { name, label, arm, at, sha256: hash, metrics };
}
