/** IEEE 754 binary16 as bits, because a Float16Array neither exists in Node 20 nor crosses every message channel. */

const word = new Float32Array(1);
const wordBits = new Uint32Array(word.buffer);

/**
 * Rounds to the nearest half, ties to even. NaN becomes the quiet NaN of the same sign; values of 65520 and above become
 * infinite.
 */
function halfBits(bits: number): number {
	const sign = (bits >>> 16) & 0x8000;
	const magnitude = bits & 0x7fffffff;
	if (magnitude >= 0x7f800000) {
		return magnitude > 0x7f800000 ? sign | 0x7e00 : sign | 0x7c00;
	}
	if (magnitude >= 0x477ff000) {
		return sign | 0x7c00;
	}
	if (magnitude >= 0x38800000) {
		// Normal: drop 13 bits of the mantissa; the carry of rounding runs into the exponent, as it should.
		return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
	}
	if (magnitude <= 0x33000000) {
		return sign;
	}
	const shift = 126 - (magnitude >>> 23);
	const mantissa = (magnitude & 0x7fffff) | 0x800000;
	const half = mantissa >>> shift;
	const rest = mantissa & ((1 << shift) - 1);
	const tie = 1 << (shift - 1);
	return sign | (half + (rest > tie || (rest === tie && (half & 1) === 1) ? 1 : 0));
}

function halfValue(bits: number): number {
	const sign = bits & 0x8000 ? -1 : 1;
	const exponent = (bits >>> 10) & 31;
	const mantissa = bits & 0x3ff;
	if (exponent === 31) {
		return mantissa ? NaN : sign * Infinity;
	}
	return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
}

/** All 65 536 values, made on first use: 256 KiB buy a decode of one load a value. */
let values: Float32Array | undefined;

export function toHalf(source: Float32Array): Uint16Array {
	const out = new Uint16Array(source.length);
	for (let i = 0; i < source.length; i++) {
		word[0] = source[i]!;
		out[i] = halfBits(wordBits[0]!);
	}
	return out;
}

export function fromHalf(bits: Uint16Array): Float32Array {
	values ??= Float32Array.from({ length: 0x10000 }, (_, i) => halfValue(i));
	const out = new Float32Array(bits.length);
	for (let i = 0; i < bits.length; i++) {
		out[i] = values[bits[i]!]!;
	}
	return out;
}
