/** A loaded model folder: checked files, open graphs, tokenizer and probes. */
import { totalmem } from 'node:os';
import { join } from 'node:path';
import { misfit, parseProbe, type Probe } from '../analysis/probe';
import { parseCodes, type CodePart } from '../analysis/codes';
import type { ChatTemplate } from '../prompts/chat';
import { parseProblems, type Problem } from '../prompts/problems';
import type { Disposable } from '../shared/rpc';
import type { ModelRecord, ProbeRecord } from '../trace/document';
import type { ModelCard } from './api';
import type { ArmPlan } from './arm';
import { Body } from './body';
import { parseChat } from './chat';
import { checkBody, checkEmbed, checkHead, checkReadout, checkThought } from './contract';
import { bodyBytes, costOf, embeddingSeconds, type Cost } from './cost';
import { EngineError, quoted } from './error';
import { readChecked, sha256 } from './folder';
import { openGraph } from './graphfile';
import { Head } from './head';
import type { Manifest, ManifestFile, ModelShape } from './manifest';
import { normGraph } from './instrument/norm';
import { Norm } from './norm';
import { latentsOf, throughOf } from './recipeSchema';
import type { Graph, Runtime } from './runtime';
import { failureOf, selfTest, SelfTestError, type SelfTest } from './selftest';
import { EmbedGraph, ThoughtGraph } from './thinking/graph';
import { Readout } from './thinking/readout';
import { thoughtTests } from './thinking/selftest';
import { Thinking } from './thinking/thinking';
import { Tokenizer } from './tokenizer';
import { locateWeights } from './weights';

/** Above this share of the machine's memory the runtime keeps one copy of the weights and runs slower. */
const LARGE = 0.1;
/** Seconds that embedding the whole vocabulary may take; a larger model's neighbours are not worth the wait. */
const MAX_EMBEDDING_SECONDS = 3;
const EMBEDDING_ROWS = 256;
/** Single embeddings that are kept. */
const MAX_EMBEDDED = 256;
/** Folder of the probes inside a model's. */
const PROBES = 'probes';

/** Whether one copy of the weights is kept. The kernels that this leaves out also round otherwise. */
export function isLarge(manifest: Manifest): boolean {
	return bodyBytes(manifest) > totalmem() * LARGE;
}

/** `batches`: several sequences in one call, of different lengths. */
export type Feature = 'layers' | 'latents' | 'patches' | 'batches' | 'neighbours' | 'probes';

/** Where a model is loaded from, and how progress is told. */
export interface Loading {
	folder: string;
	manifest: Manifest;
	sha256: string;
	signal: AbortSignal;
	progress(message: string, fraction: number): void;
	/** What is opened in the place of a graph's bytes; for controls. */
	change?(graph: Uint8Array): Uint8Array;
}

export class Model implements Disposable {
	readonly cost: Cost;
	tests: SelfTest[] = [];
	readonly unavailable = new Map<Feature, string>();
	private table?: Promise<Float32Array>;
	private readonly embedded = new Map<number, Float32Array>();
	readonly thinking: Thinking;

	private constructor(
		readonly folder: string,
		readonly manifest: Manifest,
		readonly sha256: string,
		readonly tokenizer: Tokenizer,
		readonly body: Body,
		readonly head: Head,
		readonly norm: Norm,
		readonly probes: readonly Probe[],
		/** Problems of the model's own kind, with their answers. */
		readonly reference: readonly Problem[] | undefined,
		/** How a conversation is written for it. */
		readonly chat: ChatTemplate | undefined,
		/** By which its latents are read. */
		readonly codes: readonly CodePart[] | undefined,
		/** Reads them as text. */
		readonly readout: Readout | undefined,
		thoughts: { graphs: ReadonlyMap<string, ThoughtGraph>; embed?: EmbedGraph },
		private readonly graphs: readonly Graph[],
	) {
		this.cost = costOf(manifest);
		this.thinking = new Thinking(this, manifest.shape, thoughts.graphs, thoughts.embed);
	}

	/** Fails with `bad-model` and one sentence where the folder is not what its manifest says, or computes what it should not. */
	static async load(runtime: Runtime, { folder, manifest, sha256: hash, signal, progress, change }: Loading): Promise<Model> {
		const { files, shape } = manifest;
		const lowMemory = isLarge(manifest);
		progress('Checking the weights', 0);
		const weights = await locateWeights(folder, hash, files.weights, signal);
		const sizes = new Map(files.weights.map(({ name, bytes }) => [name, bytes]));
		const opened: Graph[] = [];
		const graph = async (file: ManifestFile, check: (graph: Graph) => void, part = (whole: Uint8Array) => whole) => {
			const found = await openGraph(runtime, {
				folder,
				file,
				weights,
				sizes,
				lowMemory,
				signal,
				change: (bytes) => part(change?.(bytes) ?? bytes),
			});
			opened.push(found);
			check(found);
			return found;
		};
		try {
			progress('Reading the tokenizer', 0);
			const tokenizer = Tokenizer.parse(await readChecked(folder, files.tokenizer, signal));
			if (tokenizer.vocabularySize > shape.vocabulary) {
				throw new EngineError(
					`The tokenizer has ${tokenizer.vocabularySize} tokens, model.json says ${shape.vocabulary}: export it again.`,
					'bad-model',
				);
			}
			progress('Loading the body', 0.1);
			const body = await graph(files.body, (found) => checkBody(found, manifest));
			progress('Loading the head', 0.5);
			const head = await graph(files.head, (found) => checkHead(found, shape));
			const norm = await graph(files.head, () => {}, normGraph);
			const thoughts = new Map<string, ThoughtGraph>();
			for (const [name, file] of Object.entries({ ...files.graphs, ...(files.thought ? { thought: files.thought } : {}) })) {
				const uses = latentsOf(manifest.recipe.arms).filter(({ segment }) => throughOf(segment, files.thought !== undefined) === name);
				const opening = await graph(file, (found) => checkThought(found, shape, name, uses.map(({ segment }) => segment)));
				thoughts.set(name, new ThoughtGraph(name, opening, shape));
			}
			const embed = files.embed && new EmbedGraph(await graph(files.embed, (found) => checkEmbed(found, shape)), shape);
			const readout =
				files.readout && new Readout(await graph(files.readout, (found) => checkReadout(found, shape)), tokenizer, files.readout, shape.vocabulary);
			const probes = await Promise.all(manifest.probes.map((file) => readProbe(folder, file, manifest, signal)));
			const reference = manifest.reference && readReference(await readChecked(folder, manifest.reference, signal), manifest.reference);
			const chat = files.chat && parseChat(await readChecked(folder, files.chat, signal), files.chat.name);
			const codes = files.codes && readCodes(await readChecked(folder, files.codes, signal), files.codes, shape);
			const model = new Model(
				folder,
				manifest,
				hash,
				tokenizer,
				new Body(body, shape),
				new Head(head, shape),
				new Norm(norm, shape),
				probes,
				reference,
				chat,
				codes,
				readout,
				{ graphs: thoughts, embed },
				opened,
			);
			progress('Testing the model', 0.7);
			model.judge([...(await selfTest(model, signal)), ...(manifest.logitsOnly === undefined ? await thoughtTests(model, signal) : [])]);
			return model;
		} catch (error) {
			opened.forEach((one) => one.dispose());
			throw error;
		}
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
		const { layers, caches = layers, heads, headWidth } = this.manifest.shape;
		return 2 * caches * heads * headWidth * Float32Array.BYTES_PER_ELEMENT;
	}

	/** Input embedding of a token [width]. The last ones are kept: a dummy is fed again and again. */
	async embedding(id: number): Promise<Float32Array> {
		const known = this.embedded.get(id);
		if (known) {
			return known.slice();
		}
		const found = (await this.body.forward({ ids: [id] }, this.body.empty, { embeds: true })).embeds!;
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
		this.table ??= this.embedAll();
		return this.table;
	}

	card(): ModelCard {
		const { id, name, description, shape, quantisation, recipe, relatives } = this.manifest;
		const { headWidth: _, caches: __, ...shown } = shape;
		const features: Feature[] = ['layers', 'latents', 'patches', 'batches', 'neighbours', 'probes'];
		return {
			id,
			name,
			description,
			folder: this.folder,
			sha256: this.sha256,
			shape: shown,
			quantisation,
			arms: Object.keys(recipe.arms),
			places: Object.entries(recipe.arms).flatMap(([arm, segments]) => [
				...(segments.some(({ kind }) => kind === 'latent') ? [{ arm, at: 'thoughts' as const }] : []),
				...(segments.some(({ kind }) => kind === 'decode') ? [{ arm, at: 'tokens' as const }] : []),
			]),
			answer: recipe.answer,
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
		const { id, name, shape, quantisation, recipe, files } = this.manifest;
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
			...(this.codes ? { codes: this.codes.map(({ vectors: _, ...part }) => part) } : {}),
		};
	}

	dispose(): void {
		this.graphs.forEach((graph) => graph.dispose());
	}

	/** A failed test takes its feature away; without the basics there is nothing to run. */
	private judge(tests: readonly SelfTest[]): void {
		this.tests = [...tests];
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
		const seconds = embeddingSeconds(this.cost, this.manifest.shape.vocabulary);
		if (seconds > MAX_EMBEDDING_SECONDS && logitsOnly === undefined) {
			this.unavailable.set(
				'neighbours',
				`embedding its ${this.manifest.shape.vocabulary} tokens would take about ${Math.round(seconds)} s`,
			);
		}
		if (!this.body.padded && logitsOnly === undefined) {
			this.unavailable.set('batches', 'its body graph is not told positions and what is padding');
		}
		if (this.probes.length === 0 && logitsOnly === undefined) {
			this.unavailable.set('probes', 'the model folder has none');
		}
	}

	private async embedAll(): Promise<Float32Array> {
		const { vocabulary, width, context } = this.manifest.shape;
		const rows = Math.min(EMBEDDING_ROWS, context);
		const table = new Float32Array(vocabulary * width);
		for (let start = 0; start < vocabulary; start += rows) {
			const ids = Array.from({ length: Math.min(rows, vocabulary - start) }, (_, i) => start + i);
			table.set((await this.body.forward({ ids }, this.body.empty, { embeds: true })).embeds!, start * width);
		}
		return table;
	}
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
