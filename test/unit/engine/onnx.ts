/** The smallest ONNX graphs there are, written by hand: operators without attributes on float32 tensors. */

/** Protocol buffers: a varint, a number, and a field with a length. */
function varint(value: number): number[] {
	return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >>> 7)];
}

function number(field: number, value: number): number[] {
	return [...varint(field << 3), ...varint(value)];
}

function nested(field: number, content: number[] | string): number[] {
	const bytes = typeof content === 'string' ? [...new TextEncoder().encode(content)] : content;
	return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes];
}

/** A tensor's name and extents: numbers, or names where they vary. */
export interface Value {
	name: string;
	dims: (number | string)[];
}

/** ValueInfoProto of a float32 tensor. */
function info({ name, dims }: Value): number[] {
	const shape = dims.flatMap((dim) => nested(1, typeof dim === 'number' ? number(1, dim) : nested(2, dim)));
	return [...nested(1, name), ...nested(2, nested(1, [...number(1, 1), ...nested(2, shape)]))];
}

/** output = operator(inputs), IR version 8, operator set 17. An input may be named twice. */
export function oneNode(operator: string, inputs: readonly Value[], output: Value): Uint8Array {
	const distinct = [...new Map(inputs.map((value) => [value.name, value])).values()];
	return nodes([{ operator, inputs: inputs.map(({ name }) => name), output: output.name }], distinct, [output]);
}

export interface Constant {
	name: string;
	dims: number[];
	values: Float32Array;
}

/** Operators in the order in which they are computed. */
export function nodes(
	list: readonly { operator: string; inputs: readonly string[]; output: string }[],
	inputs: readonly Value[],
	outputs: readonly Value[],
	constants: readonly Constant[] = [],
): Uint8Array {
	const graph = [
		...list.flatMap(({ operator, inputs: from, output }) =>
			nested(1, [...from.flatMap((name) => nested(1, name)), ...nested(2, output), ...nested(4, operator)]),
		),
		...nested(2, 'graph'),
		...constants.flatMap(({ name, dims, values }) =>
			nested(5, [
				...dims.flatMap((dim) => number(1, dim)),
				...number(2, 1),
				...nested(8, name),
				...nested(9, [...new Uint8Array(values.buffer, values.byteOffset, values.byteLength)]),
			]),
		),
		...inputs.flatMap((value) => nested(11, info(value))),
		...outputs.flatMap((value) => nested(12, info(value))),
	];
	return Uint8Array.from([...number(1, 8), ...nested(7, graph), ...nested(8, number(2, 17))]);
}
