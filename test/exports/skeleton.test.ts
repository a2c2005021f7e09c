/** A file without its large weights says the same as the file: with them put back, it is the same message byte for byte. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { clearField, isFieldSet } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { EngineError } from '../../src/engine/error';
import { TensorProto_DataLocation as Location, TensorProtoSchema } from '../../src/engine/instrument/onnx_pb';
import { parseModel, serialise } from '../../src/engine/instrument/proto';
import { readSkeleton } from '../../src/engine/instrument/skeleton';
import { EXPORTS, exportsOf } from './support';

const MIN_REFERENCE = 1024;
/** Graphs of 15 kB. */
const DAMAGED = 300;

const readAt = (bytes: Uint8Array) => (position: number, length: number) => Promise.resolve(bytes.slice(position, position + length));
const skeletonOf = (bytes: Uint8Array) => readSkeleton(readAt(bytes), bytes.length, 'model.onnx');

describe('skeletons', { skip: EXPORTS === '' && 'npm test -- exports makes the exports' }, () => {
	for (const name of EXPORTS === '' ? [] : exportsOf(/\/(optimum|torchscript|int8|fp16|genai-int4)$/)) {
		test(name, async () => {
			const bytes = new Uint8Array(await readFile(join(EXPORTS, name, 'model.onnx')));
			const skeleton = await skeletonOf(bytes);
			const [model, original] = [parseModel(skeleton), parseModel(bytes)];
			let referred = 0;
			for (const [i, tensor] of model.graph.initializer.entries()) {
				const { rawData } = original.graph.initializer[i]!;
				const isExternal = tensor.dataLocation === Location.EXTERNAL;
				assert.equal(isExternal, rawData.length >= MIN_REFERENCE || original.graph.initializer[i]!.externalData.length > 0, tensor.name);
				if (isExternal && rawData.length > 0) {
					const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
					const [offset, length] = ['offset', 'length'].map((key) => Number(entries.get(key)));
					assert.equal(entries.get('location'), 'model.onnx');
					tensor.rawData = bytes.subarray(offset, offset! + length!);
					tensor.externalData = [];
					const { dataLocation } = TensorProtoSchema.field;
					if (isFieldSet(original.graph.initializer[i]!, dataLocation)) {
						tensor.dataLocation = Location.DEFAULT;
					} else {
						clearField(tensor, dataLocation);
					}
					referred += length!;
				}
			}
			assert.deepEqual(model.graph.initializer.map(({ dims, name }) => [dims, name]), original.graph.initializer.map(({ dims, name }) => [dims, name]));
			assert.ok(Buffer.from(serialise(model)).equals(serialise(original)));
			assert.ok(skeleton.length <= bytes.length - referred + 200 * model.graph.initializer.length);
		});
	}

	test('damaged files are read or refused in one sentence', async () => {
		const bytes = new Uint8Array(await readFile(join(EXPORTS, 'llama/genai-fp32/model.onnx')));
		let refusals = 0;
		await fc.assert(
			fc.asyncProperty(
				fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { maxLength: 8 }),
				fc.nat(bytes.length),
				fc.boolean(),
				async (changes, end, isCut) => {
					const damaged = bytes.slice(0, isCut ? end : bytes.length);
					changes.forEach(([at, byte]) => at < damaged.length && (damaged[at] = byte));
					try {
						parseModel(await skeletonOf(damaged));
					} catch (error) {
						assert.ok(error instanceof EngineError, String((error as Error).stack));
						assert.match(error.message, /^[^\n]+\.$/);
						refusals++;
					}
				},
			),
			{ numRuns: DAMAGED, seed: 1 },
		);
		assert.ok(refusals > DAMAGED / 4, `${refusals} refused`);
	});
});
