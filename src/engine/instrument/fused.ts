/** Fused operators as the sum and the norm that they are, so that a patch of the stream reaches both. */
import { FUSED_SUM, type Site } from './anatomy';
import { node, whole, type GraphProto, type NodeProto } from './proto';

/** The norm alone, of `sum`. */
export function normOf(fused: NodeProto, sum: string): NodeProto {
	const epsilon = fused.attribute.filter(({ name }) => name === 'epsilon');
	const [, , scale, shift] = fused.input;
	const normed = fused.output[0]!;
	return isSimple(fused)
		? node('SimplifiedLayerNormalization', [sum, scale!], [normed], [whole('axis', -1), whole('stash_type', 1), ...epsilon])
		: node('LayerNormalization', [sum, scale!, ...(shift ? [shift] : [])], [normed], [whole('axis', -1), ...epsilon]);
}

/** Takes the operator of a site apart; the site is the sum from then on. */
export function unfuse(graph: GraphProto, fused: NodeProto): Site {
	const [input, skip] = fused.input;
	const bias = fused.input[isSimple(fused) ? 3 : 4];
	const sum = fused.output[FUSED_SUM] || `${fused.output[0]}/sum`;
	const unbiased = bias ? `${sum}/unbiased` : sum;
	const added = node('Add', [input!, skip!], [unbiased]);
	const last = bias ? node('Add', [unbiased, bias], [sum]) : added;
	graph.node.splice(graph.node.indexOf(fused), 1, ...new Set([added, last]), normOf(fused, sum));
	return { node: last, tensor: sum };
}

function isSimple({ opType }: NodeProto): boolean {
	return opType === 'SkipSimplifiedLayerNormalization';
}
