/** One call of `body.onnx`: ids or embeddings in, residual stream at every site and the extended cache out. */
import { EngineError } from './error';
import type { ModelShape } from './manifest';
import { floats, integers, type Feeds, type Graph, type Tensor } from './runtime';

/** Keys and values of the positions so far. Never changed: extending one gives another, so a prefix can be shared. */
export interface Cache {
	readonly length: number;
	readonly values: readonly Tensor[];
}

/** Of the first `length` positions. */
export function shortened(cache: Cache, length: number): Cache {
	if (length === cache.length) {
		return cache;
	}
	const values = cache.values.map(({ data, dims }) => {
		const [, heads, , headWidth] = dims as [number, number, number, number];
		const kept = new Float32Array(heads * length * headWidth);
		for (let head = 0; head < heads; head++) {
			const from = head * cache.length * headWidth;
			kept.set((data as Float32Array).subarray(from, from + length * headWidth), head * length * headWidth);
		}
		return floats(kept, 1, heads, length, headWidth);
	});
	return { length, values };
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
}

export class Body {
	/** What is fed where nothing is embedded or patched. */
	private readonly idle: Feeds;
	private readonly sites: readonly `resid.${number}`[];
	private readonly presents: readonly string[];
	private readonly pasts: readonly string[];
	private readonly positions: boolean;
	private readonly mask: boolean;
	/** False where only logits can be seen: then nothing is embedded or patched. */
	private readonly open: boolean;

	constructor(
		private readonly graph: Graph,
		private readonly shape: ModelShape,
	) {
		this.sites = Array.from({ length: shape.layers + 1 }, (_, i) => `resid.${i}` as const);
		const caches = Array.from({ length: shape.caches ?? shape.layers }, (_, l) => [`${l}.key`, `${l}.value`]).flat();
		this.presents = caches.map((name) => `present.${name}`);
		this.pasts = caches.map((name) => `past_key_values.${name}`);
		this.positions = graph.inputs.has('position_ids');
		this.mask = graph.inputs.has('attention_mask');
		this.open = graph.inputs.has('inputs_embeds');
		const one = floats(new Float32Array([1]), 1, 1, 1);
		const zero = floats(new Float32Array(1), 1, 1, 1);
		this.idle = !this.open
			? {}
			: {
					inputs_embeds: zero,
					embeds_mask: { type: 'bool', data: new Uint8Array(1), dims: [1, 1, 1] },
					...Object.fromEntries(
						this.sites.flatMap((_, i) => [
							[`patch.${i}.keep`, one],
							[`patch.${i}.add`, zero],
						]),
					),
				};
	}

	/** The cache of no positions. */
	get empty(): Cache {
		const { heads, headWidth } = this.shape;
		return { length: 0, values: this.pasts.map(() => floats(new Float32Array(0), 1, heads, 0, headWidth)) };
	}

	async forward(input: Input, past: Cache, options: { patch?: Patch; embeds?: boolean } = {}): Promise<Forward> {
		const { width } = this.shape;
		if (!this.open && (!('ids' in input) || options.patch || options.embeds)) {
			throw new EngineError('Only the logits of this model can be seen: nothing can be fed or changed inside it.', 'bad-request');
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
		return {
			count,
			resid: this.sites.map((site) => results[site]!.data as Float32Array),
			embeds: results['token_embeds']?.data as Float32Array | undefined,
			cache: { length: total, values: this.presents.map((name) => results[name]!) },
		};
	}
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
