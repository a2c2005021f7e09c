import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { PlaneData, PlaneName } from '../../../src/trace/planes';
import { LiveTrace } from '../../../src/trace/live';
import { sampleDocument, sampleTensors } from './sample';

const started = () => ({ ...sampleDocument(), arms: [], tokens: [] });
const rows = (start: number, end: number) => ({ start, end });

describe('a run in progress', () => {
	test('arms are replaced by name, tokens are added once, and each step is a new document', () => {
		const trace = new LiveTrace(started());
		const before = trace.document;
		const [cot, latent] = sampleDocument().arms;
		trace.setArm({ ...cot!, state: 'running', answer: undefined }, [{ id: 1, text: 'a' }]);
		trace.setArm(latent!, [
			{ id: 1, text: 'a' },
			{ id: 2, text: 'b' },
		]);
		trace.setArm(cot!, []);
		assert.notEqual(trace.document, before);
		assert.equal(before.arms.length, 0);
		assert.deepEqual(trace.document.arms, [cot, latent]);
		assert.deepEqual(trace.document.tokens, [
			{ id: 1, text: 'a' },
			{ id: 2, text: 'b' },
		]);
	});

	test('planes that arrive in pieces of any size and order read as the whole', async () => {
		const tensors = sampleTensors(sampleDocument());
		await fc.assert(
			fc.asyncProperty(fc.array(fc.nat(100), { maxLength: 6 }), fc.boolean(), async (cuts, backwards) => {
				const trace = new LiveTrace(started());
				for (const { name, shape, chunks } of tensors) {
					const [data] = chunks as PlaneData[];
					const count = shape[0]!;
					const stride = data!.length / count;
					const [arm, plane] = name.split(/\/(.*)/s) as [string, PlaneName];
					const bounds = [...new Set([0, count, ...cuts.map((cut) => cut % (count + 1))])].sort((a, b) => a - b);
					const pieces = bounds.slice(1).map((end, i) => rows(bounds[i]!, end));
					for (const piece of backwards ? pieces.reverse() : pieces) {
						trace.addRows(arm, plane, piece, data!.slice(piece.start * stride, piece.end * stride));
					}
				}
				for (const { name, chunks } of tensors) {
					const [arm, plane] = name.split(/\/(.*)/s) as [string, PlaneName];
					assert.deepEqual(await trace.read(arm, plane, rows(0, 1e9)), (chunks as PlaneData[])[0], name);
				}
			}),
			{ numRuns: 30 },
		);
	});

	test('what has not come is not a number, or is missing', async () => {
		const trace = new LiveTrace(started());
		assert.equal(await trace.read('cot', 'lens.lse', rows(0, 9)), undefined);
		trace.addRows('cot', 'lens.lse', rows(2, 3), Float32Array.of(1, 2, 3));
		trace.addRows('cot', 'tokens.id', rows(1, 2), Int32Array.of(7));
		assert.deepEqual(await trace.read('cot', 'lens.lse', rows(1, 9)), Float32Array.of(NaN, NaN, NaN, 1, 2, 3));
		assert.deepEqual(await trace.read('cot', 'tokens.id', rows(0, 9)), Int32Array.of(-1, 7));
		assert.equal((await trace.read('cot', 'lens.lse', rows(7, 9)))!.length, 0);
	});

	test('what was read is a copy', async () => {
		const trace = new LiveTrace(started());
		trace.addRows('cot', 'tokens.id', rows(0, 1), Int32Array.of(7));
		(await trace.read('cot', 'tokens.id', rows(0, 1)))![0] = 9;
		assert.deepEqual(await trace.read('cot', 'tokens.id', rows(0, 1)), Int32Array.of(7));
	});

	test('rows of different lengths are an error', () => {
		const trace = new LiveTrace(started());
		trace.addRows('cot', 'lens.lse', rows(0, 1), new Float32Array(3));
		assert.throws(() => trace.addRows('cot', 'lens.lse', rows(1, 2), new Float32Array(4)), /3 values a row/);
		assert.throws(() => trace.addRows('cot', 'lens.entropy', rows(0, 2), new Float32Array(3)), /values a row/);
	});
});
