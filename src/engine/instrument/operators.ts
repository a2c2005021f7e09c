/** Which operators a graph may use: those of ONNX and of the runtime's own set, and functions that the model itself defines. */
import { EngineError, quoted } from '../error';
import { subgraphs, type GraphProto, type Model, type NodeProto } from './proto';

/** Nested deeper than any exporter writes; the runtime itself reads a hundred messages within each other. */
const MAX_NESTING = 32;
const KNOWN = new Set(['', 'ai.onnx', 'ai.onnx.ml', 'com.microsoft', 'com.microsoft.nchwc', 'com.ms.internal.nhwc', 'org.pytorch.aten']);
/** They name files or libraries to be read, which the checks of weights know nothing of. */
const READERS = new Set(['EPContext', 'PyOp', 'PythonOp', 'PythonOpGrad', 'ExternalOp']);

/** Fails with one sentence, before the runtime sees the graph: operators of other sets come in libraries, and none is ever loaded. */
export function checkOperators({ graph, functions }: Model): void {
	const own = new Set(functions.map(({ domain, name }) => `${domain} ${name}`));
	const check = (nodes: readonly NodeProto[], nesting: number): void => {
		if (nesting > MAX_NESTING) {
			throw new EngineError('The graph is nested deeper than any exporter writes: choose another model.', 'bad-model');
		}
		for (const one of nodes) {
			const { domain, opType } = one;
			if (!own.has(`${domain} ${opType}`) && (!KNOWN.has(domain) || READERS.has(opType))) {
				throw new EngineError(
					`The graph uses the custom operator ${quoted(opType)} of ${quoted(domain)}, which would need a library, and none is loaded: export it without.`,
					'bad-model',
				);
			}
			subgraphs(one).forEach((inner: GraphProto) => check(inner.node, nesting + 1));
		}
	};
	check(graph.node, 0);
	functions.forEach(({ node }) => check(node, 0));
}
