/** What thoughts are compared with: token embeddings and states of text, measured among themselves once for each model. */
import { setImmediate as yielded } from 'node:timers/promises';
import { cloudOf, measure, MEASURES, scaleOf, type Clouds, type Measures, type Member, type Scale } from '../../analysis/ood';
import type { ProgressEvent } from '../api';
import { leadOf, type ArmPlan, type Thinks } from '../run/arm';
import { bySite, type Forward } from '../model/body';
import { EngineError } from '../error';
import { sha256 } from '../model/folder';
import { MAX_ROWS } from '../model/head';
import type { Model } from '../model/model';
import { LastReader } from '../run/readers';
import { prefill } from '../run/run';
import type { Kept, Store } from './store';

/** Of token embeddings and of states of text: measuring them among themselves takes a few milliseconds each. */
const MAX_MEMBERS = 1_000;
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
export function siteOf({ segments }: Pick<ArmPlan, 'segments'>): Site {
	return stepOf({ segments })?.feedback.site === 'resid' ? 'resid' : 'normed';
}

function stepOf({ segments }: Pick<ArmPlan, 'segments'>): Thinks | undefined {
	return segments.find((segment) => segment.kind === 'latent');
}

/** As it was kept, or computed and kept. */
export async function referenceFor(sample: Sample): Promise<Reference> {
	const { model, store } = sample;
	const embeddings = await embeddingsOf(model);
	const kept = await store.read(keyOf(sample));
	const found = kept && restored(kept, model, embeddings);
	if (found) {
		return found;
	}
	const computed = await referenceOf(sample, embeddings);
	await store.write(keyOf(sample), keepable(computed));
	return computed;
}

/** What a reference follows from. */
export function keyOf({ model, plan, prompts }: Pick<Sample, 'model' | 'plan' | 'prompts'>) {
	return { what: 'ood', model: model.sha256, ...model.depthKey, site: siteOf(plan), before: plan.before, text: sha256(JSON.stringify(prompts)) };
}

/** Of tokens that are chosen evenly [n, width]. */
export async function embeddingsOf(model: Model): Promise<Float32Array> {
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
async function statesOf(sample: Sample): Promise<{ states: Float32Array; positions: number }> {
	const { model, plan, prompts, signal, emit } = sample;
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
		const lead = leadOf({ before }, ids);
		await prefill(model, [...lead, ...ids], signal, async (forward, start) => {
			const at = start - lead.length;
			const rows = Array.from({ length: forward.count }, (_, row) => row).filter(
				(row) => at + row >= 0 && chosen.has(first + at + row),
			);
			for (const state of await statesAt(model, site, forward, rows)) {
				states.set(await fedBack(sample, site, state), kept++ * width);
			}
			return reader.read(forward);
		});
	}
	return { states, positions };
}

/**
 * What would be fed back for a state [width]: through the arm's graph as its first thought, with one noise for all. Where a dummy or a
 * mixture is fed, the state itself.
 */
async function fedBack({ model, plan }: Sample, site: Site, state: Float32Array): Promise<Float32Array> {
	const own = stepOf(plan);
	const step = own && (own.feedback.site === 'normed' || own.feedback.site === 'resid') ? own : { feedback: { site } };
	const normed = () => (site === 'normed' ? Promise.resolve(state) : model.norm.of(state));
	const moment = { hidden: state, normed, index: 0, draw: { seed: 0, arm: plan.name } };
	return (await model.thinking.think(step, moment)).embed;
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
