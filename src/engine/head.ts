/** Calls of `head.onnx`: every readout of the token distribution, computed in the graph: no [rows, vocabulary] is stored. */
import type { ModelShape } from './manifest';
import { floats, integers, type Graph } from './runtime';

/** More rows use no more of the machine and more memory; fewer are bound by reading the unembedding. */
export const MAX_ROWS = 256;

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

export class Head {
	constructor(
		private readonly graph: Graph,
		private readonly shape: ModelShape,
	) {}

	/** How many positions fit a call, at `sites` sites each. */
	static positions(sites: number): number {
		return Math.max(1, Math.floor(MAX_ROWS / sites));
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

	/** All logits [rows, vocabulary] of `hidden` [rows, width] at the last site. */
	async logits(hidden: Float32Array): Promise<Float32Array> {
		const targets = new Array<number>(hidden.length / this.shape.width).fill(0);
		return (await this.graph.run(this.feeds(hidden, 1, targets, 1), ['logits'])).logits.data as Float32Array;
	}

	private feeds(hidden: Float32Array, sites: number, targets: readonly number[], k: number) {
		return {
			hidden: floats(hidden, targets.length, sites, this.shape.width),
			target: integers(targets, targets.length),
			k: integers([Math.min(k, this.shape.vocabulary)], 1),
		};
	}
}
