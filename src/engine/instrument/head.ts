/** The head of the contract (models/README.md): final norm and unembedding of a decoder's graph, and what is read off the logits. */
import { quoted } from '../error';
import { FUSED, type Anatomy, type Site } from './anatomy';
import { cast, casted } from './body';
import { normOf } from './fused';
import { inputsOf, Network, prune, rename, reread } from './network';
import { DataType, integers, node, untyped, value, whole, wholes, type GraphProto, type NodeProto } from './proto';

/** Outputs that the contract names; `logits` becomes one of them. */
const OUTPUTS = ['normed', 'topk_ids', 'topk_values', 'lse', 'entropy', 'kl', 'target_logit', 'logits'];
export const HEAD_NAMES = ['hidden', 'target', 'k', ...OUTPUTS];
const PROJECTIONS = new Set([
	'MatMul',
	'Gemm',
	'MatMulNBits',
	'MatMulInteger',
	'DynamicQuantizeLinear',
	'DynamicQuantizeMatMul',
	'FusedMatMul',
	'MatMulBnb4',
	'MatMulFpQ4',
	'QLinearMatMul',
	'QuantizeLinear',
	'MatMulIntegerToFloat',
	'QGemm',
	'FusedGemm',
]);
/** Since this operator set `ReduceSum` takes its axes as an input; `ReduceMax` since the other. */
const SUM_AXES_INPUT = 13;
const MAX_AXES_INPUT = 18;
const RAW = 'neuralese/logits';

/** Changes the graph. `opset`: of the standard's operators. Returns why this graph has no such head, as the end of a sentence. */
export function toHead(
	graph: GraphProto,
	{ logits }: Anatomy,
	site: Site,
	others: readonly Site[],
	opset: number,
): string | undefined {
	const types = new Network(graph).types();
	const type = types.get(site.tensor ?? site.node!.input[0]!) ?? DataType.FLOAT;
	const logitsType = types.get(logits) ?? type;
	const hidden = casted(type, 'hidden', 'neuralese/hidden');
	const alike = new Set(others.map(({ tensor }) => tensor));
	cut(graph, site, hidden, alike);
	const isFloat = logitsType === DataType.FLOAT;
	rename(graph, logits, isFloat ? 'logits' : RAW);
	const normed = inputOfProjection(graph, hidden.tensor);
	if (normed === undefined) {
		return 'no unembedding follows its last block';
	}
	graph.node.push(
		...(isFloat ? [] : [cast(RAW, 'logits', DataType.FLOAT)]),
		type === DataType.FLOAT ? node('Identity', [normed], ['normed']) : cast(normed, 'normed', DataType.FLOAT),
	);
	finish(graph, opset);
	const known = new Set([...graph.input, ...graph.initializer].map(({ name }) => name));
	const made = new Network(graph).producers;
	const foreign = graph.node.flatMap(inputsOf).find((name) => name !== '' && !known.has(name) && !made.has(name));
	return foreign === undefined ? undefined : `its logits depend on ${quoted(foreign)} besides the residual stream`;
}

/** What is handed in are the logits. `graph`: an empty one. */
export function toLogitsHead(graph: GraphProto, opset: number): void {
	graph.node.push(node('Identity', ['hidden'], ['logits']), node('Identity', ['hidden'], ['normed']));
	finish(graph, opset);
}

/** The readouts, and the contract's inputs and outputs and nothing else. */
function finish(graph: GraphProto, opset: number): void {
	graph.node.push(...readouts(opset));
	graph.initializer.push(
		integers('neuralese/last', [-1]),
		integers('neuralese/end', [Number.MAX_SAFE_INTEGER]),
		integers('neuralese/sites', [1]),
		integers('neuralese/column', [-1, 1, 1]),
		integers('neuralese/upright', [0, -1, 1]),
		integers('neuralese/two', [2]),
		integers('neuralese/none', [0]),
		integers('neuralese/one', [1]),
	);
	graph.output = OUTPUTS.map(untyped);
	prune(graph);
	graph.input = [
		value('hidden', DataType.FLOAT, ['positions', 'sites', 'width']),
		value('target', DataType.INT64, ['positions']),
		value('k', DataType.INT64, [1]),
	];
}

/** Whoever read the last site reads `hidden`; so does whoever asks for the extents of a stream or of the tokens. */
function cut(
	graph: GraphProto,
	site: Site,
	hidden: { tensor: string; nodes: NodeProto[] },
	alike: ReadonlySet<string | undefined>,
): void {
	const fused = site.node && FUSED.has(site.node.opType) ? site.node : undefined;
	if (fused) {
		graph.node.splice(graph.node.indexOf(fused), 1, normOf(fused, hidden.tensor));
	}
	if (site.tensor !== undefined) {
		reread(graph, site.tensor, hidden.tensor);
	}
	for (const reader of graph.node.filter(({ opType }) => opType === 'Shape')) {
		if (alike.has(reader.input[0])) {
			reader.input = ['hidden'];
		} else if (reader.input[0] === 'input_ids') {
			const all = `${reader.output[0]}/all`;
			const [out] = reader.output;
			reader.input = ['hidden'];
			reader.output = [all];
			const attributes = reader.attribute;
			reader.attribute = [];
			const first = node('Slice', [all, 'neuralese/none', 'neuralese/two', 'neuralese/none'], [`${out}/ids`]);
			graph.node.splice(graph.node.indexOf(reader) + 1, 0, first, ...part(first.output[0]!, out!, attributes));
		}
	}
	graph.node.unshift(...hidden.nodes);
}

/** `Shape` may be asked for some dimensions only. */
function part(shape: string, out: string, attributes: NodeProto['attribute']): NodeProto[] {
	const at = (name: string) => attributes.find((one) => one.name === name)?.i;
	const [start, end] = [Number(at('start') ?? 0n), Number(at('end') ?? 2n)];
	if (start === 0 && end === 2) {
		return [node('Identity', [shape], [out])];
	}
	const bound = (index: number) => `neuralese/${['none', 'one', 'two'][index < 0 ? index + 2 : index]}`;
	return [node('Slice', [shape, bound(start), bound(end), 'neuralese/none'], [out])];
}

/** What the unembedding is applied to. */
function inputOfProjection(graph: GraphProto, hidden: string): string | undefined {
	const dependent = new Set([hidden]);
	for (const one of graph.node) {
		const input = one.opType === 'Shape' ? undefined : one.input.find((name) => dependent.has(name));
		if (input === undefined) {
			continue;
		}
		if (PROJECTIONS.has(one.opType)) {
			return input;
		}
		one.output.forEach((name) => dependent.add(name));
	}
	return undefined;
}

/**
 * topk, lse, entropy, kl and the target's logit, of `logits` [N,M,V]. With m the highest logit and S = Σ exp(logit - m): lse = m + ln S,
 * entropy = ln S - Σ exp(logit - m)·(logit - m) / S, and kl = -Σ p_last·logp less the same of the last site, where rounding may make a
 * small one 1e-5 nats larger or smaller. Each operator is one pass over the logits, and they take as long as the unembedding does if
 * they are chosen badly: the runtime's `ReduceLogSumExp` alone took half as long, and kl by `Sub`, `Mul` and `ReduceSum` ten times as
 * long as by `MatMul`.
 */
function readouts(opset: number): NodeProto[] {
	const name = (of: string) => `neuralese/${of}`;
	const sum = (input: string, output: string, keep = false) =>
		reduce('ReduceSum', name(input), output, opset >= SUM_AXES_INPUT, keep);
	const last = (of: string) => node('Slice', [name(of), name('last'), name('end'), name('sites')], [name(`${of}_last`)]);
	return [
		node('TopK', ['logits', 'k'], ['topk_values', 'topk_ids'], [whole('axis', -1), whole('largest', 1), whole('sorted', 1)]),
		reduce('ReduceMax', 'logits', name('highest'), opset >= MAX_AXES_INPUT, true),
		node('Sub', ['logits', name('highest')], [name('below')]),
		node('Exp', [name('below')], [name('weight')]),
		sum('weight', name('total'), true),
		node('Log', [name('total')], [name('log_total')]),
		node('Add', [name('highest'), name('log_total')], [name('lse')]),
		// One value each: only the dimension goes.
		sum('lse', 'lse'),
		node('Mul', [name('weight'), name('below')], [name('weighted')]),
		sum('weighted', name('weighted_sum'), true),
		node('Div', [name('weighted_sum'), name('total')], [name('mean_below')]),
		node('Sub', [name('log_total'), name('mean_below')], [name('entropy')]),
		sum('entropy', 'entropy'),
		...['weight', 'total'].map(last),
		node('Reshape', [name('weight_last'), name('upright')], [name('weight_upright')]),
		node('MatMul', [name('below'), name('weight_upright')], [name('below_sum')]),
		node('Div', [name('below_sum'), name('total_last')], [name('below_mean')]),
		// Minus the sum over tokens of p_last·logp: the same for both where the site is the last, whose kl is 0 then.
		node('Sub', [name('log_total'), name('below_mean')], [name('cross_entropy')]),
		last('cross_entropy'),
		node('Sub', [name('cross_entropy'), name('cross_entropy_last')], [name('difference')]),
		node('Relu', [name('difference')], [name('kl')]),
		sum('kl', 'kl'),
		node('Reshape', ['target', name('column')], [name('targets')]),
		node('Shape', [name('lse')], [name('rows')]),
		node('Expand', [name('targets'), name('rows')], [name('columns')]),
		node('GatherElements', ['logits', name('columns')], [name('target')], [whole('axis', -1)]),
		sum('target', 'target_logit'),
	];
}

/** Over the vocabulary. */
function reduce(operator: string, input: string, output: string, axesInput: boolean, keep = false): NodeProto {
	const kept = whole('keepdims', keep ? 1 : 0);
	return axesInput
		? node(operator, [input, 'neuralese/last'], [output], [kept])
		: node(operator, [input], [output], [wholes('axes', [-1]), kept]);
}
