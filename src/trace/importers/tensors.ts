/** Tensors of floats that lie in a file, read by range: safetensors, npy, npz. */
import type { ByteSource } from '../bytes';
import { fromHalf } from '../half';
import { refuse, quote } from './limits';

export interface Tensor {
	name: string;
	/** Safetensors' name of the type. */
	dtype: string;
	/** Row-major. */
	shape: readonly number[];
	/** Values [start, start + count) as the bytes that they are stored in. */
	bytes(start: number, count: number): Promise<Uint8Array>;
}

/** Bytes a value of what can be read as activations. */
export const FLOATS: ReadonlyMap<string, number> = new Map([
	['F16', 2],
	['BF16', 2],
	['F32', 4],
	['F64', 8],
]);

/** A stretch of the file. */
export function storedTensor(source: ByteSource, name: string, dtype: string, shape: readonly number[], start: number): Tensor {
	const size = FLOATS.get(dtype) ?? 0;
	return { name, dtype, shape, bytes: (first, count) => source.read(start + first * size, count * size) };
}

export async function readFloats({ name, dtype, bytes }: Tensor, start: number, count: number): Promise<Float32Array> {
	const data = await bytes(start, count);
	const aligned = data.byteOffset % 8 === 0 ? data : new Uint8Array(data);
	switch (dtype) {
		case 'F16':
			return fromHalf(new Uint16Array(aligned.buffer, aligned.byteOffset, count));
		case 'BF16':
			return fromBfloat(new Uint16Array(aligned.buffer, aligned.byteOffset, count));
		case 'F32':
			return new Float32Array(aligned.buffer, aligned.byteOffset, count);
		case 'F64':
			return Float32Array.from(new Float64Array(aligned.buffer, aligned.byteOffset, count));
		default:
			return refuse(`tensor ${quote(name)} has the type ${quote(dtype)}`, 'save it as float16, bfloat16, float32 or float64');
	}
}

/** The upper half of a float32. */
function fromBfloat(bits: Uint16Array): Float32Array {
	const words = Uint32Array.from(bits, (half) => half << 16);
	return new Float32Array(words.buffer);
}

/** Names and shapes for a message: of many only the first. */
export function described(tensors: readonly Pick<Tensor, 'name' | 'dtype' | 'shape'>[]): string {
	const shown = tensors.slice(0, MAX_DESCRIBED).map(({ name, dtype, shape }) => `${quote(name)} ${dtype} [${shape.join(', ')}]`);
	return shown.join(', ') + (tensors.length > shown.length ? ` and ${tensors.length - shown.length} more` : '');
}

const MAX_DESCRIBED = 8;
