/** Decompression that gives no more than was announced: a megabyte can unpack to a gigabyte of zeros. */
import { Inflate } from 'fflate';
import { Decompress } from 'fzstd';

/** Compressed bytes given at a time, so that the announced size is overrun by little before it is noticed. */
const STEP_BYTES = 64 * 1024;

export type Codec = 'stored' | 'deflate' | 'zstd';

/** Exactly `size` bytes. Throws a phrase. */
export function inflate(codec: Codec, data: Uint8Array, size: number): Uint8Array {
	if (codec === 'stored') {
		if (data.length !== size) {
			throw new Error('it has another size than announced');
		}
		return data;
	}
	const out = new Uint8Array(size);
	let filled = 0;
	const take = (chunk: Uint8Array) => {
		if (filled + chunk.length > size) {
			throw new Error('it unpacks to more than announced');
		}
		out.set(chunk, filled);
		filled += chunk.length;
	};
	const stream = codec === 'deflate' ? new Inflate(take) : new Decompress(take);
	for (let at = 0; at < data.length; at += STEP_BYTES) {
		stream.push(data.subarray(at, at + STEP_BYTES), at + STEP_BYTES >= data.length);
	}
	if (filled !== size) {
		throw new Error('it unpacks to less than announced');
	}
	return out;
}

/** Four tables of 256, so that four bytes are taken at a time ("slicing by 4", Kounavis and Berry 2005). */
let tables: Uint32Array | undefined;

function makeTables(): Uint32Array {
	const out = new Uint32Array(4 * 256);
	for (let i = 0; i < 256; i++) {
		let value = i;
		for (let bit = 0; bit < 8; bit++) {
			value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1;
		}
		out[i] = value;
	}
	for (let i = 256; i < out.length; i++) {
		out[i] = (out[i - 256]! >>> 8) ^ out[out[i - 256]! & 0xff]!;
	}
	return out;
}

/** CRC-32 of ISO 3309, as zip files hold it. */
export function crc32(data: Uint8Array): number {
	const table = (tables ??= makeTables());
	let crc = 0xffffffff;
	let i = 0;
	for (const end = data.length - 3; i < end; i += 4) {
		crc ^= data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
		crc = table[768 + (crc & 0xff)]! ^ table[512 + ((crc >>> 8) & 0xff)]! ^ table[256 + ((crc >>> 16) & 0xff)]! ^ table[crc >>> 24]!;
	}
	for (; i < data.length; i++) {
		crc = table[(crc ^ data[i]!) & 0xff]! ^ (crc >>> 8);
	}
	return (crc ^ 0xffffffff) >>> 0;
}
