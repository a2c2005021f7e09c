/** Tests that a model computes the same in every way the engine computes it. Run on loading: the graphs may come from anybody. */
import type { Manifest } from './manifest';
import type { Feature, Model } from './model';
import { bySite, type Cache, type Forward, type Input, type Patch } from './body';

/**
 * Largest difference between two ways to compute the same, as a share of the largest value (of 1 where all are smaller): float32
 * sums in another order, with room for the widest models. Quantised activations depend on what is computed together.
 */
const TOLERANCES: ReadonlyMap<string, number> = new Map([
	['fp16', 2e-2],
	['int8', 0.25],
	['q4', 2e-2],
]);
const TOLERANCE = 1e-4;
/** Positions of the test sequence. */
const LENGTH = 12;
/** Least that the patch test adds to one stream: far above the tolerance. */
const NUDGE = 0.5;

export interface SelfTest {
	name: string;
	maxAbsDiff: number;
	ok: boolean;
	/** What is lost when it fails; without the basics the model is refused. */
	feature: Feature | 'basics';
}

/** Throws where the graphs cannot even be run. */
export async function selfTest(model: Model, signal: AbortSignal): Promise<SelfTest[]> {
	const { body, head, manifest } = model;
	const { layers, width } = manifest.shape;
	const isOpen = manifest.logitsOnly === undefined;
	const ids = testIds(manifest);
	const { length } = ids;
	const run = async (input: Input, past: Cache = body.empty, patch?: Patch) => {
		signal.throwIfAborted();
		return body.forward(input, past, { patch, embeds: isOpen });
	};
	const whole = await run({ ids });
	const tests: SelfTest[] = [];
	const limit = limitOf(manifest, whole.resid);
	const report = (name: string, feature: SelfTest['feature'], maxAbsDiff: number, most = limit) => {
		tests.push({ name, feature, maxAbsDiff, ok: maxAbsDiff <= most });
	};

	if (isOpen) {
		report('embeddings fed instead of ids', 'latents', difference(await run({ embeddings: whole.embeds! }), whole));
	}

	const half = Math.floor(length / 2);
	const first = await run({ ids: ids.slice(0, half) });
	const second = await run({ ids: ids.slice(half) }, first.cache);
	report('prefill in chunks', 'basics', Math.max(difference(first, whole), difference(second, whole, half)));

	let cache = body.empty;
	let stepwise = 0;
	for (const [position, id] of ids.entries()) {
		const step = await run({ ids: [id] }, cache);
		stepwise = Math.max(stepwise, difference(step, whole, position));
		cache = step.cache;
	}
	report('one token at a time on the cache', 'basics', stepwise);

	if (isOpen) {
		report('a late patch changes what follows it and nothing else', 'patches', await latePatch(model, ids, whole, limit, run));
	}
	const rows = bySite(whole.resid, width, 0, length);
	const targets = ids.map((_, i) => ids[i + 1] ?? 0);
	const together = await head.read(rows, layers + 1, targets, 4);
	let apart = 0;
	let lens = 0;
	for (let row = 0; row < length; row++) {
		signal.throwIfAborted();
		const from = row * (layers + 1);
		const single = await head.read(rows.slice(from * width, (from + layers + 1) * width), layers + 1, [targets[row]!], 4);
		for (const name of ['normed', 'topLogits', 'lse', 'entropy', 'kl', 'targetLogit'] as const) {
			apart = Math.max(apart, maxDifference(single[name], together[name].subarray(row * single[name].length)));
		}
		const last = from + layers;
		const logits = await head.logits(rows.slice(last * width, (last + 1) * width));
		const k = together.topIds.length / (length * (layers + 1));
		const ordered = [...logits].sort((a, b) => b - a).slice(0, k);
		lens = Math.max(
			lens,
			Math.abs(logSumExp(logits) - together.lse[last]!),
			Math.abs(together.kl[last]!),
			Math.abs(logits[targets[row]!]! - together.targetLogit[last]!),
			...ordered.map((logit, i) =>
				Math.max(
					Math.abs(logit - together.topLogits[last * k + i]!),
					Math.abs(logit - logits[together.topIds[last * k + i]!]!),
				),
			),
		);
	}
	const most = Math.max(limit, limitOf(manifest, [together.topLogits, together.lse]));
	report('head in chunks and in single rows', 'basics', apart, most);
	report('lens at the last site and the logits', 'basics', lens, most);
	return tests;
}

/** How far a patch of one late position is from doing what it should; infinite where it does nothing. */
async function latePatch(
	{ manifest }: Model,
	ids: readonly number[],
	whole: Forward,
	limit: number,
	run: (input: Input, past?: Cache, patch?: Patch) => Promise<Forward>,
): Promise<number> {
	const { layers, width } = manifest.shape;
	const late = ids.length - 2;
	const site = layers - 1;
	// As large as the stream: what quantisation does to a smaller one could hide it.
	const size = Math.max(NUDGE, largest(whole.resid[site]!));
	const patched = await run({ ids }, undefined, nudge(site, late, ids.length, width, size));
	const expected = whole.resid[site]!.slice();
	expected[late * width]! += size;
	const untouched = patched.resid.map((values) => values.subarray(0, late * width));
	const moved =
		maxDifference(patched.resid[layers]!.subarray(late * width), whole.resid[layers]!.subarray(late * width)) > limit;
	const patchDifference = Math.max(
		maxDifference(patched.resid[site]!, expected),
		...untouched.map((values, i) => maxDifference(values, whole.resid[i]!.subarray(0, late * width))),
	);
	return moved ? patchDifference : Infinity;
}

/** Any tokens do; these spread over the vocabulary. */
export function testIds({ shape }: Manifest): number[] {
	const length = Math.min(LENGTH, shape.context);
	return Array.from({ length }, (_, i) => Math.floor(((i + 0.5) * shape.vocabulary) / length));
}

/** The largest difference that is no failure, where these values are compared. */
export function limitOf({ quantisation }: Manifest, values: readonly Float32Array[]): number {
	return (TOLERANCES.get(quantisation) ?? TOLERANCE) * Math.max(1, ...values.map(largest));
}

/** Of absolute values. */
function largest(values: Float32Array): number {
	return values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
}

/** Adds to the first component of one position of `count`. */
function nudge(site: number, position: number, count: number, width: number, size: number): Patch {
	const add = new Float32Array(count * width);
	add[position * width] = size;
	return { site, keep: new Float32Array(count * width).fill(1), add };
}

/** Of the residual streams of `part` and those of `whole` from position `from` on. */
function difference(part: Forward, whole: Forward, from = 0): number {
	const width = whole.resid[0]!.length / whole.count;
	return Math.max(...part.resid.map((values, i) => maxDifference(values, whole.resid[i]!.subarray(from * width))));
}

/** NaN anywhere counts as an infinite difference. */
export function maxDifference(values: Float32Array, others: Float32Array): number {
	let most = 0;
	for (let i = 0; i < values.length; i++) {
		const distance = Math.abs(values[i]! - others[i]!);
		most = distance <= most ? most : Number.isNaN(distance) ? Infinity : distance;
	}
	return most;
}

function logSumExp(logits: Float32Array): number {
	const highest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
	return highest + Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit - highest), 0));
}
