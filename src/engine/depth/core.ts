/** Calls of `core.onnx`: one loop at every position, a state in and the next one out. */
import { checkExtents } from '../model/contract';
import type { ModelShape } from '../model/manifest';
import { floats, integers, type Graph, type Tensor } from '../runtime';
import { positionsOf, type Feed } from './feed';
import { keyNames } from '../model/keyNames';

export interface Step {
	/** [rows, count, width] each; `injected` is the prelude's output. */
	state: Float32Array;
	injected: Float32Array;
	/** 0 for the first. */
	loop: number;
	mask: Tensor;
	/** Keys and values of each block before the call's own. */
	past: readonly Tensor[];
}

export class Core {
	private readonly presents: readonly string[];
	private readonly pasts: readonly string[];

	constructor(
		private readonly graph: Graph,
		private readonly shape: ModelShape,
		blocks: number,
	) {
		({ pasts: this.pasts, presents: this.presents } = keyNames(blocks));
	}

	/** `present`: `past` and then the call's own. */
	async run(feed: Feed, { state, injected, loop, mask, past }: Step): Promise<{ state: Float32Array; gate?: Float32Array; present: Tensor[] }> {
		const { rows, count } = feed;
		const { width, heads, headWidth } = this.shape;
		const { inputs, outputs } = this.graph;
		const feeds: Record<string, Tensor> = { state: floats(state, rows, count, width), attention_mask: mask };
		if (inputs.has('injected')) {
			feeds['injected'] = floats(injected, rows, count, width);
		}
		if (inputs.has('position_ids')) {
			feeds['position_ids'] = positionsOf(feed);
		}
		if (inputs.has('step')) {
			feeds['step'] = integers([loop], 1);
		}
		this.pasts.forEach((name, i) => (feeds[name] = past[i]!));
		const results = await this.graph.run(feeds, ['next_state', ...(outputs.has('gate') ? ['gate'] : []), ...this.presents]);
		checkExtents('core', 'next_state', results['next_state']!, rows, count, width);
		this.presents.forEach((name) => checkExtents('core', name, results[name]!, rows, heads, mask.dims[2]!, headWidth));
		if (results['gate']) {
			checkExtents('core', 'gate', results['gate'], rows, count);
		}
		return {
			state: results['next_state']!.data as Float32Array,
			gate: results['gate']?.data as Float32Array | undefined,
			present: this.presents.map((name) => results[name]!),
		};
	}
}
