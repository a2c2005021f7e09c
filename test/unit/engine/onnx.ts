/** The smallest ONNX graphs there are, written by hand: one operator on float32 tensors. */

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
	const node = [...inputs.flatMap(({ name }) => nested(1, name)), ...nested(2, output.name), ...nested(4, operator)];
	const graph = [
		...nested(1, node),
		...nested(2, operator),
		...[...new Map(inputs.map((value) => [value.name, value])).values()].flatMap((value) => nested(11, info(value))),
		...nested(12, info(output)),
	];
	return Uint8Array.from([...number(1, 8), ...nested(7, graph), ...nested(8, number(2, 17))]);
}
