/** States of a prompt's run at the places that a probe reads: its thoughts, or the last tokens of its written sentences. */
import { recipeTokens, SentenceSplitter } from '../../analysis/sentences';
import type { ProbePlace, Step, Thought } from '../../trace/document';
import type { FeaturesEvent, FeaturesParams, FeaturesResult, ProgressEvent, StatesParams } from '../api';
import { checkFits, leadOf, planArms, type ArmPlan } from '../run/arm';
import { bySite, type Forward } from '../model/body';
import { EngineError } from '../error';
import type { Model } from '../model/model';
import { LastReader } from '../run/readers';
import type { Last } from '../run/last';
import { ArmRun, prefill, samplingOf, type Reader } from '../run/run';
import type { Produced } from '../thinking/step';
import { MAX_EVENT_BYTES } from '../run/sheet';

/** Milliseconds between two events. */
const TICK = 250;
/** All states of a set are held at once; more would push the editor out of memory. */
const MAX_BYTES = 2 ** 30;
/** The last word of a sentence: the full stop after it is the same everywhere. */
const LAST_WORD = /[\p{L}\p{N}]+(?=[^\p{L}\p{N}]*$)/u;

export interface Features {
	/** By step: what the thought reads as, or the sentence's last word. */
	words: string[];
	/** [steps, sites, width] */
	vectors: Float32Array;
}

/** A plan for reading one arm. */
export interface States {
	model: Model;
	plan: ArmPlan;
	at: ProbePlace;
	sites: number[];
	options: StatesParams['options'];
	signal: AbortSignal;
	emit(event: ProgressEvent): void;
}

/** Fails where the model has no such arm, place or site, or its layers cannot be seen. */
export function statesOf(
	model: Model,
	{ arm, at, sites, options }: Omit<StatesParams, 'model'>,
	signal: AbortSignal,
	emit: (event: ProgressEvent) => void,
): States {
	const { recipe, shape, logitsOnly } = model.manifest;
	if (logitsOnly !== undefined) {
		throw new EngineError(`This model has no states for a probe to read, because ${logitsOnly}: choose another model.`, 'bad-request');
	}
	const plans = planArms(recipe, arm === undefined ? undefined : [arm], options, (token) => model.tokenizer.idOf(token));
	const plan =
		at === 'thoughts'
			? plans.find(({ feedback }) => feedback !== undefined)
			: (plans.find(({ segments }) => segments.some((one) => one.kind === 'decode' && one.role === 'thought')) ??
				plans.find(({ segments }) => segments.some(({ kind }) => kind === 'decode')));
	if (!plan) {
		const what = at === 'thoughts' ? 'latent thoughts: choose one that has, or read the tokens' : 'written tokens: choose one that has, or read the thoughts';
		throw new EngineError(`${arm === undefined ? 'No arm of this model' : `The arm ${arm}`} has no ${what}.`, 'bad-request');
	}
	model.checkRuns([plan]);
	const all = Array.from({ length: shape.layers + 1 }, (_, site) => site);
	const wrong = sites?.find((site) => site > shape.layers);
	if (wrong !== undefined) {
		throw new EngineError(`This model has no site ${wrong}: its sites are 0 to ${shape.layers}.`, 'bad-request');
	}
	return { model, plan, at, sites: all.filter((site) => sites?.includes(site) ?? true), options, signal, emit };
}

/** Of each prompt; equal prompts are run once. Fails before the first run where one does not fit the context. */
export async function* read(states: States, prompts: readonly string[]): AsyncGenerator<{ index: number; features: Features }> {
	const { model, plan, emit } = states;
	const { context, width } = model.manifest.shape;
	const encoded = prompts.map((prompt) => model.tokenizer.encode(prompt).ids);
	encoded.forEach((ids, index) => {
		try {
			checkFits(plan, ids, context);
		} catch (error) {
			throw new EngineError(`Prompt ${index + 1} cannot be run. ${(error as Error).message}`, 'bad-request');
		}
	});
	const first = new Map<string, Features>();
	let [bytes, told] = [0, -Infinity];
	for (const [index, prompt] of prompts.entries()) {
		if (performance.now() - told > TICK) {
			told = performance.now();
			const seconds = model.cost.seconds(model.cost.chunk, context, false);
			emit({ kind: 'progress', message: `Reading prompt ${index + 1} of ${prompts.length}`, fraction: index / prompts.length, seconds });
		}
		const features = first.get(prompt) ?? (await run(states, encoded[index]!));
		if (!first.has(prompt)) {
			first.set(prompt, features);
			bytes += features.vectors.byteLength;
			const bad = features.vectors.findIndex((value) => !Number.isFinite(value));
			if (bad >= 0) {
				const step = Math.floor(bad / (states.sites.length * width));
				throw new EngineError(
					`Prompt ${index + 1} gives states that are no numbers at step ${step}, so the model is broken there: leave the prompt out.`,
					'bad-model',
				);
			}
			if (bytes > MAX_BYTES) {
				throw new EngineError(
					`The states of ${prompts.length} prompts do not fit ${MAX_BYTES / 2 ** 20} MiB: use fewer prompts or fewer sites.`,
					'bad-request',
				);
			}
		}
		yield { index, features };
	}
}

async function run({ model, plan, at, sites, options, signal }: States, ids: readonly number[]): Promise<Features> {
	const reader = new FeatureReader(model, at, sites);
	const prefix = await prefill(model, [...leadOf(plan, ids), ...ids], signal, (forward) => reader.last(forward));
	await new ArmRun(model, plan, prefix, reader, samplingOf(options, plan), signal).run();
	return reader.features();
}

class FeatureReader implements Reader {
	readonly everything = false;
	private readonly reader: LastReader;
	private readonly splitter: SentenceSplitter;
	private readonly states: Float32Array[] = [];
	private readonly thoughtWords: string[] = [];
	private position = 0;

	constructor(
		private readonly model: Model,
		private readonly at: ProbePlace,
		private readonly sites: readonly number[],
	) {
		this.reader = new LastReader(model);
		this.splitter = new SentenceSplitter(recipeTokens(model.manifest.recipe));
	}

	last(forward: Forward): Promise<Last> {
		return this.reader.read(forward);
	}

	read(forward: Forward, steps: readonly Step[]): Promise<Last> {
		if (this.at === 'tokens') {
			const { width } = this.model.manifest.shape;
			for (const [row, step] of steps.entries()) {
				const text = step.id < 0 ? '' : this.model.tokenizer.textOf(step.id);
				if (this.splitter.add(this.position++, step, text)) {
					// Of the sentence so far: what follows may continue it, and then replaces this.
					this.states[this.splitter.sentences.length - 1] = this.chosen(bySite(forward.resid, width, row, row + 1));
				}
			}
		}
		return this.last(forward);
	}

	async thought(_: Thought, __: Produced, last: Last): Promise<void> {
		if (this.at === 'thoughts') {
			this.states.push(this.chosen(last.resid));
			this.thoughtWords.push(this.model.tokenizer.textOf((await last.next()).id));
		}
	}

	features(): Features {
		const size = this.sites.length * this.model.manifest.shape.width;
		const vectors = new Float32Array(this.states.length * size);
		this.states.forEach((state, step) => vectors.set(state, step * size));
		const words =
			this.at === 'thoughts' ? this.thoughtWords : this.splitter.sentences.map(({ text }) => LAST_WORD.exec(text)?.[0] ?? text.trim());
		return { words, vectors };
	}

	/** `resid`: [all sites, width]. */
	private chosen(resid: Float32Array): Float32Array {
		const { width } = this.model.manifest.shape;
		const out = new Float32Array(this.sites.length * width);
		this.sites.forEach((site, i) => out.set(resid.subarray(site * width, (site + 1) * width), i * width));
		return out;
	}
}

/** Streams them, in events that do not stall the receiver. */
export async function sendFeatures(
	model: Model,
	params: FeaturesParams,
	signal: AbortSignal,
	emit: (event: FeaturesEvent) => void,
): Promise<FeaturesResult> {
	const states = statesOf(model, params, signal, emit);
	const { width } = model.manifest.shape;
	const size = states.sites.length * width;
	const most = Math.max(1, Math.floor(MAX_EVENT_BYTES / (size * Float32Array.BYTES_PER_ELEMENT)));
	for await (const { index, features } of read(states, params.prompts)) {
		const { words, vectors } = features;
		for (let start = 0; start < words.length; start += most) {
			const end = Math.min(words.length, start + most);
			emit({ kind: 'features', index, steps: { start, end }, words: words.slice(start, end), data: vectors.slice(start * size, end * size) });
		}
	}
	return { arm: states.plan.name, sites: states.sites, width };
}
