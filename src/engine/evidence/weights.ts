/**
 * A model with random weights: every matrix of a graph with its values in another order, so that shapes and distributions stay
 * and nothing that was learned does. Walks the protobuf wire format of ONNX (onnx.proto3), in place and no further than it must.
 */
import { generator } from '../../shared/random';

/** Fields of ModelProto, GraphProto and TensorProto. */
const GRAPH = 7;
const INITIALIZER = 5;
const DIMS = 1;
const DATA_TYPE = 2;
const FLOAT_DATA = 4;
const NAME = 8;
const RAW_DATA = 9;
const DATA_LOCATION = 14;
const EXTERNAL = 1;
/** Bytes of the longest varint, of 64 bits. */
const MAX_VARINT = 10;

/** Bits of a value by TensorProto.DataType: float, float16, double, bfloat16, and what quantised weights are: 8 and 4 bits. */
const WEIGHT_BITS: ReadonlyMap<number, number> = new Map([
	[1, 32],
	[2, 8],
	[3, 8],
	[10, 16],
	[11, 64],
	[16, 16],
	[21, 4],
	[22, 4],
]);

/** Why a graph's weights cannot be put into another order: completes `because …`. */
export class WeightsError extends Error {}

interface Field {
	number: number;
	/** Of what has a length, or of a number of fixed size. */
	start: number;
	end: number;
	/** Of a varint; exact below 2^53, which no extent or type exceeds. */
	value?: number;
}

/** Reads [start, end) of `bytes`, and nothing beyond. */
class Cursor {
	constructor(
		private readonly bytes: Uint8Array,
		private at: number,
		private readonly end: number,
	) {}

	get left(): number {
		return this.end - this.at;
	}

	varint(): number {
		let value = 0;
		for (let factor = 1, read = 0; read < MAX_VARINT; factor *= 128, read++) {
			const byte = this.left > 0 ? this.bytes[this.at++]! : broken();
			value += (byte & 127) * factor;
			if (byte < 128) {
				return value;
			}
		}
		return broken();
	}

	skip(length: number): { start: number; end: number } {
		const start = this.at;
		this.at = length <= this.left ? start + length : broken();
		return { start, end: this.at };
	}
}

/** The fields of a message in [start, end). */
function* fields(bytes: Uint8Array, { start, end }: { start: number; end: number }): Generator<Field> {
	const cursor = new Cursor(bytes, start, end);
	while (cursor.left > 0) {
		const tag = cursor.varint();
		const number = Math.floor(tag / 8);
		switch (tag % 8) {
			case 0:
				yield { number, start, end: start, value: cursor.varint() };
				break;
			case 1:
				yield { number, ...cursor.skip(8) };
				break;
			case 2:
				yield { number, ...cursor.skip(cursor.varint()) };
				break;
			case 5:
				yield { number, ...cursor.skip(4) };
				break;
			default:
				broken();
		}
	}
}

function broken(): never {
	throw new WeightsError('its graph is not what ONNX writes');
}

interface Matrix {
	name: string;
	start: number;
	end: number;
	/** Of one value. */
	bytes: number;
}

/** The graph's matrices; a tensor of fewer than two axes is a bias or a norm's scale, and stays. */
function matrices(graph: Uint8Array): Matrix[] {
	const found: Matrix[] = [];
	for (const model of fields(graph, { start: 0, end: graph.length })) {
		for (const part of model.number === GRAPH ? fields(graph, model) : []) {
			const matrix = part.number === INITIALIZER ? matrixOf(graph, part) : undefined;
			if (matrix) {
				found.push(matrix);
			}
		}
	}
	return found;
}

function matrixOf(graph: Uint8Array, tensor: Field): Matrix | undefined {
	const dims: number[] = [];
	let type = 0;
	let name = '';
	let external = false;
	let data: Field | undefined;
	for (const field of fields(graph, tensor)) {
		switch (field.number) {
			case DIMS:
				dims.push(...(field.value === undefined ? packed(graph, field) : [field.value]));
				break;
			case DATA_TYPE:
				type = field.value ?? 0;
				break;
			case NAME:
				name = new TextDecoder().decode(graph.subarray(field.start, field.end));
				break;
			case DATA_LOCATION:
				external ||= field.value === EXTERNAL;
				break;
			case FLOAT_DATA:
			case RAW_DATA:
				data = field;
				break;
		}
	}
	const bits = WEIGHT_BITS.get(type);
	if (bits === undefined || dims.length < 2) {
		return undefined;
	}
	const length = Math.ceil((dims.reduce((product, extent) => product * extent, 1) * bits) / 8);
	if (external || !data || data.end - data.start !== length) {
		throw new WeightsError('its weights do not lie in the graph as plain values');
	}
	return { name, start: data.start, end: data.end, bytes: Math.ceil(bits / 8) };
}

function packed(graph: Uint8Array, { start, end }: Field): number[] {
	const cursor = new Cursor(graph, start, end);
	const values: number[] = [];
	while (cursor.left > 0) {
		values.push(cursor.varint());
	}
	return values;
}

/** A copy of the graph's bytes with the values of every matrix permuted. Fails with a `WeightsError`. */
export function randomised(graph: Uint8Array, seed: number): Uint8Array {
	const out = graph.slice();
	const found = matrices(out);
	if (found.length === 0) {
		throw new WeightsError('its graph holds no weights');
	}
	for (const { name, start, end, bytes } of found) {
		permute(out.subarray(start, end), bytes, generator(seed, name));
	}
	return out;
}

/** Fisher and Yates, on values of `size` bytes. */
function permute(data: Uint8Array, size: number, uniform: () => number): void {
	for (let left = data.length / size; left > 1; left--) {
		const chosen = Math.floor(uniform() * left);
		for (let i = 0, a = (left - 1) * size, b = chosen * size; i < size; i++, a++, b++) {
			const value = data[a]!;
			data[a] = data[b]!;
			data[b] = value;
		}
	}
}
