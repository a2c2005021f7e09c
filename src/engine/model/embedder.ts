/** Input embeddings of tokens: a part of `body.onnx` that is opened by itself, since the body would run all its blocks to embed a token. */
import type { Body } from './body';
import { checkExtents } from './contract';
import type { ModelShape } from './manifest';
import { integers, type Graph } from '../runtime';

/** Tokens of one call. */
const ROWS = 1024;

export class Embedder {
	constructor(
		/** Absent where embedding a token takes more than its id: then the body does it. */
		private readonly graph: Graph | undefined,
		private readonly body: Body,
		private readonly shape: ModelShape,
	) {}

	/** Whether a token costs no more than looking it up. */
	get isLookup(): boolean {
		return this.graph !== undefined;
	}

	/** [ids.length, width]. */
	async of(ids: readonly number[]): Promise<Float32Array> {
		const { width, context } = this.shape;
		const rows = this.graph ? ROWS : Math.min(ROWS, context);
		const embeddings = new Float32Array(ids.length * width);
		for (let start = 0; start < ids.length; start += rows) {
			embeddings.set(await this.some(ids.slice(start, start + rows)), start * width);
		}
		return embeddings;
	}

	private async some(ids: readonly number[]): Promise<Float32Array> {
		if (!this.graph) {
			return (await this.body.forward({ ids }, this.body.empty, { embeds: true })).embeds!;
		}
		const { token_embeds: found } = await this.graph.run({ input_ids: integers(ids, 1, ids.length) }, ['token_embeds']);
		checkExtents('body', 'token_embeds', found, 1, ids.length, this.shape.width);
		return found.data as Float32Array;
	}
}
