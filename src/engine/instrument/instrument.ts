/** Turns a decoder's exported graph into the two graphs of the model contract. Weights are not touched. */
import { EngineError, quoted } from '../error';
import { anatomyOf, type Anatomy } from './anatomy';
import { bodyNames, toBody } from './body';
import { nameCaches, type CacheShape } from './caches';
import { HEAD_NAMES, toHead } from './head';
import { inlineMerged } from './merged';
import { Network, reserve } from './network';
import { parseModel, type Model } from './proto';

/** Inputs that every call of the engine can give. */
const KNOWN_INPUTS = /^(input_ids|attention_mask|position_ids|inputs_embeds|embeds_mask|past_key_values\.\d+\.(key|value)|patch\.\d+\.(keep|add))$/;
const STANDARD = new Set(['', 'ai.onnx']);

export interface Instrumented {
	body: Model;
	head: Model;
	caches: CacheShape;
}

export function instrument(bytes: Uint8Array): Instrumented {
	const body = opened(bytes);
	const head = opened(bytes);
	const { anatomy, caches } = body;
	if (anatomy.sites.kind === 'refused') {
		throw new EngineError(`The layers of this graph cannot be seen, because ${anatomy.sites.why}.`, 'bad-model');
	}
	toBody(body.model.graph, body.anatomy, anatomy.sites.sites, caches);
	const unknown = body.model.graph.input.find(({ name }) => !KNOWN_INPUTS.test(name));
	if (unknown) {
		throw new EngineError(`The graph asks for ${quoted(unknown.name)}, which is not known here: export it without.`, 'bad-model');
	}
	const sites = head.anatomy.sites as Extract<Anatomy['sites'], { kind: 'found' }>;
	const opset = Number(head.model.opsetImport.find(({ domain }) => STANDARD.has(domain))?.version ?? 1n);
	const site = sites.sites.at(-1)!;
	toHead(head.model.graph, head.anatomy, site, sites.sites, opset);
	return { body: body.model, head: head.model, caches };
}

function opened(bytes: Uint8Array): { model: Model; anatomy: Anatomy; caches: CacheShape } {
	const model = parseModel(bytes);
	const { graph } = model;
	inlineMerged(graph);
	const initializers = new Set(graph.initializer.map(({ name }) => name));
	graph.input = graph.input.filter(({ name }) => !initializers.has(name));
	const caches = nameCaches(graph);
	reserve(graph, [...HEAD_NAMES.filter((name) => name !== 'logits'), ...bodyNames(caches.layers)]);
	return { model, anatomy: anatomyOf(new Network(graph), caches.layers), caches };
}
