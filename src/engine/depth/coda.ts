/** Calls of `coda.onnx`: the blocks after the loops. */
import { checkExtents } from '../model/contract';
import type { ModelShape } from '../model/manifest';
import { floats, type Graph, type Tensor } from '../runtime';
import { lensMaskOf, maskOf, positionsOf, type Feed } from './feed';
import { keyNames } from '../model/keyNames';

/** Of one call of the coda lens, all loops together: more use no more of the machine, and their scores grow with the square. */
const LENS_QUERIES = 128;

/** r' = r * keep + add at the stream after a block 1..blocks. */
export interface CodaPatch {
	block: number;
	keep: Tensor;
	add: Tensor;
}

export class Coda {
	private readonly presents: readonly string[];
	private readonly pasts: readonly string[];
	private readonly sites: readonly string[];
	private readonly idle: Readonly<Record<string, Tensor>>;

	constructor(
		private readonly graph: Graph,
		private readonly shape: ModelShape,
		blocks: number,
	) {
		({ pasts: this.pasts, presents: this.presents } = keyNames(blocks));
		this.sites = Array.from({ length: blocks }, (_, i) => `resid.${i + 1}`);
		const [one, zero] = [floats(new Float32Array([1]), 1, 1, 1), floats(new Float32Array(1), 1, 1, 1)];
		this.idle = Object.fromEntries(this.sites.flatMap((_, i) => [[`patch.${i + 1}.keep`, one], [`patch.${i + 1}.add`, zero]]));
	}

	/** The stream after each block [rows, count, width], and `past` with the call's own keys and values after it. */
	async run(feed: Feed, state: Float32Array, past: readonly Tensor[], patches: readonly CodaPatch[] = []): Promise<{ resid: Float32Array[]; present: Tensor[] }> {
		const patched = Object.fromEntries(patches.flatMap(({ block, keep, add }) => [[`patch.${block}.keep`, keep], [`patch.${block}.add`, add]]));
		return this.call(feed, 1, state, maskOf(feed), past, patched);
	}

	/**
	 * The coda lens: where the coda ends from each of several states [rows, count, width] of every position. A state sees of the positions
	 * before it what they left for those after them, `present` of `run`, and itself. Without `present`, of calls of one position,
	 * it sees `past`.
	 */
	async read(feed: Feed, states: readonly Float32Array[], past: readonly Tensor[], present?: readonly Tensor[]): Promise<Float32Array[]> {
		const times = Math.max(1, Math.floor(LENS_QUERIES / feed.count));
		const found: Float32Array[] = [];
		for (let from = 0; from < states.length; from += times) {
			const some = states.slice(from, from + times);
			const mask = lensMaskOf(feed, some.length, present === undefined);
			const { resid } = await this.call(feed, some.length, this.beside(feed, some), mask, present ?? past);
			found.push(...this.apart(feed, resid.at(-1)!, some.length));
		}
		return found;
	}

	private async call(feed: Feed, times: number, state: Float32Array, mask: Tensor, past: readonly Tensor[], patched: Readonly<Record<string, Tensor>> = {}) {
		const { width, heads, headWidth } = this.shape;
		const [rows, count] = [feed.rows, times * feed.count];
		const feeds: Record<string, Tensor> = { ...this.idle, ...patched, state: floats(state, rows, count, width), attention_mask: mask };
		if (this.graph.inputs.has('position_ids')) {
			feeds['position_ids'] = positionsOf(feed, times);
		}
		this.pasts.forEach((name, i) => (feeds[name] = past[i]!));
		const results = await this.graph.run(feeds, [...this.sites, ...this.presents]);
		this.sites.forEach((name) => checkExtents('coda', name, results[name]!, rows, count, width));
		this.presents.forEach((name) => checkExtents('coda', name, results[name]!, rows, heads, mask.dims[2]!, headWidth));
		return { resid: this.sites.map((name) => results[name]!.data as Float32Array), present: this.presents.map((name) => results[name]!) };
	}

	/** [rows, times × count, width] of `times` arrays [rows, count, width]. */
	private beside({ rows, count }: Feed, states: readonly Float32Array[]): Float32Array {
		const size = count * this.shape.width;
		const all = new Float32Array(rows * states.length * size);
		states.forEach((state, i) => {
			for (let row = 0; row < rows; row++) {
				all.set(state.subarray(row * size, (row + 1) * size), (row * states.length + i) * size);
			}
		});
		return all;
	}

	private apart({ rows, count }: Feed, all: Float32Array, times: number): Float32Array[] {
		const size = count * this.shape.width;
		return Array.from({ length: times }, (_, i) => {
			const one = new Float32Array(rows * size);
			for (let row = 0; row < rows; row++) {
				one.set(all.subarray((row * times + i) * size, (row * times + i + 1) * size), row * size);
			}
			return one;
		});
	}
}
