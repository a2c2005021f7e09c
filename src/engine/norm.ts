/** Calls of the final norm: a part of `head.onnx` that is opened by itself. */
import type { ModelShape } from './manifest';
import { floats, type Graph } from './runtime';

export class Norm {
	constructor(
		private readonly graph: Graph,
		private readonly shape: ModelShape,
	) {}

	/** Of one or more positions [rows, width]. */
	async of(hidden: Float32Array): Promise<Float32Array> {
		const { width } = this.shape;
		const feeds = { hidden: floats(hidden, hidden.length / width, 1, width) };
		return (await this.graph.run(feeds, ['normed'])).normed.data as Float32Array;
	}
}
