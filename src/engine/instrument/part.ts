/** A part of a graph by itself: the runtime computes all of a graph whatever is fetched. */
import { inputsOf, prune } from './network';
import { parseModel, serialise } from './proto';

/**
 * What computes `output` from `input` alone; it refers to no other weights than it needs. Undefined where more than `input` goes into it.
 * `bytes`: a graph of the model contract.
 */
export function partOf(bytes: Uint8Array, input: string, output: string): Uint8Array | undefined {
	const model = parseModel(bytes);
	const { graph } = model;
	graph.output = graph.output.filter(({ name }) => name === output);
	prune(graph);
	const needed = new Set(graph.node.flatMap(inputsOf));
	const fed = graph.input.filter(({ name }) => needed.has(name));
	graph.input = fed.filter(({ name }) => name === input);
	return graph.output.length === 1 && fed.length === graph.input.length && fed.length === 1 ? serialise(model) : undefined;
}
