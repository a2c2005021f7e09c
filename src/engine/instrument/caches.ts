/** Past and present keys and values under the names of the contract, whatever the export called them. */
import { EngineError, quoted } from '../error';
import { DataType, dimsOf, typeOf, type GraphProto, type ValueInfoProto } from './proto';
import { rename } from './network';

export interface CacheShape {
	layers: number;
	/** Of keys and values; 0 where the graph does not say. */
	heads: number;
	headWidth: number;
	type: DataType;
}

interface Entry {
	layer: number;
	part: 'key' | 'value';
	info: ValueInfoProto;
}

const PREFIX = /^(past|present)(_key_values?)?/;

/** Renames all of them. Fails where the graph has no cache, or keeps one that is not keys [B,H,P,c] and values [B,H,P,c]. */
export function nameCaches(graph: GraphProto): CacheShape {
	const pasts = graph.input.filter(({ name }) => PREFIX.test(name)).map(entry);
	const presents = graph.output.filter(({ name }) => PREFIX.test(name)).map(entry);
	if (pasts.length === 0 || presents.length === 0) {
		throw new EngineError(
			`The graph has no ${pasts.length === 0 ? 'past' : 'present'} keys and values: export it with its cache (text-generation-with-past).`,
			'bad-model',
		);
	}
	const layers = 1 + Math.max(...presents.map(({ layer }) => layer));
	for (const [kind, entries] of [
		['past', pasts],
		['present', presents],
	] as const) {
		for (let layer = 0; layer < layers; layer++) {
			for (const part of ['key', 'value'] as const) {
				if (entries.filter((one) => one.layer === layer && one.part === part).length !== 1) {
					throw new EngineError(
						`The graph has no ${kind} ${part} of block ${layer}: models whose blocks do not all keep keys and values are not supported.`,
						'bad-model',
					);
				}
			}
		}
		if (entries.length !== 2 * layers) {
			throw new EngineError('The graph keeps more than one key and one value a block, which is not supported.', 'bad-model');
		}
	}
	const shape = shapeOf(layers, pasts);
	pasts.forEach(({ layer, part, info }) => rename(graph, info.name, `past_key_values.${layer}.${part}`));
	presents.forEach(({ layer, part, info }) => rename(graph, info.name, `present.${layer}.${part}`));
	return shape;
}

function entry(info: ValueInfoProto): Entry {
	const rest = info.name.replace(PREFIX, '');
	const layer = /\d+/.exec(rest)?.[0];
	const part = /key|\bk\b/.test(rest) ? 'key' : /value|\bv\b/.test(rest) ? 'value' : undefined;
	if (layer === undefined || part === undefined || /encoder|cross/.test(rest)) {
		throw new EngineError(
			`The graph keeps ${quoted(info.name)}, which is neither keys nor values of one block: such models are not supported.`,
			'bad-model',
		);
	}
	return { layer: Number(layer), part, info };
}

function shapeOf(layers: number, pasts: readonly Entry[]): CacheShape {
	let shape: CacheShape | undefined;
	for (const { info } of pasts) {
		const dims = dimsOf(info);
		const type = typeOf(info) ?? DataType.FLOAT;
		if (dims && dims.length !== 4) {
			throw new EngineError(`The graph's ${quoted(info.name)} has ${dims.length} dimensions where 4 are expected.`, 'bad-model');
		}
		const [, heads, , headWidth] = (dims ?? []).map((dim) => (typeof dim === 'number' ? dim : 0));
		const found = { layers, heads: heads ?? 0, headWidth: headWidth ?? 0, type };
		if (shape && (shape.heads !== found.heads || shape.headWidth !== found.headWidth || shape.type !== found.type)) {
			throw new EngineError('The blocks of the graph have different heads, which is not supported.', 'bad-model');
		}
		shape = found;
	}
	return shape!;
}
