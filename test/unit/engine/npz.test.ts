import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { zipSync } from 'fflate';
import { EngineError } from '../../../src/engine/error';
import { readNpz } from '../../../src/engine/adding/npz';

/** A `.npy` of version 1 with this header and content. */
function npy(header: string, content: Uint8Array): Uint8Array {
	const text = new TextEncoder().encode(`${header}\n`);
	const bytes = new Uint8Array(10 + text.length + content.length);
	bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8]);
	bytes.set(text, 10);
	bytes.set(content, 10 + text.length);
	return bytes;
}

const header = (descr: string, shape: string, order = 'False') =>
	`{'descr': '${descr}', 'fortran_order': ${order}, 'shape': (${shape}), }`;
const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

describe('npz', () => {
	test('arrays of numbers, by their names', () => {
		const arrays = readNpz(
			zipSync({
				'logits.npy': npy(header('<f4', '2, 3'), bytesOf(Float32Array.of(1, 2, 3, 4, 5, 6.5))),
				'input_ids.npy': npy(header('<i8', '2,'), bytesOf(BigInt64Array.of(7n, -8n))),
				'wide.npy': npy(header('<f8', ''), bytesOf(Float64Array.of(0.25))),
			}),
		);
		assert.deepEqual(arrays.get('logits'), { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6.5) });
		assert.deepEqual(arrays.get('input_ids'), { shape: [2], data: Float32Array.of(7, -8) });
		assert.deepEqual(arrays.get('wide'), { shape: [], data: Float32Array.of(0.25) });
	});

	const refused: [what: string, bytes: Uint8Array, wording: RegExp][] = [
		['no zip', Uint8Array.of(1, 2, 3), /not an NPZ/],
		['no array', zipSync({ 'a.npy': Uint8Array.of(1, 2, 3) }), /"a\.npy" is no NumPy array/],
		['objects', zipSync({ 'a.npy': npy(header('|O', '1,'), new Uint8Array(8)) }), /header that is not supported/],
		[
			'another order',
			zipSync({ 'a.npy': npy(header('<f4', '1, 1', 'True'), new Uint8Array(4)) }),
			/header that is not supported/,
		],
		['another size', zipSync({ 'a.npy': npy(header('<f4', '2,'), new Uint8Array(4)) }), /another size/],
		['a huge extent', zipSync({ 'a.npy': npy(header('<f4', '99999999999, 99999999999'), new Uint8Array(4)) }), /another size/],
	];
	for (const [what, bytes, wording] of refused) {
		test(`refused: ${what}`, () => {
			assert.throws(
				() => readNpz(bytes),
				(error: unknown) => error instanceof EngineError && wording.test(error.message),
			);
		});
	}
});
