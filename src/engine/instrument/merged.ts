/** Merged decoders: one `If` at the top chooses between a graph with and one without past keys and values. */
import type { GraphProto } from './proto';
import { inputsOf, rename, reread } from './network';

const BRANCHES = ['then_branch', 'else_branch'];

/**
 * Puts the branch that reads the past in the place of the `If`: with no positions in the past it computes what the other one
 * does. Without such an `If` nothing is changed.
 */
export function inlineMerged(graph: GraphProto): void {
	const outputs = new Set(graph.output.map(({ name }) => name));
	const found = graph.node.filter(({ opType, output }) => opType === 'If' && output.some((name) => outputs.has(name)));
	const [choice] = found;
	if (found.length !== 1 || !choice) {
		return;
	}
	const branches = BRANCHES.flatMap((branch) => choice.attribute.find(({ name }) => name === branch)?.g ?? []);
	const branch = branches.find((one) => one.node.some((inner) => inputsOf(inner).some((name) => name.startsWith('past'))));
	if (!branch) {
		return;
	}
	branch.output.forEach(({ name }, i) => {
		const outer = choice.output[i]!;
		if (!branch.node.some(({ output }) => output.includes(name))) {
			// The branch hands on what it was given.
			reread(graph, outer, name);
		} else {
			rename(branch, name, outer);
		}
	});
	graph.node.splice(graph.node.indexOf(choice), 1, ...branch.node);
	graph.initializer.push(...branch.initializer);
	graph.valueInfo = [];
	const condition = choice.input[0];
	if (!graph.node.some((node) => inputsOf(node).includes(condition!))) {
		graph.input = graph.input.filter(({ name }) => name !== condition);
	}
}
