/** Unchanged runs of an arm over the reference prompts: their thoughts, and the states that these are decoded from. */
import type { RunOptions } from '../../trace/document';
import type { NamedPrompt, ProgressEvent } from '../api';
import type { ArmPlan } from '../arm';
import { recorded, type Clean } from '../causal/clean';
import { EngineError } from '../error';
import { sha256 } from '../folder';
import type { Model } from '../model';
import type { Other } from '../causal/replacement';
import { settingsOf } from './reference';
import type { Kept, Store } from './store';

/** Milliseconds between two events. */
const TICK = 250;

/** One prompt's run. */
export interface Run extends Other {
	text: string;
	/** Residual streams before the final norm, where each thought is produced [width]. */
	states: readonly Float32Array[];
}

export interface Sampling {
	model: Model;
	plan: ArmPlan;
	prompts: readonly NamedPrompt[];
	options: Pick<RunOptions, 'seed'>;
	store: Store;
	signal: AbortSignal;
	emit(event: ProgressEvent): void;
}

/** Those of the prompts that come to an answer with all their thoughts, in their order. */
export async function runsOf(sampling: Sampling): Promise<Run[]> {
	const { model, plan, prompts, options, store, signal, emit } = sampling;
	const key = { what: 'runs', model: model.sha256, prompts: sha256(JSON.stringify(prompts)), ...settingsOf(plan, options) };
	const kept = await store.read(key);
	const found = kept && restored(kept, sampling);
	if (found) {
		return found;
	}
	const runs: Run[] = [];
	let told = -Infinity;
	for (const [i, { name, text }] of prompts.entries()) {
		if (performance.now() - told > TICK) {
			told = performance.now();
			const { context } = model.manifest.shape;
			const seconds = model.cost.seconds(context, context, false);
			emit({ kind: 'progress', message: `Running the reference prompts on ${model.manifest.name}`, fraction: i / prompts.length, seconds });
		}
		const clean = await runOrNot(sampling, text);
		if (clean && clean.thoughts.length === latentsOf(plan)) {
			runs.push({ name, text, thoughts: clean.thoughts, states: producedAt(clean, model), resid: fedAt(clean) });
		}
	}
	signal.throwIfAborted();
	await store.write(key, keepable(runs, sampling));
	return runs;
}

/** Undefined where the prompt does not fit, or comes to no answer. */
async function runOrNot({ model, plan, options, signal }: Sampling, text: string): Promise<Clean | undefined> {
	try {
		const clean = await recorded(model, plan, text, options, signal);
		return typeof clean === 'string' ? undefined : clean;
	} catch (error) {
		if (error instanceof EngineError && error.code === 'bad-request') {
			return undefined;
		}
		throw error;
	}
}

export function latentsOf({ segments }: ArmPlan): number {
	return segments.reduce((sum, segment) => sum + (segment.kind === 'latent' ? segment.count : 0), 0);
}

/** Streams at the last site, one position before each thought is fed. */
export function producedAt({ run, lasts }: Clean, { manifest }: Model): Float32Array[] {
	const { layers, width } = manifest.shape;
	return run.steps.flatMap(({ kind }, i) => (kind === 'latent' ? [lasts.get(run.prompt + i)!.resid.slice(layers * width)] : []));
}

/** Streams at all sites [sites, width], where each thought is fed. */
function fedAt({ run, lasts }: Clean): Float32Array[] {
	return run.steps.flatMap(({ kind }, i) => (kind === 'latent' ? [lasts.get(run.prompt + i + 1)!.resid] : []));
}

const PARTS = ['thoughts', 'states', 'resid'] as const;

/** Extents of a part after the runs. */
function extents({ model, plan }: Sampling, part: (typeof PARTS)[number]): number[] {
	const { layers, width } = model.manifest.shape;
	return [latentsOf(plan), ...(part === 'resid' ? [layers + 1] : []), width];
}

function keepable(runs: readonly Run[], sampling: Sampling): Kept {
	const places = new Map(sampling.prompts.map(({ text }, i) => [text, i]));
	return {
		record: JSON.stringify(runs.map(({ text }) => places.get(text))),
		tensors: new Map(
			PARTS.map((part) => {
				const shape = [runs.length, ...extents(sampling, part)];
				const data = new Float32Array(product(shape));
				const vectors = runs.flatMap((run) => run[part]);
				vectors.forEach((vector, i) => data.set(vector, i * vector.length));
				return [part, { shape, data }];
			}),
		),
	};
}

/** Undefined where what was kept does not fit the prompts and the model. */
function restored({ record, tensors }: Kept, sampling: Sampling): Run[] | undefined {
	const { prompts, plan } = sampling;
	const places = JSON.parse(record) as unknown;
	if (!Array.isArray(places) || !places.every((place) => typeof place === 'number' && Object.hasOwn(prompts, place))) {
		return undefined;
	}
	const fits = PARTS.every((part) => tensors.get(part)?.shape.join() === [places.length, ...extents(sampling, part)].join());
	const rows = (part: (typeof PARTS)[number], run: number) => {
		const count = latentsOf(plan);
		const size = product(extents(sampling, part)) / Math.max(1, count);
		const data = tensors.get(part)!.data as Float32Array;
		return Array.from({ length: count }, (_, i) => data.subarray((run * count + i) * size, (run * count + i + 1) * size));
	};
	return fits
		? (places as number[]).map((place, run) => ({
				...prompts[place]!,
				thoughts: rows('thoughts', run),
				states: rows('states', run),
				resid: rows('resid', run),
			}))
		: undefined;
}

function product(shape: readonly number[]): number {
	return shape.reduce((all, extent) => all * extent, 1);
}
