/** Tests that a model computes the same in every way the engine computes it. Run on loading: the graphs may come from anybody. */
import { siteOf } from '../depth/layout';
import { logSumExp } from '../distribution';
import { EngineError } from '../error';
import type { Manifest } from './manifest';
import type { Feature, Model } from './model';
import { picked } from '../run/cache';
import { bySite, type Body, type Cache, type Forward, type Input, type Patch } from './body';
import type { Head } from './head';
import type { Norm } from './norm';
import { tolerance } from './tolerance';

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

/** The end of a sentence. */
export function failureOf({ name, maxAbsDiff }: Pick<SelfTest, 'name' | 'maxAbsDiff'>): string {
	return `the self-test "${name}" failed with a largest difference of ${maxAbsDiff.toPrecision(2)}`;
}

/** A model that fails the basics is not run. */
export class SelfTestError extends EngineError {
	constructor(readonly test: SelfTest) {
		const difference = test.maxAbsDiff.toPrecision(2);
		super(`The model fails its self-test "${test.name}" (largest difference ${difference}): export it again.`, 'bad-model');
	}
}

/** Throws where the graphs cannot even be run. */
export async function selfTest(model: Model, signal: AbortSignal): Promise<SelfTest[]> {
	const { body, head, manifest } = model;
	const { layout, shape } = manifest;
	const { layers, width } = shape;
	const isOpen = manifest.logitsOnly === undefined;
	const ids = testIds(manifest);
	const { length } = ids;
	const run = async (input: Input, past: Cache = body.empty, patch?: Patch) => {
		signal.throwIfAborted();
		return body.forward(input, past, { patch, embeds: isOpen });
	};
	const whole = await run({ ids });
	const tests: SelfTest[] = [];
	const report = (name: string, feature: SelfTest['feature'], { maxAbsDiff, ok }: Difference) => {
		tests.push({ name, feature, maxAbsDiff, ok });
	};
	const fresh = () => new Difference(toleranceOf(model));

	if (isOpen) {
		report('embeddings of tokens by themselves', 'basics', fresh().add(await model.embedder.of(ids), whole.embeds!));
		report('embeddings fed instead of ids', 'latents', fresh().streams(await run({ embeddings: whole.embeds! }), whole));
	}

	const half = Math.floor(length / 2);
	const first = await run({ ids: ids.slice(0, half) });
	const second = await run({ ids: ids.slice(half) }, first.cache);
	report('prefill in chunks', 'basics', fresh().streams(first, whole).streams(second, whole, half));

	let cache = body.empty;
	const stepwise = fresh();
	for (const [position, id] of ids.entries()) {
		const step = await run({ ids: [id] }, cache);
		stepwise.streams(step, whole, position);
		cache = step.cache;
	}
	report('one token at a time on the cache', 'basics', stepwise);

	if (isOpen) {
		report('a late patch changes what follows it and nothing else', 'patches', await latePatch(model, ids, whole, fresh(), run, layers - 1));
	}
	if (layout) {
		const patched = await latePatch(model, ids, whole, fresh(), run, siteOf(layout, 1));
		report('a late patch of the state after the first loop, likewise', 'patches', patched);
		const read = await whole.looped!.read();
		report('coda lens after the last loop and the last site', 'basics', fresh().add(read.at(-1)!, whole.resid[layers]!));
	}

	if (isOpen && body.padded) {
		report('rows of different lengths side by side', 'batches', await ragged(model, ids, whole, fresh()));
	}

	const rows = bySite(whole.resid, width, 0, length);
	const targets = ids.map((_, i) => ids[i + 1] ?? 0);
	const together = await head.read(rows, layers + 1, targets, 4);
	const apart = fresh();
	const lens = fresh();
	const numbers = fresh();
	for (let row = 0; row < length; row++) {
		signal.throwIfAborted();
		const from = row * (layers + 1);
		const single = await head.read(rows.slice(from * width, (from + layers + 1) * width), layers + 1, [targets[row]!], 4);
		for (const name of ['normed', 'topLogits', 'lse', 'entropy', 'kl', 'targetLogit'] as const) {
			const from = row * single[name].length;
			apart.add(single[name], together[name].subarray(from, from + single[name].length), together[name]);
		}
		const last = from + layers;
		const logits = await head.logits(rows.slice(last * width, (last + 1) * width));
		// Some tokens may be ruled out by −∞, and not all.
		if (!logits.every((logit) => logit < Infinity) || !logits.some(Number.isFinite)) {
			numbers.fail();
		}
		const k = together.topIds.length / (length * (layers + 1));
		// Arrays of numbers sort ten times as fast when they are typed.
		const ordered = logits.slice().sort().reverse().slice(0, k);
		const found = together.topIds.subarray(last * k, (last + 1) * k);
		lens.add(together.topLogits.subarray(last * k, (last + 1) * k), ordered, logits);
		lens.add(
			Float32Array.from(found, (id) => logits[id]!),
			ordered,
			logits,
		);
		lens.add(
			Float32Array.of(together.lse[last]!, together.targetLogit[last]!, together.kl[last]!),
			Float32Array.of(logSumExp(logits), logits[targets[row]!]!, 0),
			logits,
		);
	}
	// Of −∞ and a probability of 0 a graph may make no number where 0 is meant.
	const readouts = fresh();
	if (![together.entropy, together.kl].every((values) => values.every(Number.isFinite))) {
		readouts.fail();
	}
	report('logits are numbers', 'basics', numbers);
	report('entropy and KL are numbers, also where a logit is −∞', 'basics', readouts);
	report('head in chunks and in single rows', 'basics', apart);
	report('lens at the last site and the logits', 'basics', lens);
	return tests;
}

/**
 * Two rows: one that does not see the end of what is cached, and is padded; and one that is the whole. Of the last positions.
 * A graph that cannot be run so, because it was made for one row, fails like one that computes something else.
 */
async function ragged({ body, manifest }: Model, ids: readonly number[], whole: Forward, difference: Difference): Promise<Difference> {
	const { layers, width } = manifest.shape;
	const half = Math.floor(ids.length / 2);
	const { cache } = await body.forward({ ids: ids.slice(0, half) }, body.empty);
	const twice = picked(cache, [0, 0]);
	const rows = [half - 1, half].map((past, i) => ({
		sees: new BigInt64Array(half).fill(1n, 0, past),
		past,
		fed: i === 0 ? ids.slice(past, half) : ids.slice(half),
	}));
	const batch = await body.batch(rows, twice, { sites: [layers], cache: false }).catch(() => undefined);
	if (!batch) {
		difference.fail();
		return difference;
	}
	for (const [row, { past, fed }] of rows.entries()) {
		const from = row * batch.count * width;
		const own = batch.resid.get(layers)!.subarray(from, from + fed.length * width);
		difference.add(own, whole.resid[layers]!.subarray(past * width, (past + fed.length) * width), whole.resid[layers]!);
	}
	return difference;
}

/** What another provider computes, held against what the processor does: every site of every position, the final norm and the logits. */
export async function compareProvider(model: Model, processor: { body: Body; head: Head; norm: Norm }, signal: AbortSignal): Promise<SelfTest> {
	const { body, head, norm, manifest, provider } = model;
	const ids = testIds(manifest);
	const expected = await processor.body.forward({ ids }, processor.body.empty);
	const last = expected.resid[manifest.shape.layers]!;
	const logits = await processor.head.logits(last);
	signal.throwIfAborted();
	const difference = new Difference(toleranceOf(model));
	difference.streams(await body.forward({ ids }, body.empty), expected);
	difference.add(await head.logits(last), logits);
	difference.add(await norm.of(last), await processor.norm.of(last));
	const { maxAbsDiff, ok } = difference;
	return { name: `${provider.used} and cpu: residual streams and logits`, feature: 'basics', maxAbsDiff, ok };
}

/** Infinite where the patch does nothing. */
async function latePatch(
	model: Model,
	ids: readonly number[],
	whole: Forward,
	difference: Difference,
	run: (input: Input, past?: Cache, patch?: Patch) => Promise<Forward>,
	site: number,
): Promise<Difference> {
	const { layers, width } = model.manifest.shape;
	const late = ids.length - 2;
	// As large as the stream: what quantisation does to a smaller one could hide it.
	const size = Math.max(NUDGE, largest(whole.resid[site]!));
	const { resid } = await run({ ids }, undefined, nudge(site, late, ids.length, width, size));
	const expected = whole.resid[site]!.slice();
	expected[late * width]! += size;
	// Where only last loops leave keys and values, what a position is at any loop reaches those after it at all of theirs.
	const same = (model.manifest.recipe.depth?.keys === 'last' ? late + 1 : ids.length) * width;
	difference.add(resid[site]!.subarray(0, same), expected.subarray(0, same));
	const [before, after] = [resid, whole.resid].map((streams) => streams.map((values) => values.subarray(0, late * width)));
	before!.forEach((values, i) => difference.add(values, after![i]!, whole.resid[i]!));
	const moved = new Difference(toleranceOf(model));
	moved.add(resid[layers]!.subarray(late * width), whole.resid[layers]!.subarray(late * width));
	if (moved.ok) {
		difference.fail();
	}
	return difference;
}

/** The largest difference so far, and whether each was small for the values that were compared. */
export class Difference {
	maxAbsDiff = 0;
	ok = true;

	constructor(private readonly tolerance: number) {}

	/** `like`: values of the size that counts. */
	add(found: Float32Array, expected: Float32Array, like = expected): this {
		const distance = found.length === expected.length ? maxDifference(found, expected) : Infinity;
		this.maxAbsDiff = Math.max(this.maxAbsDiff, distance);
		// Nothing is small beside NaN.
		this.ok &&= distance <= this.tolerance * Math.max(1, largest(like));
		return this;
	}

	/** The residual streams of `part` and those of `whole` from position `from` on, each site by itself. */
	streams(part: Forward, whole: Forward, from = 0): this {
		part.resid.forEach((values, i) => {
			const start = from * (whole.resid[i]!.length / whole.count);
			this.add(values, whole.resid[i]!.subarray(start, start + values.length), whole.resid[i]!);
		});
		return this;
	}

	fail(): void {
		this.maxAbsDiff = Infinity;
		this.ok = false;
	}
}

/** Any tokens do; these spread over the vocabulary. */
export function testIds({ shape }: Manifest): number[] {
	const length = Math.min(LENGTH, shape.context);
	return Array.from({ length }, (_, i) => Math.floor(((i + 0.5) * shape.vocabulary) / length));
}

export function toleranceOf({ manifest, provider }: Pick<Model, 'manifest' | 'provider'>): number {
	return tolerance(manifest.quantisation, provider.used);
}

/** Of absolute values that are finite: everything would be small beside an infinite one. */
function largest(values: Float32Array): number {
	return values.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 0);
}

/** Adds to the first component of one position of `count`. */
function nudge(site: number, position: number, count: number, width: number, size: number): Patch {
	const add = new Float32Array(count * width);
	add[position * width] = size;
	return { site, keep: new Float32Array(count * width).fill(1), add };
}

/** NaN anywhere counts as an infinite difference, and −∞ on both sides, of a token that is ruled out, as none. */
export function maxDifference(values: Float32Array, others: Float32Array): number {
	let most = 0;
	for (let i = 0; i < values.length; i++) {
		const distance = values[i] === others[i] ? 0 : Math.abs(values[i]! - others[i]!);
		most = distance <= most ? most : Number.isNaN(distance) ? Infinity : distance;
	}
	return most;
}
