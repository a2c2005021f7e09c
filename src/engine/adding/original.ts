/** The graph that a model was made from, run as it is: what an instrumented one is held against. */
import { basename, dirname } from 'node:path';
import { fromHalf } from '../../trace/half';
import { EngineError, quoted } from '../error';
import { withRegular } from '../model/folder';
import { Difference, testIds, toleranceOf, type SelfTest } from '../model/selftest';
import type { Manifest, ModelShape } from '../model/manifest';
import type { Model } from '../model/model';
import { checkReferences, relocate } from '../instrument/external';
import { checkOperators } from '../instrument/operators';
import { parseModel, serialise } from '../instrument/proto';
import { readSkeleton } from '../instrument/skeleton';
import type { Place } from '../model/weights';
import { floats, integers, type Graph, type Runtime, type Slot, type Tensor } from '../runtime';

/**
 * Logits of the test's tokens, as the graph computes them that the model was made from. Its weights are read where they lie, and it
 * is closed afterwards: where memory is short, before the model is opened.
 */
export async function originalLogits(
	runtime: Runtime,
	manifest: Manifest,
	{ source, names }: Place,
	lowMemory: boolean,
	signal: AbortSignal,
): Promise<Float32Array> {
	const sizes = new Map(manifest.files.weights.map((file) => [file.name, file.bytes]));
	const graph = await runtime.open(await referring(source, names, sizes, signal), dirname(source), { lowMemory });
	try {
		return await logitsOf(graph, testIds(manifest), manifest.shape);
	} finally {
		graph.dispose();
	}
}

/** Instrumented logits, held against `expected` of the original. */
export async function compareOriginal(model: Model, expected: Float32Array): Promise<SelfTest> {
	const { body, head, manifest } = model;
	const { layers, width } = manifest.shape;
	const { resid } = await body.forward({ ids: testIds(manifest) }, body.empty);
	const logits = await head.logits(resid[layers]!);
	const size = logits.length / (resid[layers]!.length / width);
	// Some exports give the logits of the last position only.
	const difference = new Difference(toleranceOf(model));
	if (expected.length > 0 && expected.length % size === 0) {
		difference.add(logits.subarray(Math.max(0, logits.length - expected.length)), expected);
	} else {
		difference.fail();
	}
	const { maxAbsDiff, ok } = difference;
	return { name: 'original graph and instrumented graph: logits', feature: 'layers', maxAbsDiff, ok };
}

/** The graph, with its large weights left in its file, and all of them under the names that their files have. */
async function referring(
	source: string,
	names: Place['names'],
	sizes: ReadonlyMap<string, number>,
	signal: AbortSignal,
): Promise<Uint8Array> {
	const own = basename(source);
	const model = parseModel(await withRegular(dirname(source), own, () => {}, signal, (read, size) => readSkeleton(read, size, own)));
	relocate(model, new Map(Object.entries(names)));
	// It may have changed since it was added, and the runtime follows whatever it says.
	checkOperators(model);
	checkReferences(model, sizes);
	return serialise(model);
}

async function logitsOf(graph: Graph, ids: readonly number[], shape: ModelShape): Promise<Float32Array> {
	const name = [...graph.outputs.keys()].find((one) => /logits/.test(one))!;
	const feeds = Object.fromEntries([...graph.inputs].map(([input, slot]) => [input, feed(input, slot, ids, shape)]));
	const { type, data } = (await graph.run(feeds, [name]))[name]!;
	return type === 'float16' ? fromHalf(data as Uint16Array) : (data as Float32Array);
}

/** For one sequence without a past. */
function feed(name: string, { type }: Slot, ids: readonly number[], { heads, headWidth }: ModelShape): Tensor {
	const { length } = ids;
	switch (name) {
		case 'input_ids':
			return integers(ids, 1, length);
		case 'attention_mask':
			return integers(new Array<number>(length).fill(1), 1, length);
		case 'position_ids':
			return integers(
				ids.map((_, i) => i),
				1,
				length,
			);
		case 'use_cache_branch':
			return { type: 'bool', data: new Uint8Array([1]), dims: [1] };
		case 'num_logits_to_keep':
			return integers([0]);
	}
	if (!name.startsWith('past')) {
		throw new EngineError(`The graph's input ${quoted(name)} is not known here: export it without.`, 'bad-model');
	}
	const empty = [1, heads, 0, headWidth];
	return type === 'float16' ? { type, data: new Uint16Array(0), dims: empty } : floats(new Float32Array(0), ...empty);
}
