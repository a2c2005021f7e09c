import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHalf, toHalf } from '../../../src/trace/half';

/** The definition, value by value: written independently of the code under test, slow and plain. */
function reference(bits: number): number {
	const sign = bits >>> 15 ? -1 : 1;
	const exponent = (bits >>> 10) & 31;
	const fraction = (bits & 1023) / 1024;
	return exponent === 0
		? sign * 2 ** -14 * fraction
		: exponent === 31
			? fraction
				? NaN
				: sign * Infinity
			: sign * 2 ** (exponent - 15) * (1 + fraction);
}

const all = Uint16Array.from({ length: 0x10000 }, (_, i) => i);

describe('half precision', () => {
	test('every one of the 65 536 halves decodes to its definition', () => {
		const values = fromHalf(all);
		for (const bits of all) {
			assert.ok(Object.is(values[bits], reference(bits)), `0x${bits.toString(16)}: ${values[bits]}`);
		}
	});

	test('every half survives the way there and back; NaN stays NaN', () => {
		const back = toHalf(fromHalf(all));
		for (const bits of all) {
			const nan = (bits & 0x7c00) === 0x7c00 && (bits & 0x3ff) !== 0;
			assert.equal(nan ? back[bits]! & 0x7e00 : back[bits], nan ? 0x7e00 : bits);
		}
	});

	test('between two neighbours the nearer one is taken, and the even one at the tie', () => {
		for (let bits = 0; bits < 0x7c00; bits++) {
			const low = reference(bits);
			const high = bits === 0x7bff ? 65536 : reference(bits + 1);
			const middle = (low + high) / 2;
			const step = Math.max((high - low) / 8, 2 ** -149);
			assert.deepEqual(
				[...toHalf(Float32Array.of(middle, middle - step, middle + step, -middle))],
				[bits + (bits & 1), bits, bits + 1, (bits + (bits & 1)) | 0x8000],
			);
		}
	});

	test('any float lands on a half that no other half beats', () => {
		fc.assert(
			fc.property(fc.float({ noNaN: true }), (value) => {
				const [bits] = toHalf(Float32Array.of(value));
				const distance = (other: number) =>
					Math.abs(
						(Math.abs(reference(other)) === Infinity ? Math.sign(reference(other)) * 65536 : reference(other)) -
							value,
					);
				for (const other of [bits! - 1, bits! + 1]) {
					assert.ok(
						(bits! & 0x7fff) === 0 || !(distance(other) < distance(bits!)),
						`${value} became ${reference(bits!)}`,
					);
				}
			}),
		);
	});

	test('infinities, NaN, overflow, underflow', () => {
		assert.deepEqual(
			[...toHalf(Float32Array.of(Infinity, -Infinity, NaN, 65519.9, 65520, 1e30, -1e30, 1e-30, -0))],
			[0x7c00, 0xfc00, 0x7e00, 0x7bff, 0x7c00, 0x7c00, 0xfc00, 0, 0x8000],
		);
	});
});
