/** Turns a decoder's exported graph into the two graphs of the model contract. Weights are not touched. */
import { create } from '@bufbuild/protobuf';
import { EngineError, quoted } from '../error';
import { anatomyOf, type Anatomy } from './anatomy';
import { bodyNames, toBody, toLogitsBody } from './body';
import { nameCaches, type CacheShape } from './caches';
import { HEAD_NAMES, toHead, toLogitsHead } from './head';
import { inlineMerged } from './merged';
import { Network, reserve } from './network';
import { ModelProtoSchema } from './onnx_pb';
import { dimsOf, integers, parseModel, type GraphProto, type Model } from './proto';

/** Inputs that every call of the engine can give. */
const KNOWN_INPUTS =
	/^(input_ids|attention_mask|position_ids|inputs_embeds|embeds_mask|past_key_values\.\d+\.(key|value)|patch\.\d+\.(keep|add))$/;
/** For how many of the last positions logits are computed; 0: for all. */
const SETTLED: ReadonlyMap<string, number> = new Map([['num_logits_to_keep', 0]]);
const STANDARD = new Set(['', 'ai.onnx']);

export interface Instrumented {
	body: Model;
	head: Model;
	caches: CacheShape;
	/** Why the layers cannot be seen, where only logits can. */
	logitsOnly?: string;
}

/**
 * `withheld`: why the layers are not to be seen, whatever the graph looks like. Fails with one sentence, also for graphs that no
 * exporter writes.
 */
export function instrument(bytes: Uint8Array, withheld?: string): Instrumented {
	try {
		return instrumented(bytes, withheld);
	} catch (error) {
		if (error instanceof EngineError) {
			throw error;
		}
		const reason = (error as Error).message.split('\n')[0]!.slice(0, 100);
		throw new EngineError(`The graph is not sound (${reason}): export it again.`, 'bad-model');
	}
}

function instrumented(bytes: Uint8Array, withheld: string | undefined): Instrumented {
	const body = opened(bytes);
	const { anatomy, caches } = body;
	const { sites } = anatomy;
	const logitsOnly = withheld ?? (sites.kind === 'refused' ? sites.why : undefined);
	const head = logitsOnly === undefined ? opened(bytes) : { model: emptied(body.model), anatomy };
	const opset = Number(body.model.opsetImport.find(({ domain }) => STANDARD.has(domain))?.version ?? 1n);
	if (sites.kind === 'found' && logitsOnly === undefined) {
		const own = (head.anatomy.sites as typeof sites).sites;
		toBody(body.model.graph, anatomy, sites.sites, caches);
		const why = toHead(head.model.graph, head.anatomy, own.at(-1)!, own, opset);
		if (why !== undefined) {
			return instrumented(bytes, why);
		}
	} else {
		toLogitsBody(body.model.graph, anatomy, caches);
		toLogitsHead(head.model.graph, opset);
	}
	const unknown = body.model.graph.input.find(({ name }) => !KNOWN_INPUTS.test(name));
	if (unknown) {
		throw new EngineError(`The graph asks for ${quoted(unknown.name)}, which is not known here: export it without.`, 'bad-model');
	}
	return { body: body.model, head: head.model, caches, logitsOnly };
}

/** A model of the same kind without a graph's content. */
function emptied(model: Model): Model {
	const { irVersion, opsetImport } = model;
	return create(ModelProtoSchema, { irVersion, opsetImport, graph: { name: 'head' } }) as Model;
}

/** Inputs that only choose what is computed get the value that means all. */
function settle(graph: GraphProto): void {
	for (const input of graph.input.filter(({ name }) => SETTLED.has(name))) {
		const values = [SETTLED.get(input.name)!];
		graph.initializer.push(integers(input.name, values, dimsOf(input)?.length === 0));
	}
}

function opened(bytes: Uint8Array): { model: Model; anatomy: Anatomy; caches: CacheShape } {
	const model = parseModel(bytes);
	const { graph } = model;
	inlineMerged(graph);
	settle(graph);
	const initializers = new Set(graph.initializer.map(({ name }) => name));
	graph.input = graph.input.filter(({ name }) => !initializers.has(name));
	const caches = nameCaches(graph);
	reserve(graph, [...HEAD_NAMES.filter((name) => name !== 'logits'), ...bodyNames(caches.layers)]);
	return { model, anatomy: anatomyOf(new Network(graph), caches.layers), caches };
}
