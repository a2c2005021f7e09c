/** The body of the contract (models/README.md), made from a decoder's whole graph. */
import { FUSED, type Anatomy, type Site } from './anatomy';
import type { CacheShape } from './caches';
import { unfuse } from './fused';
import { inputsOf, insertAfter, Network, prune, rename, reread } from './network';
import { DataType, node, untyped, value, whole, type GraphProto, type NodeProto } from './proto';

/** What the contract calls its tensors; nothing else in the graph may. */
export function bodyNames(layers: number): string[] {
	const sites = Array.from({ length: layers + 1 }, (_, i) => [`resid.${i}`, `patch.${i}.keep`, `patch.${i}.add`]).flat();
	return ['inputs_embeds', 'embeds_mask', 'token_embeds', ...sites];
}

/** Changes the graph. Types are as in the export inside, and float32 at the inputs and outputs. */
export function toBody(graph: GraphProto, { embedding }: Anatomy, found: readonly Site[], caches: CacheShape): void {
	const types = new Network(graph).types();
	const typeOf = (tensor: string | undefined) => types.get(tensor ?? '') ?? DataType.FLOAT;
	const outputs = feedEmbeddings(graph, embedding, typeOf(embedding));
	found.forEach((site, i) => {
		// A sum inside a fused operator has the type of what is added.
		const type = typeOf(site.tensor ?? site.node!.input[0]);
		const open = site.node && FUSED.has(site.node.opType) ? unfuse(graph, site.node) : site;
		const at = open.tensor === embedding ? { tensor: MIXED, node: undefined } : open;
		patch(graph, at, i, type);
		outputs.push(`resid.${i}`);
	});
	graph.output = [...outputs.map(untyped), ...graph.output.filter(({ name }) => name.startsWith('present.'))];
	castCaches(graph, caches);
	prune(graph);
	dropUnread(graph);
}

/** The logits are the only site. */
export function toLogitsBody(graph: GraphProto, { logits }: Anatomy, caches: CacheShape): void {
	const type = new Network(graph).types().get(logits);
	graph.node.push(
		type === undefined || type === DataType.FLOAT
			? node('Identity', [logits], ['resid.0'])
			: cast(logits, 'resid.0', DataType.FLOAT),
	);
	graph.output = [untyped('resid.0'), ...graph.output.filter(({ name }) => name.startsWith('present.'))];
	castCaches(graph, caches);
	prune(graph);
	dropUnread(graph);
}

const MIXED = 'neuralese/mixed';

/** x = embeds_mask ? inputs_embeds : embedding. Returns the outputs that this gives. */
function feedEmbeddings(graph: GraphProto, embedding: string, type: DataType): string[] {
	const producer = graph.node.find(({ output }) => output.includes(embedding));
	const embeds = casted(type, 'inputs_embeds', 'neuralese/inputs_embeds');
	reread(graph, embedding, MIXED);
	insertAfter(graph, producer, [
		...embeds.nodes,
		node('Where', ['embeds_mask', embeds.tensor, embedding], [MIXED]),
		...(type === DataType.FLOAT ? [] : [cast(embedding, 'token_embeds', DataType.FLOAT)]),
	]);
	if (type === DataType.FLOAT) {
		rename(graph, embedding, 'token_embeds');
	}
	graph.input.push(
		value('inputs_embeds', DataType.FLOAT, ['embeds_batch', 'embeds_length', 'embeds_width']),
		value('embeds_mask', DataType.BOOL, ['mask_batch', 'mask_length', 1]),
	);
	return ['token_embeds'];
}

/** r' = r * keep + add; whoever read r reads r'. */
function patch(graph: GraphProto, { tensor, node: maker }: Site, index: number, type: DataType): void {
	const name = `resid.${index}`;
	const [keep, add] = ['keep', 'add'].map((part) => casted(type, `patch.${index}.${part}`, `neuralese/patch.${index}.${part}`));
	const kept = `neuralese/kept.${index}`;
	const patched = type === DataType.FLOAT ? name : `neuralese/${name}`;
	reread(graph, tensor!, patched);
	insertAfter(graph, maker ?? graph.node.find(({ output }) => output.includes(tensor!)), [
		...keep!.nodes,
		...add!.nodes,
		node('Mul', [tensor!, keep!.tensor], [kept]),
		node('Add', [kept, add!.tensor], [patched]),
		...(patched === name ? [] : [cast(patched, name, DataType.FLOAT)]),
	]);
	const free = ['batch', 'length', 'width'].map((extent) => `patch_${index}_${extent}`);
	for (const part of ['keep', 'add']) {
		graph.input.push(
			value(
				`patch.${index}.${part}`,
				DataType.FLOAT,
				free.map((extent) => `${extent}_${part}`),
			),
		);
	}
}

/** Keys and values enter and leave as float32. */
function castCaches(graph: GraphProto, { type }: CacheShape): void {
	if (type === DataType.FLOAT) {
		return;
	}
	for (const info of graph.input.filter(({ name }) => name.startsWith('past_key_values.'))) {
		const inner = `neuralese/${info.name}`;
		reread(graph, info.name, inner);
		insertAfter(graph, undefined, [cast(info.name, inner, type)]);
		setFloat(info);
	}
	for (const info of graph.output.filter(({ name }) => name.startsWith('present.'))) {
		const outer = info.name;
		const inner = `neuralese/${outer}`;
		rename(graph, outer, inner);
		graph.node.push(cast(inner, outer, DataType.FLOAT));
		info.name = outer;
		setFloat(info);
	}
}

function setFloat({ type }: GraphProto['input'][number]): void {
	if (type?.value.case === 'tensorType') {
		type.value.value.elemType = DataType.FLOAT;
	}
}

/** Inputs that nothing reads any more; the contract's own are always fed. */
function dropUnread(graph: GraphProto): void {
	const read = new Set(graph.node.flatMap(inputsOf));
	graph.input = graph.input.filter(({ name }) => name === 'input_ids' || name.startsWith('past_key_values.') || read.has(name));
}

/** A float32 input as the type that is computed in. */
export function casted(type: DataType, from: string, to: string): { tensor: string; nodes: NodeProto[] } {
	return type === DataType.FLOAT ? { tensor: from, nodes: [] } : { tensor: to, nodes: [cast(from, to, type)] };
}

export function cast(from: string, to: string, type: DataType): NodeProto {
	return node('Cast', [from], [to], [whole('to', type)]);
}
