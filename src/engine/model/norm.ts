/** Calls of the final norm: a part of `head.onnx` that is opened by itself. */
import { checkExtents } from './contract';
import type { ModelShape } from './manifest';
import { floats, type Graph } from '../runtime';

export class Norm {
	constructor(
		private readonly graph: Graph,
		private readonly shape: ModelShape,
	) {}

	/** Of one or more positions [rows, width]. */
	async of(hidden: Float32Array): Promise<Float32Array> {
		const { width } = this.shape;
		const rows = hidden.length / width;
		const { normed } = await this.graph.run({ hidden: floats(hidden, rows, 1, width) }, ['normed']);
		checkExtents('head', 'normed', normed, rows, 1, width);
		return normed.data as Float32Array;
	}
}
