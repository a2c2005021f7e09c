/**
 * Where a decoder's residual stream is, found from the shape of its graph alone: no names of nodes, no architectures.
 *
 * The stream is what every path from the embedding to the logits must go through: the cut vertices of the part of the graph
 * between the two. A block begins at the last of them before its keys and values are computed; the stream after the last
 * block is the last cut vertex that adds something.
 */
import { EngineError } from '../error';
import { inputsOf, type Network } from './network';
import type { NodeProto } from './proto';

/** A place of the residual stream. */
export interface Site {
	/** Undefined where a fused operator keeps the sum to itself. */
	tensor: string | undefined;
	/** What makes it; undefined where it is a graph's input. */
	node: NodeProto | undefined;
}

export interface Anatomy {
	/** Embedding of the tokens, before positions. */
	embedding: string;
	logits: string;
	/** layers + 1 sites; or why there are none, as the end of a sentence. */
	sites: { kind: 'found'; sites: Site[] } | { kind: 'refused'; why: string };
}

/** Operators that add a branch to the stream and norm the sum in one. */
export const FUSED = new Set(['SkipLayerNormalization', 'SkipSimplifiedLayerNormalization']);
/** Output of a fused operator that is the sum itself. */
export const FUSED_SUM = 3;
const SUMS = new Set(['Add', 'Sum', 'BiasAdd']);
/** What they say does not depend on values. */
const SHAPES = new Set(['Shape', 'Size']);
const EMBEDDINGS = new Set(['Gather', 'GatherBlockQuantized']);
const RESHAPES = new Set(['Reshape', 'Squeeze', 'Unsqueeze']);
/** Between `input_ids` and the lookup. */
const OF_IDS = new Set(['Identity', 'Cast', 'Reshape', 'Squeeze', 'Unsqueeze', 'Flatten', 'Clip', 'Max', 'Where']);
/** Between a stored table and the lookup. */
const OF_TABLE = new Set(['Constant', 'DequantizeLinear', 'Transpose', 'Cast', 'Identity', 'Reshape']);
/** Longest such chain. */
const MAX_CHAIN = 8;

export function anatomyOf(network: Network, layers: number): Anatomy {
	const embedding = embeddingOf(network);
	const logits = network.graph.output.find(({ name }) => /logits/.test(name))?.name;
	if (logits === undefined) {
		throw new EngineError('The graph has no output "logits": export it for text generation.', 'bad-model');
	}
	return { embedding, logits, sites: sitesOf(network, embedding, logits, layers) };
}

function embeddingOf(network: Network): string {
	const chain = (operators: ReadonlySet<string>, ends: (tensor: string) => boolean, quantifier: 'some' | 'every') => {
		const follow = (tensor: string, depth: number): boolean => {
			const node = network.producer(tensor);
			return (
				ends(tensor) ||
				(node !== undefined &&
					depth < MAX_CHAIN &&
					operators.has(node.opType) &&
					node.input.filter((name) => name !== '')[quantifier]((name) => follow(name, depth + 1)))
			);
		};
		return (tensor: string) => follow(tensor, 0);
	};
	const isTable = chain(OF_TABLE, (tensor) => network.initializers.has(tensor), 'every');
	const isIds = chain(OF_IDS, (tensor) => tensor === 'input_ids', 'some');
	const lookup = network.nodes.find(({ opType, input }) => EMBEDDINGS.has(opType) && isTable(input[0]!) && isIds(input[1]!));
	if (!lookup) {
		throw new EngineError(
			network.graph.input.some(({ name }) => name === 'input_ids')
				? 'The graph does not look its input_ids up in a table of embeddings, so it is no decoder that can be read.'
				: 'The graph has no input "input_ids": export the whole decoder, with its token embedding.',
			'bad-model',
		);
	}
	// A quantised table is looked up first and dequantised then.
	const [reader, ...others] = network.nodes.filter(
		(node) => inputsOf(node).includes(lookup.output[0]!) && !SHAPES.has(node.opType),
	);
	return reader && others.length === 0 && reader.opType === 'DequantizeLinear' ? reader.output[0]! : lookup.output[0]!;
}

/** The nodes between embedding and logits, in order, and the tensors that depend on the embedding. */
interface Between {
	nodes: NodeProto[];
	position: ReadonlyMap<NodeProto, number>;
	dependent: ReadonlySet<string>;
}

function between(network: Network, embedding: string, logits: string): Between {
	const dependent = new Set([embedding]);
	const forward = new Set<NodeProto>();
	for (const node of network.nodes) {
		if (!SHAPES.has(node.opType) && inputsOf(node).some((name) => dependent.has(name))) {
			forward.add(node);
			node.output.forEach((name) => name !== '' && dependent.add(name));
		}
	}
	const backward = new Set<NodeProto>();
	const waiting = [logits];
	for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
		const node = network.producer(name);
		if (node && forward.has(node) && !backward.has(node)) {
			backward.add(node);
			waiting.push(...inputsOf(node).filter((input) => dependent.has(input)));
		}
	}
	const nodes = network.nodes.filter((node) => backward.has(node));
	return { nodes, position: new Map(nodes.map((node, i) => [node, i])), dependent };
}

/** Positions among the nodes between that no edge passes by. */
function cutsOf({ nodes, dependent }: Between, embedding: string, logits: string): number[] {
	const lastReader = new Map<string, number>();
	nodes.forEach((node, i) => inputsOf(node).forEach((name) => dependent.has(name) && lastReader.set(name, i)));
	lastReader.set(logits, nodes.length);
	let reach = lastReader.get(embedding) ?? -1;
	return nodes.flatMap((node, i) => {
		const isCut = reach <= i;
		reach = Math.max(reach, ...node.output.map((name) => lastReader.get(name) ?? -1));
		return isCut ? [i] : [];
	});
}

function sitesOf(network: Network, embedding: string, logits: string, layers: number): Anatomy['sites'] {
	const part = between(network, embedding, logits);
	const { nodes, dependent } = part;
	const cuts = cutsOf(part, embedding, logits);
	const isSum = (i: number) => {
		const node = nodes[i]!;
		return (
			FUSED.has(node.opType) || (SUMS.has(node.opType) && new Set(node.input.filter((name) => dependent.has(name))).size > 1)
		);
	};
	const starts: number[] = [];
	for (let layer = 0; layer < layers; layer++) {
		const begins = ['key', 'value'].map((name) => firstBetween(network, part, `present.${layer}.${name}`)).filter((i) => i >= 0);
		if (begins.length === 0) {
			return refused(`block ${layer} computes its keys and values apart from the way to the logits`);
		}
		const start = cuts.filter((i) => i < Math.min(...begins)).at(-1) ?? -1;
		if (layer > 0 && start <= starts[layer - 1]!) {
			return refused(`there is no one tensor that all of block ${layer - 1} hands on to block ${layer}`);
		}
		starts.push(start);
	}
	const sum = cuts.filter(isSum).at(-1);
	if (sum === undefined || sum <= starts.at(-1)!) {
		return refused(`there is no one tensor that block ${layers - 1} hands on to the logits`);
	}
	// Some add in two dimensions, and give the sum its own again.
	const end = cuts.includes(sum + 1) && RESHAPES.has(nodes[sum + 1]!.opType) ? sum + 1 : sum;
	return { kind: 'found', sites: [...starts, end].map((i) => (i < 0 ? embeddingSite(network, embedding) : siteOf(nodes[i]!))) };
}

function refused(why: string): Anatomy['sites'] {
	return { kind: 'refused', why };
}

function embeddingSite(network: Network, embedding: string): Site {
	return { tensor: embedding, node: network.producer(embedding) };
}

function siteOf(node: NodeProto): Site {
	return { node, tensor: FUSED.has(node.opType) ? node.output[FUSED_SUM] || undefined : node.output[0]! };
}

/** Position of the last node between embedding and logits that stands above `tensor` or makes it; -1 where there is none. */
function firstBetween(network: Network, { position, dependent }: Between, tensor: string): number {
	let found = -1;
	const seen = new Set<string>();
	const waiting = [tensor];
	for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
		if (seen.has(name)) {
			continue;
		}
		seen.add(name);
		const node = network.producer(name);
		const at = node && position.get(node);
		if (at !== undefined) {
			found = Math.max(found, at);
		} else if (node) {
			waiting.push(...inputsOf(node).filter((input) => dependent.has(input)));
		}
	}
	return found;
}
