/** The smallest graph that says whether a provider computes: the product of two matrices. */
import { create } from '@bufbuild/protobuf';
import { ModelProtoSchema } from './onnx_pb';
import { DataType, node, serialise, value } from './proto';

/** As old as what every provider reads. */
const IR_VERSION = 8n;
const OPSET = 17n;

/** `left` and `right` float32 [extent, extent] in, `product` out. */
export function productGraph(extent: number): Uint8Array {
	const matrix = (name: string) => value(name, DataType.FLOAT, [extent, extent]);
	const graph = {
		name: 'product',
		node: [node('MatMul', ['left', 'right'], ['product'])],
		input: [matrix('left'), matrix('right')],
		output: [matrix('product')],
	};
	return serialise(create(ModelProtoSchema, { irVersion: IR_VERSION, opsetImport: [{ domain: '', version: OPSET }], graph }));
}
