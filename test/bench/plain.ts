/** An export run as it is, without the engine's changes: what the instrumented graphs are held against. */
import { dirname, basename } from 'node:path';
import { floats, integers, type Feeds, type Graph, type Runtime, type Tensor } from '../../src/engine/runtime';
import type { ModelShape } from '../../src/engine/model/manifest';
import { withRegular } from '../../src/engine/model/folder';
import { Network, prune } from '../../src/engine/instrument/network';
import { parseModel, serialise, untyped } from '../../src/engine/instrument/proto';
import { readSkeleton } from '../../src/engine/instrument/skeleton';

const PROJECTIONS = new Set(['MatMul', 'Gemm']);
const PRESENT = /^present/;

export interface Plain {
	graph: Graph;
	/** Logits, or the state that they are computed from; then the cache. */
	outputs: string[];
}

/** `part`: the whole graph, or what comes before the unembedding. The weights stay where they are. */
export async function openPlain(runtime: Runtime, path: string, part: 'whole' | 'body'): Promise<Plain> {
	const [folder, own] = [dirname(path), basename(path)];
	const { signal } = new AbortController();
	const model = parseModel(await withRegular(folder, own, () => {}, signal, (read, size) => readSkeleton(read, size, own)));
	const presents = model.graph.output.filter(({ name }) => PRESENT.test(name));
	const result = part === 'whole' ? 'logits' : beforeProjection(new Network(model.graph));
	model.graph.output = [untyped(result), ...presents];
	if (part === 'body') {
		prune(model.graph);
	}
	const graph = await runtime.open(serialise(model), folder);
	return { graph, outputs: [result, ...presents.map(({ name }) => name)] };
}

function beforeProjection(network: Network): string {
	let node = network.producer('logits');
	while (node && !PROJECTIONS.has(node.opType)) {
		node = network.producer(node.input[0]!);
	}
	if (!node) {
		throw new Error('No unembedding was found: add its operator to PROJECTIONS.');
	}
	return node.input[0]!;
}

/** What a call is fed for `ids` after `past`, values in the order of the graph's own inputs; no positions where it is absent. */
export function plainFeeds({ graph }: Plain, { heads, headWidth }: ModelShape, ids: readonly number[], past?: readonly Tensor[]): Feeds {
	const length = past?.[0]?.dims[2] ?? 0;
	const none = floats(new Float32Array(0), 1, heads, 0, headWidth);
	let cached = 0;
	const feed = (name: string): Tensor => {
		switch (name) {
			case 'input_ids':
				return integers(ids, 1, ids.length);
			case 'attention_mask':
				return integers(new Array<number>(length + ids.length).fill(1), 1, length + ids.length);
			case 'position_ids':
				return integers(
					ids.map((_, i) => length + i),
					1,
					ids.length,
				);
		}
		return past?.[cached++] ?? none;
	};
	return Object.fromEntries([...graph.inputs.keys()].map((name) => [name, feed(name)]));
}
