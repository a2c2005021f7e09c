/** What is known about a model, and whether it computes what it should: its self-tests, its original, another implementation. */
import { readFile, stat } from 'node:fs/promises';
import type { ModelCheck } from '../api';
import { EngineError, quoted } from '../error';
import { readNpz, type NumericArray } from './npz';
import type { Model } from '../model/model';
import { compareOriginal, originalLogits } from './original';
import type { Runtime } from '../runtime';
import { Difference, toleranceOf, type SelfTest } from '../model/selftest';
import { readPlace } from '../model/weights';

/** A file of one sequence's streams and logits. */
const MAX_REFERENCE = 2 ** 30;

/** `reference`: an NPZ with `input_ids` [T], `resid.i` [T,d] and `logits` [T,V]; each one that is there is compared. */
export async function checkModel(
	runtime: Runtime,
	model: Model,
	reference: string | undefined,
	signal: AbortSignal,
): Promise<ModelCheck> {
	const { shape, quantisation, logitsOnly } = model.manifest;
	const { available, unavailable } = model.card();
	const place = await readPlace(model);
	const tests = [
		...model.tests,
		...(place === undefined
			? []
			: [await compareOriginal(model, await originalLogits(runtime, model.manifest, place, isPlain(model), signal))]),
		...(reference === undefined ? [] : await compareReference(model, reference)),
	];
	return {
		layers: shape.caches ?? shape.layers,
		...(logitsOnly === undefined ? { width: shape.width } : { width: null }),
		vocab: shape.vocabulary,
		sites: logitsOnly === undefined ? shape.layers + 1 : 0,
		quantisation,
		available,
		unavailable,
		selfTest: tests.map(({ name, maxAbsDiff, ok }) => ({ name, maxAbsDiff, ok })),
		provider: model.provider,
		lowMemory: model.lowMemory,
	};
}

/** Whether the original's weights are not packed either: kernels for packed 4-bit weights quantise activations, and others do not. */
function isPlain({ lowMemory, provider }: Model): boolean {
	return lowMemory || provider.used !== 'cpu';
}

async function compareReference(model: Model, path: string): Promise<SelfTest[]> {
	const refuse = (what: string) => new EngineError(`The reference ${quoted(path)} ${what}.`, 'bad-request');
	const size = (await stat(path).catch(() => undefined))?.size;
	if (size === undefined || size > MAX_REFERENCE) {
		throw refuse(size === undefined ? 'cannot be read: check the name' : `has ${size} bytes, the limit is ${MAX_REFERENCE}`);
	}
	const arrays = readNpz(await readFile(path));
	const { layers, width, vocabulary, context } = model.manifest.shape;
	const ids = [...(arrays.get('input_ids')?.data ?? [])];
	if (ids.length === 0 || ids.length > context || ids.some((id) => !Number.isInteger(id) || id < 0 || id >= vocabulary)) {
		throw refuse(`needs input_ids of 1 to ${context} tokens below ${vocabulary}`);
	}
	const { resid } = await model.body.forward({ ids }, model.body.empty);
	const logits = await model.head.logits(resid[layers]!);
	const compare = (name: string, expected: NumericArray | undefined, found: Float32Array, extent: number): SelfTest[] => {
		if (!expected) {
			return [];
		}
		if (expected.data.length !== ids.length * extent) {
			throw refuse(`has ${name} as [${expected.shape.join(', ')}] where [${ids.length}, ${extent}] is expected`);
		}
		const { maxAbsDiff, ok } = new Difference(toleranceOf(model)).add(found, expected.data);
		return [{ name: `reference: ${name}`, feature: 'basics', maxAbsDiff, ok }];
	};
	const sites = model.manifest.logitsOnly === undefined ? resid : [];
	const unseen = [...arrays.keys()].filter((name) => /^resid\.\d+$/.test(name) && Number(name.slice(6)) > layers);
	if (unseen.length > 0 && sites.length > 0) {
		throw refuse(`has ${unseen[0]}, and the model's last site is resid.${layers}`);
	}
	const tests = [
		...sites.flatMap((site, i) => compare(`resid.${i}`, arrays.get(`resid.${i}`), site, width)),
		...compare('logits', arrays.get('logits'), logits, vocabulary),
	];
	if (tests.length === 0) {
		throw refuse('has neither resid.0 … nor logits: save at least one of them');
	}
	return tests;
}
