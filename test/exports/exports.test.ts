/** Real exports of ten architectures by every exporter, instrumented, against what PyTorch computes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Patch } from '../../src/engine/model/body';
import type { Model } from '../../src/engine/model/model';
import type { NumericArray } from '../../src/engine/adding/npz';
import { LastReader } from '../../src/engine/run/readers';
import { lastSite } from '../../src/engine/run/last';
import { prefill } from '../../src/engine/run/run';
import { maxDifference } from '../../src/engine/model/selftest';
import type { Feedback } from '../../src/engine/thinking/step';
import { added, EXPORTS, exportsOf, reference, runtime, signal } from './support';
import { compareOriginal, originalLogits } from '../../src/engine/adding/original';
import { readPlace } from '../../src/engine/model/weights';

/** Largest absolute difference from PyTorch. */
const TOLERANCE = 1e-4;
const ARCHITECTURES = ['gemma', 'gpt-neox', 'gpt2', 'llama', 'mistral', 'opt', 'phi', 'qwen2', 'qwen3', 'smollm'];
/** The same, in half precision: of streams of up to about 5. */
const HALF_TOLERANCE = 2e-2;

interface Figures {
	resid: number;
	logits: number;
	patch: number;
	coconut: number;
	soft: number;
}

async function measure(model: Model, arrays: ReadonlyMap<string, NumericArray>): Promise<Figures> {
	const { layers, width } = model.manifest.shape;
	const expected = (name: string) => arrays.get(name)!.data;
	const ids = [...expected('input_ids')];
	const { resid } = await model.body.forward({ ids }, model.body.empty);
	const [site, position] = expected('patch.at') as unknown as [number, number];
	const patched = await model.body.forward({ ids }, model.body.empty, {
		patch: replacing(site, position, ids.length, expected('patch.vector')),
	});
	const steps = async (kind: 'coconut' | 'soft', feedback: Feedback) => {
		const reader = new LastReader(model);
		let { cache, last } = await prefill(model, ids, signal, (forward) => reader.read(forward));
		const vectors = expected(`${kind}.vectors`);
		const after = expected(`${kind}.logits`);
		let most = 0;
		for (let step = 0; step < vectors.length / width; step++) {
			const moment = { normed: last.normed, hidden: lastSite(last, model), index: step, draw: { seed: 0, arm: kind } };
			const { embed: vector } = await model.thinking.think({ feedback }, moment);
			most = Math.max(most, maxDifference(vector, vectors.subarray(step * width)));
			const forward = await model.body.forward({ embeddings: vector }, cache);
			cache = forward.cache;
			last = await reader.read(forward);
			const logits = await last.logits();
			most = Math.max(most, maxDifference(logits, after.subarray(step * logits.length)));
		}
		return most;
	};
	return {
		resid: Math.max(...resid.map((stream, i) => maxDifference(stream, expected(`resid.${i}`)))),
		logits: maxDifference(await model.head.logits(resid[layers]!), expected('logits')),
		patch: maxDifference(await model.head.logits(patched.resid[layers]!), expected('patch.logits')),
		coconut: await steps('coconut', { site: 'normed' }),
		soft: await steps('soft', { site: 'mixture', top: 10 }),
	};
}

function replacing(site: number, position: number, count: number, vector: Float32Array): Patch {
	const width = vector.length;
	const keep = new Float32Array(count * width).fill(1).fill(0, position * width, (position + 1) * width);
	const add = new Float32Array(count * width);
	add.set(vector, position * width);
	return { site, keep, add };
}

describe('exports', { skip: EXPORTS === '' && 'npm test -- exports makes them' }, () => {
	const rows: string[] = [];

	test('every architecture was exported by both of PyTorch’s exporters and by optimum', () => {
		const names = exportsOf(/\/(torchscript|dynamo|optimum)$/);
		assert.deepEqual(
			names,
			ARCHITECTURES.flatMap((name) => ['dynamo', 'optimum', 'torchscript'].map((exporter) => `${name}/${exporter}`)),
		);
		assert.ok(exportsOf(/genai-fp32$/).length >= 7);
	});

	for (const name of EXPORTS === ''
		? []
		: exportsOf(/\/(torchscript|dynamo|optimum|genai-fp32|genai-int4-float|fp16|merged|sliced)$/)) {
		test(`${name}: streams, logits, a patch, Coconut steps and soft thinking agree with PyTorch`, async () => {
			const model = await added(name);
			const figures = await measure(model, reference(name));
			model.dispose();
			const tolerance = name.endsWith('fp16') ? HALF_TOLERANCE : TOLERANCE;
			rows.push(
				`${name.padEnd(22)} ${Object.values(figures)
					.map((figure: number) => figure.toExponential(1))
					.join('  ')}`,
			);
			assert.deepEqual(model.manifest.logitsOnly, undefined);
			for (const [what, figure] of Object.entries(figures)) {
				assert.ok(figure <= tolerance, `${what} differs by ${figure}`);
			}
		});
	}

	for (const name of EXPORTS === '' ? [] : exportsOf(/\/(genai-int4(-shared)?|int8)$/)) {
		test(`${name}: logits are those of the graph that it was made from`, async () => {
			// Packed weights are multiplied in another order, which eight bits of an activation turn into whole steps.
			const model = await added(name, 'low');
			const place = (await readPlace(model))!;
			const expected = await originalLogits(runtime, model.manifest, place, model.lowMemory, signal);
			const { maxAbsDiff } = await compareOriginal(model, expected);
			model.dispose();
			rows.push(`${name.padEnd(22)} original ${maxAbsDiff.toExponential(1)}`);
			assert.equal(model.manifest.logitsOnly, undefined);
			assert.equal(model.manifest.quantisation, /int8/.test(name) ? 'int8' : 'q4');
			assert.ok(maxAbsDiff <= TOLERANCE, `differs by ${maxAbsDiff}`);
		});
	}

	for (const name of ['two-streams', 'skips']) {
		test(`no-cuts/${name}: layers are refused by name, and logits are offered`, async () => {
			const model = await added(`no-cuts/${name}`);
			const { available, unavailable, arms } = model.card();
			model.dispose();
			assert.match(
				unavailable.find(({ what }) => what === 'layers')!.why,
				/^there is no one tensor that all of block 0 hands on to block 1$/,
			);
			assert.deepEqual(available, []);
			assert.deepEqual(arms, ['direct', 'cot']);
		});
	}

	test('the figures, for the record', (context) => {
		context.diagnostic(`name, then residual stream, logits, patch, Coconut, soft thinking:\n${rows.join('\n')}`);
		assert.ok(rows.length >= 40, `${rows.length} exports`);
	});
});
