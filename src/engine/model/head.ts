/** Calls of `head.onnx`: every readout of the token distribution, computed in the graph: no [rows, vocabulary] is stored. */
import { checkExtents } from './contract';
import type { ModelShape } from './manifest';
import { floats, integers, type Graph } from '../runtime';

/** More rows use no more of the machine and more memory. */
export const MAX_ROWS = 256;
/** Fewer are bound by reading the unembedding. */
const MIN_ROWS = 32;
/**
 * Of the logits of a call. The graph needs several times as much, since its allocator doubles what it gets: on GPT-2 57 MiB for 52 rows
 * and 114 MiB for 78, which are 7 to 10 % faster.
 */
const LOGITS_BYTES = 12 * 2 ** 20;
/** Arrays [rows, vocabulary] that the graph holds at once. */
export const HEAD_ARRAYS = 6;

/** Rows of a call, `most` at most. */
export function rowsOf(vocabulary: number, most = MAX_ROWS): number {
	const rows = Math.floor(LOGITS_BYTES / (vocabulary * Float32Array.BYTES_PER_ELEMENT));
	return Math.min(most, Math.max(MIN_ROWS, rows));
}

/** `rows` positions at `sites` sites each; every array is row-major over them. */
export interface Reading {
	/** After the final norm, [rows, sites, width]. */
	normed: Float32Array;
	/** [rows, sites, k], highest first. */
	topIds: Int32Array;
	topLogits: Float32Array;
	/** [rows, sites]; nats. */
	lse: Float32Array;
	entropy: Float32Array;
	/** KL(last site || this site), nats. */
	kl: Float32Array;
	targetLogit: Float32Array;
}

/** What the last position that was fed leads to. */
export interface State {
	/** Residual stream at the last site, and after the final norm [width]. */
	hidden: Float32Array;
	normed: Float32Array;
	/** Of the next token [vocabulary]; the likeliest, and the log-sum-exp. */
	logits: Float32Array;
	id: number;
	lse: number;
}

export class Head {
	constructor(
		private readonly graph: Graph,
		private readonly shape: ModelShape,
		/** Rows of one call at most. */
		private readonly most = MAX_ROWS,
	) {}

	/** How many positions are read in a call, at `sites` sites each. */
	positions(sites: number): number {
		return Math.max(1, Math.floor(rowsOf(this.shape.vocabulary, this.most) / sites));
	}

	/** `hidden`: [targets.length, sites, width], before the final norm. `k` is cut to the vocabulary. */
	async read(hidden: Float32Array, sites: number, targets: readonly number[], k: number): Promise<Reading> {
		const feeds = this.feeds(hidden, sites, targets, k);
		const results = await this.graph.run(feeds, [
			'normed',
			'topk_ids',
			'topk_values',
			'lse',
			'entropy',
			'kl',
			'target_logit',
		]);
		const [rows, { width, vocabulary }] = [targets.length, this.shape];
		const top = Math.min(k, vocabulary);
		checkExtents('head', 'normed', results.normed, rows, sites, width);
		checkExtents('head', 'topk_ids', results.topk_ids, rows, sites, top);
		checkExtents('head', 'topk_values', results.topk_values, rows, sites, top);
		for (const name of ['lse', 'entropy', 'kl', 'target_logit'] as const) {
			checkExtents('head', name, results[name], rows, sites);
		}
		return {
			normed: results.normed.data as Float32Array,
			topIds: Int32Array.from(results.topk_ids.data as BigInt64Array, Number),
			topLogits: results.topk_values.data as Float32Array,
			lse: results.lse.data as Float32Array,
			entropy: results.entropy.data as Float32Array,
			kl: results.kl.data as Float32Array,
			targetLogit: results.target_logit.data as Float32Array,
		};
	}

	/** All logits [rows, vocabulary] of `hidden` [rows, width] at the last site, in as many calls as it takes. */
	async logits(hidden: Float32Array): Promise<Float32Array> {
		const rows = this.positions(1) * this.shape.width;
		if (hidden.length <= rows) {
			return this.logitsOf(hidden);
		}
		const all = new Float32Array((hidden.length / this.shape.width) * this.shape.vocabulary);
		for (let start = 0, at = 0; start < hidden.length; start += rows) {
			const some = await this.logitsOf(hidden.subarray(start, start + rows));
			all.set(some, at);
			at += some.length;
		}
		return all;
	}

	private async logitsOf(hidden: Float32Array): Promise<Float32Array> {
		const targets = new Array<number>(hidden.length / this.shape.width).fill(0);
		const { logits } = await this.graph.run(this.feeds(hidden, 1, targets, 1), ['logits']);
		checkExtents('head', 'logits', logits, targets.length, 1, this.shape.vocabulary);
		return logits.data as Float32Array;
	}

	/** Of `hidden` [rows, width] at the last site, in as many calls as it takes. */
	async states(hidden: Float32Array): Promise<State[]> {
		const { width, vocabulary } = this.shape;
		const states: State[] = [];
		const most = this.positions(1);
		for (let start = 0; start < hidden.length; start += most * width) {
			const rows = hidden.subarray(start, start + most * width);
			const count = rows.length / width;
			const results = await this.graph.run(this.feeds(rows, 1, new Array<number>(count).fill(0), 1), [
				'normed',
				'logits',
				'topk_ids',
				'lse',
			]);
			checkExtents('head', 'normed', results.normed, count, 1, width);
			checkExtents('head', 'logits', results.logits, count, 1, vocabulary);
			checkExtents('head', 'topk_ids', results.topk_ids, count, 1, 1);
			checkExtents('head', 'lse', results.lse, count, 1);
			for (let row = 0; row < count; row++) {
				const part = ({ data }: { data: unknown }, extent: number) =>
					(data as Float32Array).subarray(row * extent, (row + 1) * extent);
				states.push({
					hidden: rows.subarray(row * width, (row + 1) * width),
					normed: part(results.normed, width),
					logits: part(results.logits, vocabulary),
					id: Number(results.topk_ids.data[row]),
					lse: Number(results.lse.data[row]),
				});
			}
		}
		return states;
	}

	private feeds(hidden: Float32Array, sites: number, targets: readonly number[], k: number) {
		return {
			hidden: floats(hidden, targets.length, sites, this.shape.width),
			target: integers(targets, targets.length),
			k: integers([Math.min(k, this.shape.vocabulary || k)], 1),
		};
	}
}
