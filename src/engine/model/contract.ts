/** Checks that graphs have the inputs and outputs of the model contract (models/README.md), by name, type and extent. */
import type { Layout } from '../depth/layout';
import { EngineError } from '../error';
import type { Manifest, ModelShape } from './manifest';
import type { LatentSegment } from './recipeSchema';
import type { Graph, Slot, Tensor } from '../runtime';

/** Extents; -1 where it varies. */
type Expected = Readonly<Record<string, { type: string; dims: number[]; optional?: true }>>;

const ANY = -1;
/** An extent that is not known yet: anything fits it. */
export const UNKNOWN = 0;

export function checkBody(graph: Graph, { shape, logitsOnly }: Manifest): void {
	const { layers, caches = layers, width, heads, headWidth } = shape;
	const isOpen = logitsOnly === undefined;
	const each = (count: number, slots: (i: number) => Expected): Expected =>
		Object.assign({}, ...Array.from({ length: count }, (_, i) => slots(i)));
	const cache = { type: 'float32', dims: [ANY, heads, ANY, headWidth] };
	const vector = { type: 'float32', dims: [ANY, ANY, width] };
	const ids = { type: 'int64', dims: [ANY, ANY] };
	check('body', 'input', graph.inputs, {
		input_ids: ids,
		attention_mask: { ...ids, optional: true },
		position_ids: { ...ids, optional: true },
		...(isOpen ? { inputs_embeds: vector, embeds_mask: { type: 'bool', dims: [ANY, ANY, 1] } } : {}),
		...each(caches, (l) => ({ [`past_key_values.${l}.key`]: cache, [`past_key_values.${l}.value`]: cache })),
		...each(isOpen ? layers + 1 : 0, (i) => ({ [`patch.${i}.keep`]: vector, [`patch.${i}.add`]: vector })),
	});
	check('body', 'output', graph.outputs, {
		...(isOpen ? { token_embeds: vector } : {}),
		...each(caches, (l) => ({
			[`present.${l}.key`]: cache,
			[`present.${l}.value`]: cache,
			[`attention.${l}`]: { type: 'float32', dims: [ANY, ANY, ANY, ANY], optional: true },
		})),
		...each(layers + 1, (i) => ({ [`resid.${i}`]: vector })),
	});
}

/** Of the blocks that are looped. */
export function checkCore(graph: Graph, { width, heads, headWidth }: ModelShape, { core }: Layout, usesGate: boolean): void {
	const vector = { type: 'float32', dims: [ANY, ANY, width] };
	check('core', 'input', graph.inputs, {
		state: vector,
		injected: { ...vector, optional: true },
		attention_mask: { type: 'bool', dims: [ANY, ANY, ANY] },
		position_ids: { type: 'int64', dims: [ANY, ANY], optional: true },
		step: { type: 'int64', dims: [1], optional: true },
		...keys('past_key_values', core, heads, headWidth),
	});
	check('core', 'output', graph.outputs, {
		next_state: vector,
		gate: { type: 'float32', dims: [ANY, ANY], ...(usesGate ? {} : { optional: true as const }) },
		...keys('present', core, heads, headWidth),
	});
}

/** Of the blocks after the loops. */
export function checkCoda(graph: Graph, { width, heads, headWidth }: ModelShape, { coda }: Layout): void {
	const vector = { type: 'float32', dims: [ANY, ANY, width] };
	const each = (slots: (i: number) => Expected): Expected => Object.assign({}, ...Array.from({ length: coda }, (_, i) => slots(i + 1)));
	check('coda', 'input', graph.inputs, {
		state: vector,
		attention_mask: { type: 'bool', dims: [ANY, ANY, ANY] },
		position_ids: { type: 'int64', dims: [ANY, ANY], optional: true },
		...keys('past_key_values', coda, heads, headWidth),
		...each((i) => ({ [`patch.${i}.keep`]: vector, [`patch.${i}.add`]: vector })),
	});
	check('coda', 'output', graph.outputs, { ...keys('present', coda, heads, headWidth), ...each((i) => ({ [`resid.${i}`]: vector })) });
}

function keys(name: string, blocks: number, heads: number, headWidth: number): Expected {
	const cache = { type: 'float32', dims: [ANY, heads, ANY, headWidth] };
	return Object.fromEntries(Array.from({ length: blocks }, (_, l) => [[`${name}.${l}.key`, cache], [`${name}.${l}.value`, cache]] as const).flat());
}

export function checkHead(graph: Graph, { width, vocabulary }: ModelShape): void {
	const value = { type: 'float32', dims: [ANY, ANY] };
	check('head', 'input', graph.inputs, {
		hidden: { type: 'float32', dims: [ANY, ANY, width] },
		target: { type: 'int64', dims: [ANY] },
		k: { type: 'int64', dims: [1] },
	});
	check('head', 'output', graph.outputs, {
		normed: { type: 'float32', dims: [ANY, ANY, width] },
		topk_ids: { type: 'int64', dims: [ANY, ANY, ANY] },
		topk_values: { type: 'float32', dims: [ANY, ANY, ANY] },
		lse: value,
		entropy: value,
		kl: value,
		target_logit: value,
		logits: { type: 'float32', dims: [ANY, ANY, vocabulary] },
	});
}

/** Of a graph that latent segments go through, by what they give it: `noise` is the shape of theirs, which is one. */
export function checkThought(graph: Graph, { width, latentWidth = width }: ModelShape, name: string, uses: readonly LatentSegment[]): void {
	const vector = { type: 'float32', dims: [ANY, width] };
	const shapes = new Set(uses.flatMap(({ noise }) => (noise ? [noise.shape.join()] : [])));
	const [shape] = uses.flatMap(({ noise }) => (noise ? [noise.shape] : []));
	if (shapes.size > 1) {
		throw new EngineError(`Segments of the recipe give the ${name} graph noise of different shapes: give it one shape.`, 'bad-model');
	}
	const refuse = (what: string) => {
		throw new EngineError(`The model's ${name} graph ${what}.`, 'bad-model');
	};
	if (graph.inputs.has('noise') && !shape) {
		refuse('takes noise, and no segment of the recipe that goes through it says which: add noise to it in model.json');
	}
	const state = { type: 'float32', dims: [ANY, ANY], optional: true as const };
	check(name, 'input', graph.inputs, {
		hidden: vector,
		normed: { ...vector, optional: true },
		step: { type: 'int64', dims: [1], optional: true },
		...(shape ? { noise: { type: 'float32', dims: [ANY, ...shape] } } : {}),
		state,
	});
	check(name, 'output', graph.outputs, {
		embed: vector,
		latent: { type: 'float32', dims: [ANY, latentWidth], optional: true },
		// ONNX lets no output have an input's name.
		next_state: state,
		gate: { type: 'float32', dims: [ANY], optional: true },
	});
	const [taken, given] = [graph.inputs.get('state'), graph.outputs.get('next_state')];
	if ((taken === undefined) !== (given === undefined)) {
		refuse(`${taken ? 'takes a state and gives no next_state' : 'gives a next_state and takes no state'}: export it with both or neither`);
	}
	if (taken && typeof taken.dims[1] !== 'number') {
		refuse('leaves the width of its state open: export it with a fixed one');
	}
	if (!graph.outputs.has('gate') && uses.some(({ stop }) => stop?.some(({ rule }) => rule === 'gate'))) {
		refuse('gives no gate, by which the recipe stops: export it with one, or choose another rule');
	}
}

/** Of the graph that turns changed latents into what is fed. */
export function checkEmbed(graph: Graph, { width, latentWidth = width }: ModelShape): void {
	check('embed', 'input', graph.inputs, {
		latent: { type: 'float32', dims: [ANY, latentWidth] },
		step: { type: 'int64', dims: [1], optional: true },
	});
	check('embed', 'output', graph.outputs, { embed: { type: 'float32', dims: [ANY, width] } });
}

/** Of the trained decoder of latents. */
export function checkReadout(graph: Graph, { width, latentWidth = width, vocabulary }: ModelShape): void {
	check('readout', 'input', graph.inputs, {
		latent: { type: 'float32', dims: [ANY, latentWidth] },
		input_ids: { type: 'int64', dims: [ANY, ANY] },
	});
	check('readout', 'output', graph.outputs, { logits: { type: 'float32', dims: [ANY, ANY, vocabulary] } });
}

/** Every name that is expected and no other; extents that the graph leaves open are settled when it runs. */
function check(graph: string, kind: 'input' | 'output', found: ReadonlyMap<string, Slot>, expected: Expected): void {
	const refuse = (what: string) => {
		throw new EngineError(`The model's ${graph} graph ${what}: export it to the model contract again.`, 'bad-model');
	};
	for (const [name, { type, dims, optional }] of Object.entries(expected)) {
		const slot = found.get(name);
		if (!slot) {
			if (!optional) {
				refuse(`has no ${kind} ${name}`);
			}
			continue;
		}
		const fits =
			slot.type === type &&
			(slot.dims.length === 0 ||
				(slot.dims.length === dims.length &&
					slot.dims.every(
						(dim, i) =>
							typeof dim === 'string' || dims[i] === ANY || dim === dims[i] || (kind === 'input' && dim === 1),
					)));
		if (!fits) {
			const wanted = dims.map((dim) => (dim === ANY ? '*' : dim)).join(', ');
			refuse(`has the ${kind} ${name} as ${slot.type} [${slot.dims.join(', ')}] where ${type} [${wanted}] is expected`);
		}
	}
	const [extra] = [...found.keys()].filter((name) => !Object.hasOwn(expected, name));
	if (extra !== undefined && kind === 'input') {
		refuse(`has the unknown input ${extra.slice(0, 60)}`);
	}
}

/** What a run gave, held against what it must give: a graph may declare extents that vary, and then give others. */
export function checkExtents(graph: string, name: string, { dims }: Tensor, ...expected: number[]): void {
	if (dims.length !== expected.length || !dims.every((dim, i) => dim === expected[i] || expected[i] === UNKNOWN)) {
		throw new EngineError(
			`The model's ${graph} graph gave ${name} as [${dims.join(', ')}] where [${expected.join(', ')}] is expected: export it again.`,
			'bad-model',
		);
	}
}
