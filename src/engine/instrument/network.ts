/** Which node makes and which nodes use each tensor of a graph, and the edits that keep this true for all of them. */
import { clearField } from '@bufbuild/protobuf';
import { NodeProtoSchema } from './onnx_pb';
import { DataType, subgraphs, typeOf, type GraphProto, type NodeProto, type TensorProto } from './proto';

export class Network {
	/** Index of the node that makes a tensor. Nodes are in topological order, as the standard demands. */
	readonly producers = new Map<string, number>();
	readonly initializers: ReadonlyMap<string, TensorProto>;

	constructor(readonly graph: GraphProto) {
		graph.node.forEach(({ output }, i) => output.forEach((name) => name !== '' && this.producers.set(name, i)));
		this.initializers = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
	}

	get nodes(): readonly NodeProto[] {
		return this.graph.node;
	}

	producer(tensor: string): NodeProto | undefined {
		const index = this.producers.get(tensor);
		return index === undefined ? undefined : this.graph.node[index];
	}

	/** Element types of all tensors as far as they can be told, by one walk along the graph. */
	types(): ReadonlyMap<string, DataType> {
		const types = new Map<string, DataType>();
		const note = (name: string | undefined, type: DataType | undefined) => {
			if (name !== undefined && name !== '' && type !== undefined && type !== DataType.UNDEFINED) {
				types.set(name, type);
			}
		};
		const { graph } = this;
		[...graph.input, ...graph.valueInfo, ...graph.output].forEach((info) => note(info.name, typeOf(info)));
		graph.initializer.forEach(({ name, dataType }) => note(name, dataType));
		for (const node of graph.node) {
			if (!types.has(node.output[0]!)) {
				note(node.output[0], outputType(node, types));
			}
		}
		return types;
	}
}

/** Operators whose result has the type of a later input than the first. */
const TYPE_INPUT: ReadonlyMap<string, number> = new Map([
	['DequantizeLinear', 1],
	['Where', 1],
	['GatherBlockQuantized', 2],
]);

function outputType(node: NodeProto, types: ReadonlyMap<string, DataType>): DataType | undefined {
	switch (node.opType) {
		case 'Cast':
			return Number(node.attribute.find(({ name }) => name === 'to')?.i) as DataType;
		case 'Constant':
			return node.attribute.find(({ name }) => name === 'value')?.t?.dataType;
		case 'Shape':
		case 'Size':
			return DataType.INT64;
		case 'MatMulInteger':
			return DataType.INT32;
	}
	return types.get(node.input[TYPE_INPUT.get(node.opType) ?? 0] ?? '');
}

/** What a node reads: its inputs, and what graphs inside it take from outside. */
export function inputsOf(node: NodeProto): string[] {
	const inner = subgraphs(node);
	return inner.length === 0 ? node.input : [...node.input, ...inner.flatMap(freeNames)];
}

function freeNames(graph: GraphProto): string[] {
	const own = new Set([
		...graph.input.map(({ name }) => name),
		...graph.initializer.map(({ name }) => name),
		...graph.node.flatMap(({ output }) => output),
	]);
	return [...graph.node.flatMap(inputsOf), ...graph.output.map(({ name }) => name)].filter((name) => !own.has(name));
}

/** Every reader of `from`, but for `except`, reads `to`. */
export function reread(graph: GraphProto, from: string, to: string, except?: NodeProto): void {
	for (const node of graph.node) {
		if (node !== except) {
			node.input = node.input.map((name) => (name === from ? to : name));
			for (const inner of subgraphs(node).filter((one) => freeNames(one).includes(from))) {
				reread(inner, from, to);
				inner.output.forEach((output) => (output.name = output.name === from ? to : output.name));
			}
		}
	}
}

/** Gives a tensor another name, wherever it is made, read or declared. */
export function rename(graph: GraphProto, from: string, to: string): void {
	reread(graph, from, to);
	for (const node of graph.node) {
		node.output = node.output.map((name) => (name === from ? to : name));
	}
	for (const named of [...graph.input, ...graph.output, ...graph.initializer]) {
		if (named.name === from) {
			named.name = to;
		}
	}
	graph.valueInfo = graph.valueInfo.filter(({ name }) => name !== from);
}

/** Makes room for the names of the contract. */
export function reserve(graph: GraphProto, names: readonly string[]): void {
	const taken = new Set([
		...graph.node.flatMap(({ output }) => output),
		...graph.initializer.map(({ name }) => name),
		...graph.input.map(({ name }) => name),
	]);
	for (const name of names.filter((one) => taken.has(one))) {
		rename(graph, name, `original/${name}`);
	}
}

export function insertAfter(graph: GraphProto, place: NodeProto | undefined, nodes: readonly NodeProto[]): void {
	graph.node.splice(place ? graph.node.indexOf(place) + 1 : 0, 0, ...nodes);
}

/** Removes what no output depends on. */
export function prune(graph: GraphProto): void {
	const { producers } = new Network(graph);
	const kept = new Set<number>();
	const seen = new Set<string>();
	const waiting = graph.output.map(({ name }) => name);
	for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
		if (name === '' || seen.has(name)) {
			continue;
		}
		seen.add(name);
		const index = producers.get(name);
		if (index !== undefined && !kept.has(index)) {
			kept.add(index);
			waiting.push(...inputsOf(graph.node[index]!));
		}
	}
	graph.node = graph.node.filter((_, i) => kept.has(i));
	// Exporters note source lines there, many times the graph's own size.
	graph.node.forEach((node) => (node.metadataProps = []));
	graph.node.forEach((node) => clearField(node, NodeProtoSchema.field.docString));
	graph.initializer = graph.initializer.filter(({ name }) => seen.has(name));
	graph.sparseInitializer = graph.sparseInitializer.filter(({ values }) => seen.has(values?.name ?? ''));
	graph.valueInfo = [];
	graph.quantizationAnnotation = [];
}
