/** Tests that a model computes the same in every way the engine computes it. Run on loading: the graphs may come from anybody. */
import type { Feature, Model } from './model';
import { picked } from './cache';
import { bySite, type Cache, type Forward, type Input, type Patch } from './body';

/** Largest absolute difference of float32 sums in another order, with room for the widest models. */
const TOLERANCE = 1e-4;
/** Positions of the test sequence. */
const LENGTH = 12;
/** Added to one stream by the patch test: far above the tolerance. */
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
	const { layers, width, vocabulary, context } = manifest.shape;
	const length = Math.min(LENGTH, context);
	// Any tokens do; these spread over the vocabulary.
	const ids = Array.from({ length }, (_, i) => Math.floor(((i + 0.5) * vocabulary) / length));
	const run = async (input: Input, past: Cache = body.empty, patch?: Patch) => {
		signal.throwIfAborted();
		return body.forward(input, past, { patch, embeds: true });
	};
	const whole = await run({ ids });
	const tests: SelfTest[] = [];
	const report = (name: string, feature: SelfTest['feature'], maxAbsDiff: number) => {
		tests.push({ name, feature, maxAbsDiff, ok: maxAbsDiff <= TOLERANCE });
	};

	report('embeddings fed instead of ids', 'latents', difference(await run({ embeddings: whole.embeds! }), whole));

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

	const late = length - 2;
	const site = layers - 1;
	const patched = await run({ ids }, body.empty, nudge(site, late, length, width));
	const expected = whole.resid[site]!.slice();
	expected[late * width]! += NUDGE;
	const untouched = patched.resid.map((values) => values.subarray(0, late * width));
	const moved =
		maxDifference(patched.resid[layers]!.subarray(late * width), whole.resid[layers]!.subarray(late * width)) > TOLERANCE;
	const patchDifference = Math.max(
		maxDifference(patched.resid[site]!, expected),
		...untouched.map((values, i) => maxDifference(values, whole.resid[i]!.subarray(0, late * width))),
	);
	report('a late patch changes what follows it and nothing else', 'patches', moved ? patchDifference : Infinity);

	if (body.positions) {
		report('rows of different lengths side by side', 'batches', await ragged(model, ids, whole));
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
	report('head in chunks and in single rows', 'basics', apart);
	report('lens at the last site and the logits', 'basics', lens);
	return tests;
}

/** Two rows: one that does not see the end of what is cached, and is padded; and one that is the whole. Of the last positions. */
async function ragged({ body, manifest }: Model, ids: readonly number[], whole: Forward): Promise<number> {
	const { layers, width } = manifest.shape;
	const half = Math.floor(ids.length / 2);
	const { cache } = await body.forward({ ids: ids.slice(0, half) }, body.empty);
	const twice = picked(cache, [0, 0]);
	const rows = [half - 1, half].map((past, i) => ({
		sees: new BigInt64Array(half).fill(1n, 0, past),
		past,
		fed: i === 0 ? ids.slice(past, half) : ids.slice(half),
	}));
	const { resid, count } = await body.batch(rows, twice, { sites: [layers], cache: false });
	const differences = rows.map(({ past, fed }, row) => {
		const from = row * count * width;
		const own = resid.get(layers)!.subarray(from, from + fed.length * width);
		return maxDifference(own, whole.resid[layers]!.subarray(past * width));
	});
	return Math.max(...differences);
}

/** Adds to the first component of one position of `count`. */
function nudge(site: number, position: number, count: number, width: number): Patch {
	const add = new Float32Array(count * width);
	add[position * width] = NUDGE;
	return { site, keep: new Float32Array(count * width).fill(1), add };
}

/** Of the residual streams of `part` and those of `whole` from position `from` on. */
function difference(part: Forward, whole: Forward, from = 0): number {
	const width = whole.resid[0]!.length / whole.count;
	return Math.max(...part.resid.map((values, i) => maxDifference(values, whole.resid[i]!.subarray(from * width))));
}

/** NaN anywhere counts as an infinite difference. */
function maxDifference(values: Float32Array, others: Float32Array): number {
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
