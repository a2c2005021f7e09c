/** Unchanged runs of an arm over the reference prompts: their thoughts, and the states that these are decoded from. */
import * as v from 'valibot';
import type { RunOptions } from '../../trace/document';
import type { NamedPrompt, ProgressEvent } from '../api';
import { checkFits, type ArmPlan } from '../run/arm';
import type { Clean } from '../causal/clean';
import { cleanRows, runAll } from '../causal/cleans';
import { otherOf } from '../causal/others';
import { EngineError } from '../error';
import { sha256 } from '../model/folder';
import type { Model } from '../model/model';
import type { Other } from '../causal/replacement';
import { settingsOf } from './reference';
import type { Kept, Store } from './store';

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

/** Those of the prompts that come to an answer with all their thoughts, in their order. None where each may have another number of them. */
export async function runsOf(sampling: Sampling): Promise<Run[]> {
	const { model, plan, prompts, options, store, signal, emit } = sampling;
	if (stopsItself(plan)) {
		return [];
	}
	const key = { what: 'runs', model: model.sha256, ...model.depthKey, prompts: sha256(JSON.stringify(prompts)), ...settingsOf(plan, options) };
	const kept = await store.read(key);
	const found = kept && restored(kept, sampling);
	if (found) {
		return found;
	}
	const runs: Run[] = [];
	const fitting = prompts.filter(({ text }) => fits(model, plan, text));
	const size = cleanRows(model);
	for (let start = 0; start < fitting.length; start += size) {
		const some = fitting.slice(start, start + size);
		const { context } = model.manifest.shape;
		const seconds = some.length * model.cost.seconds(context, context, false);
		const message = `Running the reference prompts on ${model.manifest.name}`;
		emit({ kind: 'progress', message, fraction: start / fitting.length, seconds });
		for (const [i, clean] of (await runAll(model, plan, some.map(({ text }) => text), options, signal)).entries()) {
			if (typeof clean !== 'string' && clean.thoughts.length === latentsOf(plan)) {
				runs.push({ ...some[i]!, ...otherOf(clean), states: producedAt(clean, model) });
			}
		}
	}
	signal.throwIfAborted();
	await store.write(key, keepable(runs, sampling));
	return runs;
}

function fits(model: Model, plan: ArmPlan, text: string): boolean {
	try {
		checkFits(plan, model.tokenizer.encode(text).ids, model.manifest.shape.context);
		return true;
	} catch (error) {
		if (error instanceof EngineError) {
			return false;
		}
		throw error;
	}
}

export function stopsItself({ segments }: ArmPlan): boolean {
	return segments.some((segment) => segment.kind === 'latent' && segment.stop !== undefined);
}

export function latentsOf({ segments }: ArmPlan): number {
	return segments.reduce((sum, segment) => sum + (segment.kind === 'latent' ? segment.count : 0), 0);
}

/** Streams at the last site, one position before each thought is fed. */
export function producedAt({ run, lasts }: Clean, { manifest }: Model): Float32Array[] {
	const { layers, width } = manifest.shape;
	return run.steps.flatMap(({ kind }, i) => (kind === 'latent' ? [lasts.get(run.prompt + i)!.resid.slice(layers * width)] : []));
}

/** Which of the prompts a run is of, and what it answers. */
const places = v.array(v.object({ place: v.pipe(v.number(), v.integer(), v.minValue(0)), answer: v.nullable(v.string()) }));

const PARTS = ['thoughts', 'states', 'resid'] as const;

/** Extents of a part after the runs. */
function extents({ model, plan }: Sampling, part: (typeof PARTS)[number]): number[] {
	const { layers, width } = model.manifest.shape;
	const [step] = plan.segments.flatMap((segment) => (segment.kind === 'latent' ? [segment] : []));
	return [latentsOf(plan), ...(part === 'resid' ? [layers + 1] : []), part === 'thoughts' && step ? model.thinking.widthOf(step) : width];
}

function keepable(runs: readonly Run[], sampling: Sampling): Kept {
	const placeOf = new Map(sampling.prompts.map(({ text }, i) => [text, i]));
	return {
		record: JSON.stringify(runs.map(({ text, answer = null }) => ({ place: placeOf.get(text), answer }))),
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
	const result = v.safeParse(v.pipe(v.string(), v.parseJson(), places), record);
	if (!result.success || !result.output.every(({ place }) => Object.hasOwn(prompts, place))) {
		return undefined;
	}
	const found = result.output;
	const fits = PARTS.every((part) => tensors.get(part)?.shape.join() === [found.length, ...extents(sampling, part)].join());
	const rows = (part: (typeof PARTS)[number], run: number) => {
		const count = latentsOf(plan);
		const size = product(extents(sampling, part)) / Math.max(1, count);
		const data = tensors.get(part)!.data as Float32Array;
		return Array.from({ length: count }, (_, i) => data.subarray((run * count + i) * size, (run * count + i + 1) * size));
	};
	return fits
		? found.map(({ place, answer }, run) => ({
				...prompts[place]!,
				answer: answer ?? undefined,
				thoughts: rows('thoughts', run),
				states: rows('states', run),
				resid: rows('resid', run),
			}))
		: undefined;
}

function product(shape: readonly number[]): number {
	return shape.reduce((all, extent) => all * extent, 1);
}
