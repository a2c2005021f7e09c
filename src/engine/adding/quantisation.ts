/** How a graph's weights are stored, as manifests call it. */
import { DataType, type GraphProto } from '../instrument/proto';

const INT8_OPERATORS = /^(MatMulInteger|DynamicQuantize|QLinear|QGemm|QAttention|ConvInteger)/;
const BLOCK_OPERATORS = new Set(['MatMulNBits', 'GatherBlockQuantized']);
const FOUR_BITS = new Set([DataType.INT4, DataType.UINT4]);
const EIGHT_BITS = new Set([DataType.INT8, DataType.UINT8]);

export function quantisationOf({ node, initializer }: GraphProto): string {
	const types = new Map(initializer.map(({ name, dataType }) => [name, dataType]));
	const bits = node
		.filter(({ opType }) => BLOCK_OPERATORS.has(opType))
		.map(({ attribute }) => Number(attribute.find(({ name }) => name === 'bits')?.i ?? 4n));
	const dequantised = node.filter(({ opType }) => opType === 'DequantizeLinear').map(({ input }) => types.get(input[0] ?? ''));
	if (bits.some((count) => count <= 4) || dequantised.some((type) => type !== undefined && FOUR_BITS.has(type))) {
		return 'q4';
	}
	const isInt8 =
		node.some(({ opType }) => INT8_OPERATORS.test(opType)) ||
		dequantised.some((type) => type !== undefined && EIGHT_BITS.has(type));
	if (bits.length > 0 || isInt8) {
		return 'int8';
	}
	const elements = (type: DataType) =>
		initializer
			.filter(({ dataType }) => dataType === type)
			.reduce((sum, { dims }) => sum + Number(dims.reduce((a, b) => a * b, 1n)), 0);
	return elements(DataType.FLOAT16) > elements(DataType.FLOAT) ? 'fp16' : 'fp32';
}
