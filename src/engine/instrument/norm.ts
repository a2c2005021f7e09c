/** The final norm alone: a latent step needs no vocabulary, and the runtime computes all of a graph whatever is fetched. */
import { prune } from './network';
import { parseModel, serialise } from './proto';

/** `head`: of the contract. What comes back has its input `hidden` and its output `normed`, and refers to no other weights. */
export function normGraph(head: Uint8Array): Uint8Array {
	const model = parseModel(head);
	const { graph } = model;
	graph.output = graph.output.filter(({ name }) => name === 'normed');
	prune(graph);
	graph.input = graph.input.filter(({ name }) => name === 'hidden');
	return serialise(model);
}
