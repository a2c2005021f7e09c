/** Out-of-distribution measures of a prompt's thoughts, with their percentiles among token embeddings and states of text. */
import { setImmediate as yielded } from 'node:timers/promises';
import { cloudOf, measure, MEASURES, NEIGHBOUR, percentile, scaleOf, tokenDistances } from '../../analysis/ood';
import type { Clouds, Measure, Measures, Member, Scale } from '../../analysis/ood';
import { spareReason } from '../../analysis/spare';
import { parseTask } from '../../analysis/task';
import { generator } from '../../shared/random';
import type { Thought } from '../../trace/document';
import type { OodArm, OodParams, OodResult, ProgressEvent } from '../api';
import { checkFits, planArms, type ArmPlan, type Feedback } from '../arm';
import { bySite, type Forward } from '../body';
import { EngineError } from '../error';
import { sha256 } from '../folder';
import { MAX_ROWS } from '../head';
import type { Model } from '../model';
import { LastReader } from '../readers';
import { ArmRun, prefill, type Last, type Reader } from '../run';
import { unknownWords } from '../unknown';
import { referenceSet } from './reference';
import { Store, type Kept } from './store';

/** Of token embeddings and of states of text: measuring them among themselves takes a few milliseconds each. */
const MAX_MEMBERS = 1_000;
/** A model and its control, as `Models` keeps them. */
const KEPT = 2;
/** Milliseconds between two events. */
const TICK = 250;
/** Multiplications per second that the fit of a covariance reaches at least. */
const FIT_RATE = 1e8;

const CLOUDS = ['tokens', 'text'] as const;

export interface Reference {
	clouds: Clouds;
	scales: { tokens: Scale; text: Scale };
	tokens: { n: number; of: number };
	text: { n: number; of: number };
}

type Site = 'normed' | 'resid';

/** A thought's measures, with their percentiles among token embeddings and states of text. */
export type Compared = Record<Measure, { value: number; tokens: number; text: number }>;

/** Which states are the text of a reference. */
export interface Sample {
	model: Model;
	/** The arm whose feedback says which states count. */
	plan: ArmPlan;
	prompts: readonly string[];
	/** Where the reference is kept. */
	store: Store;
	signal: AbortSignal;
	emit(event: ProgressEvent): void;
}

/** The state that is fed back. Where a dummy token is fed instead, the one that a model with thoughts would feed. */
export function siteOf({ segments }: ArmPlan): Site {
	const feedback: Feedback | undefined = segments.find((segment) => segment.kind === 'latent')?.feedback;
	return feedback?.site === 'resid' ? 'resid' : 'normed';
}

export class Ood {
	/** By model, site and text; least recently used first. */
	private readonly references = new Map<string, Reference>();

	async run(
		model: Model,
		{ prompt, arms, options, reference: given }: OodParams,
		signal: AbortSignal,
		emit: (event: ProgressEvent) => void,
	): Promise<OodResult> {
		const { manifest, tokenizer } = model;
		const { recipe, shape } = manifest;
		const plans = planArms(recipe, arms, options, (token) => tokenizer.idOf(token)).filter(({ feedback }) => feedback);
		if (plans.length === 0) {
			throw new EngineError('None of the arms has latent thoughts: choose a model or arms that have.', 'bad-request');
		}
		model.checkRuns(plans);
		const encoded = tokenizer.encode(prompt);
		plans.forEach((plan) => checkFits(plan, encoded.ids.length, shape.context));
		const set = referenceSet({ reference: given }, model);
		if (!set) {
			throw new EngineError('This model brings no reference set to compare thoughts with: name one with --reference.', 'bad-request');
		}
		const prompts = set.prompts.filter((text) => text !== prompt);
		const task = parseTask(prompt);
		const notes = unknownWords(prompt, encoded, tokenizer.unknownId);
		const measured: OodArm[] = [];
		for (const plan of plans) {
			const reader = new ThoughtReader(new LastReader(model));
			const prefix = await prefill(model, [...plan.before, ...encoded.ids], signal, (forward) => reader.read(forward));
			const sampling = { temperature: options.temperature, uniform: generator(options.seed, plan.name) };
			const { note } = await new ArmRun(model, plan, prefix, reader, sampling, signal).run();
			if (note !== undefined) {
				notes.push(note);
			}
			const reference = await this.reference({ model, plan, prompts, store: new Store(undefined), signal, emit });
			const rows = reader.thoughts.flatMap(({ index, vector }) => {
				const found = compared(vector, reference);
				const spare = spareReason(index, recipe.trainedLatents, task);
				return MEASURES.map((name) => ({ thought: index, spare, measure: name, ...found[name] }));
			});
			const { tokens, text } = reference;
			measured.push({ name: plan.name, feedback: plan.feedback!, site: siteOf(plan), tokens, text, rows });
		}
		return { model: { id: manifest.id, sha256: model.sha256 }, neighbour: NEIGHBOUR, arms: measured, reference: { source: set.name, prompts: prompts.length }, notes };
	}

	/** Computed once for each model and text. */
	async reference(sample: Sample): Promise<Reference> {
		const { model, plan, prompts, store } = sample;
		const key = { what: 'ood', model: model.sha256, site: siteOf(plan), before: plan.before, text: sha256(JSON.stringify(prompts)) };
		const name = JSON.stringify(key);
		let found = this.references.get(name);
		if (!found) {
			const embeddings = await embeddingsOf(model);
			const kept = await store.read(key);
			found = kept && restored(kept, model, embeddings);
			if (!found) {
				found = await referenceOf(sample, embeddings);
				await store.write(key, keepable(found));
			}
		}
		this.references.delete(name);
		this.references.set(name, found);
		const [oldest] = this.references.keys();
		if (this.references.size > KEPT) {
			this.references.delete(oldest!);
		}
		return found;
	}
}

export function compared(vector: Float32Array, { clouds, scales }: Reference): Compared {
	const values = measure(vector, clouds);
	return Object.fromEntries(
		MEASURES.map((name) => [
			name,
			{
				value: values[name],
				tokens: percentile(values[name], scales.tokens[name]),
				text: percentile(values[name], scales.text[name]),
			},
		]),
	) as Compared;
}

/** Percentiles of the thoughts' kNN distances among token embeddings: what a control is compared by. NaN where there are none. */
export async function distances(model: Model, thoughts: readonly Float32Array[]): Promise<number[]> {
	return model.unavailable.has('neighbours')
		? thoughts.map(() => NaN)
		: tokenDistances(thoughts, await embeddingsOf(model), model.manifest.shape.width);
}

/** Of tokens that are chosen evenly [n, width]. */
async function embeddingsOf(model: Model): Promise<Float32Array> {
	const { width, vocabulary } = model.manifest.shape;
	const table = await model.embeddings();
	if (!table) {
		throw new EngineError(
			`Thoughts cannot be compared with token embeddings, because ${model.unavailable.get('neighbours')}: choose another model.`,
			'bad-model',
		);
	}
	const ids = evenly(vocabulary, MAX_MEMBERS);
	const rows = new Float32Array(ids.length * width);
	ids.forEach((id, i) => rows.set(table.subarray(id * width, (id + 1) * width), i * width));
	return rows;
}

/** All but the token embeddings, which the model has. */
function keepable({ clouds, scales, text }: Reference): Kept {
	const { width } = clouds;
	const tensors = new Map<string, { shape: number[]; data: Float32Array | Float64Array }>([
		['text', { shape: [clouds.text.rows.length / width, width], data: clouds.text.rows }],
	]);
	for (const cloud of CLOUDS) {
		for (const name of MEASURES) {
			const data = scales[cloud][name];
			tensors.set(`${cloud}.${name}`, { shape: [data.length], data });
		}
	}
	return { record: JSON.stringify({ positions: text.of }), tensors };
}

/** Undefined where what was kept is not a reference of this model. */
function restored({ record, tensors }: Kept, model: Model, rows: Float32Array): Reference | undefined {
	const { width, vocabulary } = model.manifest.shape;
	const states = tensors.get('text');
	const { positions } = JSON.parse(record) as { positions?: unknown };
	if (!(states?.data instanceof Float32Array) || states.shape.length !== 2 || states.shape[1] !== width || typeof positions !== 'number') {
		return undefined;
	}
	const scale = (cloud: (typeof CLOUDS)[number]) =>
		Object.fromEntries(
			MEASURES.map((name) => [name, Float64Array.from(tensors.get(`${cloud}.${name}`)?.data ?? [])]),
		) as Scale;
	const clouds = { width, tokens: cloudOf(rows, width), text: cloudOf(states.data, width) };
	return {
		clouds,
		scales: { tokens: scale('tokens'), text: scale('text') },
		tokens: { n: clouds.tokens.rows.length / width, of: vocabulary },
		text: { n: states.shape[0]!, of: positions },
	};
}

/** Keeps what is fed back. */
class ThoughtReader implements Reader {
	readonly everything = false;
	readonly thoughts: { index: number; vector: Float32Array }[] = [];

	constructor(private readonly last: LastReader) {}

	read(forward: Forward): Promise<Last> {
		return this.last.read(forward);
	}

	thought({ index }: Thought, vector: Float32Array): void {
		this.thoughts.push({ index, vector });
	}
}

async function referenceOf(sample: Sample, rows: Float32Array): Promise<Reference> {
	const { model, signal, emit } = sample;
	const { width, vocabulary } = model.manifest.shape;
	const { states, positions } = await statesOf(sample);
	emit({
		kind: 'progress',
		message: 'Measuring the reference',
		fraction: 0,
		seconds: (2 * (MAX_MEMBERS * width ** 2 + width ** 3)) / FIT_RATE,
	});
	await yielded();
	const clouds = { width, tokens: cloudOf(rows, width), text: cloudOf(states, width) };
	const members = (cloud: Member['cloud']) =>
		Array.from({ length: clouds[cloud].rows.length / width }, (_, row): Member => ({ cloud, row }));
	const all = [...members('tokens'), ...members('text')];
	const values = { tokens: [] as Measures[], text: [] as Measures[] };
	let told = performance.now();
	for (const [i, member] of all.entries()) {
		const { cloud, row } = member;
		values[cloud].push(measure(clouds[cloud].rows.subarray(row * width, (row + 1) * width), clouds, member));
		// Lets a cancel through.
		await yielded();
		signal.throwIfAborted();
		if (performance.now() - told > TICK) {
			told = performance.now();
			emit({ kind: 'progress', message: 'Measuring the reference', fraction: i / all.length });
		}
	}
	return {
		clouds,
		scales: { tokens: scaleOf(values.tokens), text: scaleOf(values.text) },
		tokens: { n: values.tokens.length, of: vocabulary },
		text: { n: values.text.length, of: positions },
	};
}

/** What would be fed back at positions of the prompts, evenly chosen among all `positions` of them: states [n, width]. */
async function statesOf({ model, plan, prompts, signal, emit }: Sample): Promise<{ states: Float32Array; positions: number }> {
	const { before } = plan;
	const site = siteOf(plan);
	const { shape } = model.manifest;
	const { width } = shape;
	const texts = prompts.map((prompt) => model.tokenizer.encode(prompt).ids.slice(0, shape.context - before.length));
	const positions = texts.reduce((sum, ids) => sum + ids.length, 0);
	const chosen = new Set(evenly(positions, MAX_MEMBERS));
	const states = new Float32Array(chosen.size * width);
	const reader = new LastReader(model);
	let kept = 0;
	let offset = 0;
	let told = -Infinity;
	for (const [i, ids] of texts.entries()) {
		const first = offset;
		offset += ids.length;
		if (!ids.some((_, at) => chosen.has(first + at))) {
			continue;
		}
		if (performance.now() - told > TICK) {
			told = performance.now();
			const seconds = model.cost.seconds(model.cost.chunk, shape.context, true);
			emit({ kind: 'progress', message: 'Reading the reference text', fraction: i / texts.length, seconds });
		}
		await prefill(model, [...before, ...ids], signal, async (forward, start) => {
			const at = start - before.length;
			const rows = Array.from({ length: forward.count }, (_, row) => row).filter(
				(row) => at + row >= 0 && chosen.has(first + at + row),
			);
			for (const state of await statesAt(model, site, forward, rows)) {
				states.set(await model.thought(state, 0), kept++ * width);
			}
			return reader.read(forward);
		});
	}
	return { states, positions };
}

/** States [width] of some rows of a pass, after or before the final norm. */
async function statesAt(model: Model, site: Site, { resid }: Forward, rows: readonly number[]): Promise<Float32Array[]> {
	const { width } = model.manifest.shape;
	const states: Float32Array[] = [];
	for (let start = 0; start < rows.length; start += MAX_ROWS) {
		const part = rows.slice(start, start + MAX_ROWS);
		const last = new Float32Array(part.length * width);
		part.forEach((row, i) => last.set(bySite(resid.slice(-1), width, row, row + 1), i * width));
		const targets = new Array<number>(part.length).fill(0);
		const values = site === 'resid' ? last : (await model.head.read(last, 1, targets, 1)).normed;
		states.push(...part.map((_, i) => values.slice(i * width, (i + 1) * width)));
	}
	return states;
}

/** At most `limit` of 0..count, at equal distances. */
function evenly(count: number, limit: number): number[] {
	const n = Math.min(count, limit);
	return Array.from({ length: n }, (_, i) => Math.floor((i * count) / n));
}
