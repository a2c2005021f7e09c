/** What computes residual streams: ids or embeddings in, the stream at every site and the extended cache out. */
import type { Looped } from '../depth/looped';
import { checkExtents } from './contract';
import { EngineError } from '../error';
import { keyNames } from './keyNames';
import type { ModelShape } from './manifest';
import { floats, integers, type Feeds, type Fetched, type Graph, type Tensor } from '../runtime';

/** Keys and values of the positions so far. Never changed: extending one gives another, so a prefix can be shared. */
export interface Cache {
	readonly length: number;
	/** [rows, heads, length, headWidth] each; one row but in a batch. */
	readonly values: readonly Tensor[];
}

/** What is fed: token ids, or vectors [count, width] in the place of their embeddings. */
export type Input = { ids: readonly number[] } | { embeddings: Float32Array };

/** r' = r * keep + add at one site; vectors [count, width]. */
export interface Patch {
	site: number;
	keep: Float32Array;
	add: Float32Array;
}

export interface Forward {
	/** Positions that were fed. */
	count: number;
	/** Residual stream [count, width] at sites 0..layers. */
	resid: Float32Array[];
	/** Embedding(ids) [count, width], where it was asked for. */
	embeds?: Float32Array;
	cache: Cache;
	/** What the loops over depth did, where the model has them. */
	looped?: Looped;
}

/** What one position is fed: a token's id, or a vector [width] in the place of its embedding. */
export type Fed = number | Float32Array;

/** One sequence of a batch: what it has of the cache, and what it is fed after that. */
export interface Row {
	/** 1 for each cached position that is its own [cache.length]; the others are padding to it. */
	sees: BigInt64Array;
	/** How many those are, and so the first position that is fed. */
	past: number;
	fed: readonly Fed[];
	/** Replaces the residual stream at one of the fed positions by `add` [width]. */
	patch?: { at: number; site: number; add: Float32Array };
}

export interface Forwards {
	/** Positions that every row was fed, those of shorter rows padded at the end. */
	count: number;
	/** Residual stream [rows, count, width] at the sites that were asked for. */
	resid: ReadonlyMap<number, Float32Array>;
	/** Of all rows, each as long as the padded ones; where it was asked for. */
	cache?: Cache;
}

const CLOSED = 'Only the logits of this model can be seen: nothing can be fed or changed inside it.';

export interface Body {
	/** Whether positions and what is padding are told. Otherwise they follow from the cache, and rows of a batch cannot be padded. */
	readonly padded: boolean;
	/** The cache of no positions. */
	readonly empty: Cache;
	forward(input: Input, past: Cache, options?: { patch?: Patch; embeds?: boolean }): Promise<Forward>;
	/**
	 * Sequences side by side. `past` has a cache of each row. Shorter rows are padded after their end, where causal attention keeps
	 * the padding from what is real, and what a row does not see is masked: each equals a run of its own but for rounding.
	 */
	batch(rows: readonly Row[], past: Cache, want: { sites: readonly number[]; cache: boolean }): Promise<Forwards>;
}

/** Calls of `body.onnx`. */
export class Blocks implements Body {
	/** What is fed where nothing is embedded or patched. */
	private readonly idle: Feeds;
	private readonly sites: readonly `resid.${number}`[];
	private readonly presents: readonly string[];
	private readonly pasts: readonly string[];
	readonly padded: boolean;
	private readonly positions: boolean;
	private readonly mask: boolean;
	/** False where only logits can be seen: then nothing is embedded or patched. */
	private readonly open: boolean;

	constructor(
		private readonly graph: Graph,
		private readonly shape: ModelShape,
	) {
		this.sites = Array.from({ length: shape.layers + 1 }, (_, i) => `resid.${i}` as const);
		({ pasts: this.pasts, presents: this.presents } = keyNames(shape.caches ?? shape.layers));
		this.positions = graph.inputs.has('position_ids');
		this.mask = graph.inputs.has('attention_mask');
		this.padded = this.pasts.length === 0 || (this.positions && this.mask);
		this.open = graph.inputs.has('inputs_embeds');
		const one = floats(new Float32Array([1]), 1, 1, 1);
		const zero = floats(new Float32Array(1), 1, 1, 1);
		this.idle = !this.open
			? {}
			: graph.held({
					inputs_embeds: zero,
					embeds_mask: { type: 'bool', data: new Uint8Array(1), dims: [1, 1, 1] },
					...Object.fromEntries(
						this.sites.flatMap((_, i) => [
							[`patch.${i}.keep`, one],
							[`patch.${i}.add`, zero],
						]),
					),
				});
	}

	get empty(): Cache {
		return { length: 0, values: this.pasts.map(() => noKeys(this.shape)) };
	}

	async forward(input: Input, past: Cache, options: { patch?: Patch; embeds?: boolean } = {}): Promise<Forward> {
		const { width } = this.shape;
		if (!this.open && (!('ids' in input) || options.patch || options.embeds)) {
			throw new EngineError(CLOSED, 'bad-request');
		}
		const count = 'ids' in input ? input.ids.length : input.embeddings.length / width;
		const total = past.length + count;
		const feeds: Record<string, Tensor> = {
			...this.idle,
			input_ids: integers('ids' in input ? input.ids : new Float32Array(count), 1, count),
		};
		if (this.mask) {
			feeds['attention_mask'] = { type: 'int64', data: new BigInt64Array(total).fill(1n), dims: [1, total] };
		}
		if (this.positions) {
			feeds['position_ids'] = integers(
				Array.from({ length: count }, (_, i) => past.length + i),
				1,
				count,
			);
		}
		if ('embeddings' in input) {
			feeds['inputs_embeds'] = floats(input.embeddings, 1, count, width);
			feeds['embeds_mask'] = { type: 'bool', data: new Uint8Array(count).fill(1), dims: [1, count, 1] };
		}
		if (options.patch) {
			feeds[`patch.${options.patch.site}.keep`] = floats(options.patch.keep, 1, count, width);
			feeds[`patch.${options.patch.site}.add`] = floats(options.patch.add, 1, count, width);
		}
		for (const [i, name] of this.pasts.entries()) {
			feeds[name] = past.values[i]!;
		}
		const results = await this.graph.run(feeds, [...this.sites, ...this.presents, ...(options.embeds ? ['token_embeds'] : [])]);
		this.checkExtents(results, [...this.sites, ...(options.embeds ? ['token_embeds'] : [])], 1, count, total);
		return {
			count,
			resid: this.sites.map((site) => results[site]!.data as Float32Array),
			embeds: results['token_embeds']?.data as Float32Array | undefined,
			cache: { length: total, values: this.presents.map((name) => results[name]!) },
		};
	}

	async batch(rows: readonly Row[], past: Cache, want: { sites: readonly number[]; cache: boolean }): Promise<Forwards> {
		const count = Math.max(...rows.map(({ fed }) => fed.length));
		const feeds: Record<string, Tensor> = { ...this.idle, ...this.fed(rows, past.length, count), ...this.patched(rows, count) };
		for (const [i, name] of this.pasts.entries()) {
			feeds[name] = past.values[i]!;
		}
		const sites = want.sites.map((site) => `resid.${site}` as const);
		const results = await this.graph.run(feeds, [...sites, ...(want.cache ? this.presents : [])]);
		this.checkExtents(results, sites, rows.length, count, past.length + count);
		return {
			count,
			resid: new Map(want.sites.map((site) => [site, results[`resid.${site}`]!.data as Float32Array])),
			cache: want.cache
				? { length: past.length + count, values: this.presents.map((name) => results[name]!) }
				: undefined,
		};
	}

	/** Of what was fetched: `vectors` [rows, count, width], and the caches that are there. */
	private checkExtents(results: Fetched<string>, vectors: readonly string[], rows: number, count: number, total: number): void {
		const { width, heads, headWidth } = this.shape;
		vectors.forEach((name) => checkExtents('body', name, results[name]!, rows, count, width));
		for (const name of this.presents.filter((one) => Object.hasOwn(results, one))) {
			checkExtents('body', name, results[name]!, rows, heads, total, headWidth);
		}
	}

	/** Ids, vectors, positions and the mask of a batch. */
	private fed(rows: readonly Row[], past: number, count: number): Record<string, Tensor> {
		const { width, context } = this.shape;
		const size = rows.length * count;
		if (!this.open && rows.some(({ fed, patch }) => patch || fed.some((one) => typeof one !== 'number'))) {
			throw new EngineError(CLOSED, 'bad-request');
		}
		const ids = new BigInt64Array(size);
		const positions = new BigInt64Array(size);
		const mask = new BigInt64Array(rows.length * (past + count));
		const vectors = new Float32Array(size * width);
		const isVector = new Uint8Array(size);
		for (const [row, { sees, past: first, fed }] of rows.entries()) {
			const from = row * (past + count);
			mask.set(sees, from);
			mask.fill(1n, from + past, from + past + fed.length);
			for (let i = 0; i < count; i++) {
				const at = row * count + i;
				const one = fed[i];
				positions[at] = BigInt(Math.min(first + i, context - 1));
				if (typeof one === 'number') {
					ids[at] = BigInt(one);
				} else if (one) {
					vectors.set(one, at * width);
					isVector[at] = 1;
				}
			}
		}
		return {
			input_ids: { type: 'int64', data: ids, dims: [rows.length, count] },
			...(this.mask ? { attention_mask: { type: 'int64' as const, data: mask, dims: [rows.length, past + count] } } : {}),
			...(this.positions ? { position_ids: { type: 'int64' as const, data: positions, dims: [rows.length, count] } } : {}),
			...(this.open
				? {
						inputs_embeds: floats(vectors, rows.length, count, width),
						embeds_mask: { type: 'bool' as const, data: isVector, dims: [rows.length, count, 1] },
					}
				: {}),
		};
	}

	/** `keep` and `add` of the sites where a row of the batch is patched. */
	private patched(rows: readonly Row[], count: number): Record<string, Tensor> {
		const { width } = this.shape;
		const feeds: Record<string, Tensor> = {};
		for (const site of new Set(rows.flatMap(({ patch }) => (patch ? [patch.site] : [])))) {
			const keep = new Float32Array(rows.length * count).fill(1);
			const add = new Float32Array(rows.length * count * width);
			for (const [row, { patch }] of rows.entries()) {
				if (patch?.site === site) {
					keep[row * count + patch.at] = 0;
					add.set(patch.add, (row * count + patch.at) * width);
				}
			}
			feeds[`patch.${site}.keep`] = floats(keep, rows.length, count, 1);
			feeds[`patch.${site}.add`] = floats(add, rows.length, count, width);
		}
		return feeds;
	}
}

/** Keys or values of no positions. */
export function noKeys({ heads, headWidth }: Pick<ModelShape, 'heads' | 'headWidth'>): Tensor {
	return floats(new Float32Array(0), 1, heads, 0, headWidth);
}

/** [count, sites, width] of the rows [start, end) of what `Body` gives site by site. */
export function bySite(resid: readonly Float32Array[], width: number, start: number, end: number): Float32Array {
	const out = new Float32Array((end - start) * resid.length * width);
	let at = 0;
	for (let row = start; row < end; row++) {
		for (const values of resid) {
			out.set(values.subarray(row * width, (row + 1) * width), at);
			at += width;
		}
	}
	return out;
}
