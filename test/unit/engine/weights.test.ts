/** Random weights: the same values in other places, on the bundled graphs and on what is no graph. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { randomised, WeightsError } from '../../../src/engine/evidence/weights';
import { MODEL } from './harness';

/** Protocol buffers: a field with a length, and one with a number. */
const nested = (field: number, content: readonly number[]) => [(field << 3) | 2, content.length, ...content];
const number = (field: number, value: number) => [field << 3, value];
const text = (value: string) => [...new TextEncoder().encode(value)];

function graph(...tensors: number[][]): Uint8Array {
	return Uint8Array.from([...number(1, 8), ...nested(7, tensors.flatMap((tensor) => nested(5, tensor)))]);
}

const BYTES = Array.from({ length: 16 }, (_, i) => i + 1);
/** float16 [2, 4] */
const matrix = [...number(1, 2), ...number(1, 4), ...number(2, 10), ...nested(8, text('w')), ...nested(9, BYTES)];

describe('random weights', () => {
	for (const file of ['body.onnx', 'head.onnx']) {
		test(`${file}: as many bytes, the same values, other places, the same for the same seed`, async () => {
			const before = new Uint8Array(await readFile(`${MODEL}/${file}`));
			const kept = before.slice();
			const after = randomised(before, 1);
			assert.deepEqual(before, kept, 'what was given is not changed');
			assert.equal(after.length, before.length);
			assert.deepEqual(after, randomised(before, 1));
			assert.notDeepEqual(after, randomised(before, 2));
			const moved = after.reduce((count, byte, i) => count + Number(byte !== before[i]), 0);
			assert.ok(moved > 0.8 * before.length, `${moved} of ${before.length} bytes moved`);
			const histogram = (bytes: Uint8Array) => bytes.reduce((counts, byte) => counts.with(byte, counts[byte]! + 1), new Uint32Array(256));
			assert.deepEqual(histogram(after.subarray(0)), histogram(before));
		});
	}

	test('values move whole, and only matrices of weights', () => {
		const vector = [...number(1, 8), ...number(2, 10), ...nested(8, text('b')), ...nested(9, BYTES)];
		const shape = [...number(1, 2), ...number(1, 1), ...number(2, 7), ...nested(8, text('s')), ...nested(9, BYTES)];
		const before = graph(matrix, vector, shape);
		const after = randomised(before, 3);
		const at = before.indexOf(1, before.indexOf(119)) + 0;
		const pairs = (bytes: Uint8Array) => Array.from({ length: 8 }, (_, i) => (bytes[at + 2 * i]! << 8) | bytes[at + 2 * i + 1]!);
		assert.notDeepEqual(pairs(after), pairs(before));
		assert.deepEqual([...pairs(after)].sort(), [...pairs(before)].sort());
		assert.deepEqual(after.subarray(at + 16), before.subarray(at + 16));
	});

	test('packed extents count too', () => {
		const packed = [...nested(1, [2, 4]), ...number(2, 10), ...nested(8, text('w')), ...nested(9, BYTES)];
		assert.notDeepEqual(randomised(graph(packed), 3), graph(packed));
	});

	const external = [...number(1, 2), ...number(1, 4), ...number(2, 10), ...nested(8, text('w')), ...number(14, 1)];
	const short = [...number(1, 2), ...number(1, 9), ...number(2, 10), ...nested(8, text('w')), ...nested(9, BYTES)];
	const refused: [string, Uint8Array, RegExp][] = [
		['external weights', graph(external), /do not lie in the graph/],
		['a matrix that is not full', graph(short), /do not lie in the graph/],
		['no weights', graph(), /holds no weights/],
		['nothing', new Uint8Array(), /holds no weights/],
		['a length beyond the end', Uint8Array.from([...nested(7, [(5 << 3) | 2, 100])]), /not what ONNX writes/],
		['a varint without an end', new Uint8Array(20).fill(255), /not what ONNX writes/],
		['a group', Uint8Array.from([3]), /not what ONNX writes/],
	];
	for (const [what, bytes, wording] of refused) {
		test(`${what}: refused with the reason`, () => {
			assert.throws(
				() => randomised(bytes, 0),
				(error: unknown) => error instanceof WeightsError && wording.test(error.message),
			);
		});
	}

	test('a cut or changed graph is refused or permuted, and never anything else', async () => {
		const whole = graph(matrix, matrix);
		for (let end = 0; end < whole.length; end++) {
			for (const bytes of [whole.subarray(0, end), whole.with(end, 255), whole.with(end, 0)]) {
				try {
					assert.equal(randomised(bytes, 0).length, bytes.length);
				} catch (error) {
					assert.ok(error instanceof WeightsError, String(error));
				}
			}
		}
	});
});
