/** The engine against PyTorch, on the fixture that the exporter writes. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openFile } from '../../../src/trace/bytes.node';
import { fromHalf } from '../../../src/trace/half';
import { headerLength, LENGTH_BYTES, parseHeader } from '../../../src/trace/container';
import { openTrace } from '../../../src/trace/reader';
import { MODEL, request, temporary, withEngine } from './harness';

const FIXTURE = 'test/fixtures/prosqa-parity.safetensors';
/** Of the fixture's metadata, repeated so that a fixture cannot loosen it. */
const TOLERANCE = 1e-3;
/** Half precision keeps 11 bits. */
const HALF = 2 ** -11;
const MIN_POSITIONS = 1_000;

async function fixture() {
	const file = await readFile(FIXTURE);
	const { metadata, tensors } = parseHeader(
		file.subarray(LENGTH_BYTES, LENGTH_BYTES + headerLength(file, file.length)),
		file.length,
	);
	return {
		metadata,
		floats: (name: string) => {
			const entry = tensors.get(name);
			return entry && new Float32Array(Uint8Array.from(file.subarray(entry.start, entry.start + entry.length)).buffer);
		},
		integers: (name: string) => {
			const { start, length } = tensors.get(name)!;
			return new Int32Array(Uint8Array.from(file.subarray(start, start + length)).buffer);
		},
	};
}

test('latent arm: ids, logits, thoughts and residual streams agree with PyTorch', () =>
	withEngine(async (engine) => {
		const { metadata, floats, integers } = await fixture();
		assert.equal(metadata.get('format'), 'neuralese-parity');
		const arm = metadata.get('arm')!;
		const prompts = JSON.parse(metadata.get('prompts')!) as string[];
		const { shape } = await engine.call('load', { model: MODEL });
		const sites = shape.layers + 1;
		let positions = 0;
		let furthest = 0;
		let withSites = 0;
		for (const [i, prompt] of prompts.entries()) {
			const out = join(await temporary(), 'a.trace.safetensors');
			const { document } = await engine.call(
				'analyze',
				request(prompt, { arms: [arm], out, options: { seed: 0, temperature: 0, topK: shape.vocabulary } }),
			);
			const trace = await openTrace(await openFile(out));
			const ids = integers(`p${i}.ids`);
			const rows = { start: 0, end: ids.length };
			const { steps, thoughts } = document.arms[0]!;
			steps
				.slice(0, ids.length)
				.forEach((step, at) => step.kind !== 'latent' && assert.equal(step.id, ids[at], `token ${at} of prompt ${i}`));
			const [topIds, topLogits] = [
				await trace.read(arm, 'lens.topk_id', rows),
				await trace.read(arm, 'lens.topk_logit', rows),
			];
			const logits = floats(`p${i}.logits`)!;
			for (let row = 0; row < ids.length; row++) {
				const expected = logits.subarray(row * shape.vocabulary, (row + 1) * shape.vocabulary);
				const first = (row * sites + shape.layers) * shape.vocabulary;
				for (let rank = 0; rank < shape.vocabulary; rank++) {
					furthest = Math.max(furthest, Math.abs(topLogits![first + rank]! - expected[topIds![first + rank]!]!));
				}
				assert.equal(topIds![first], expected.indexOf(Math.max(...expected)), `argmax at position ${row} of prompt ${i}`);
				positions++;
			}
			const vectors = (await trace.read(arm, 'latent.vec', { start: 0, end: thoughts.length })) as Float32Array;
			const latents = floats(`p${i}.latents`)!;
			assert.equal(vectors.length, latents.length);
			vectors.forEach((value, at) => (furthest = Math.max(furthest, Math.abs(value - latents[at]!))));
			const resid = floats(`p${i}.resid`);
			if (resid) {
				withSites++;
				const stored = fromHalf((await trace.read(arm, 'hidden.resid', rows)) as Uint16Array);
				assert.equal(stored.length, resid.length);
				stored.forEach((value, at) =>
					assert.ok(
						Math.abs(value - resid[at]!) <= TOLERANCE + HALF * Math.abs(resid[at]!),
						`residual stream ${at} of prompt ${i}: ${value} against ${resid[at]}`,
					),
				);
			}
			trace.dispose();
		}
		assert.ok(positions >= MIN_POSITIONS, `${positions} positions`);
		assert.ok(withSites > 0);
		assert.ok(furthest < TOLERANCE, `largest difference ${furthest}`);
	}));
