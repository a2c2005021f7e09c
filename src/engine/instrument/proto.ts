/** ONNX models as messages, and the few pieces that are put into them. Fields that the schema does not know are kept. */
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { EngineError } from '../error';
import {
	AttributeProto_AttributeType as AttributeType,
	AttributeProtoSchema,
	ModelProtoSchema,
	NodeProtoSchema,
	TensorProto_DataType as DataType,
	TensorProtoSchema,
	ValueInfoProtoSchema,
	type AttributeProto,
	type GraphProto,
	type ModelProto,
	type NodeProto,
	type TensorProto,
	type ValueInfoProto,
} from './onnx_pb';

/** A model whose graph is there. */
export type Model = ModelProto & { graph: GraphProto };

/** Bytes inside the model are views into `bytes`, not copies. */
export function parseModel(bytes: Uint8Array): Model {
	let model: ModelProto;
	try {
		model = fromBinary(ModelProtoSchema, bytes);
	} catch (error) {
		throw new EngineError(
			`The file is not an ONNX model, or is cut off (${(error as Error).message.slice(0, 100)}): export it again.`,
			'bad-model',
		);
	}
	if (!model.graph || model.graph.node.length === 0) {
		throw new EngineError('The file is not an ONNX model, because it has no graph: name an .onnx file.', 'bad-model');
	}
	return model as Model;
}

export function serialise(model: ModelProto): Uint8Array {
	return toBinary(ModelProtoSchema, model);
}

/** Without a name: names must be unique, and nobody needs them. */
export function node(opType: string, input: string[], output: string[], attribute: AttributeProto[] = []): NodeProto {
	return create(NodeProtoSchema, { opType, input, output, attribute });
}

export function whole(name: string, value: number): AttributeProto {
	return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
}

export function wholes(name: string, values: readonly number[]): AttributeProto {
	return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: values.map(BigInt) });
}

/** Extents are numbers, or names where they vary. */
export function value(name: string, elemType: DataType, dims: readonly (number | string)[]): ValueInfoProto {
	const dim = dims.map((extent) => ({
		value:
			typeof extent === 'number'
				? { case: 'dimValue' as const, value: BigInt(extent) }
				: { case: 'dimParam' as const, value: extent },
	}));
	return create(ValueInfoProtoSchema, { name, type: { value: { case: 'tensorType', value: { elemType, shape: { dim } } } } });
}

/** An output whose type the runtime infers. */
export function untyped(name: string): ValueInfoProto {
	return create(ValueInfoProtoSchema, { name });
}

/** An int64 constant: a vector, or a scalar. */
export function integers(name: string, values: readonly number[], scalar = false): TensorProto {
	return create(TensorProtoSchema, {
		name,
		dataType: DataType.INT64,
		dims: scalar ? [] : [BigInt(values.length)],
		rawData: new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
	});
}

/** Extents of a graph's input or output; absent where the graph does not say. */
export function dimsOf(info: ValueInfoProto): (number | string)[] | undefined {
	const type = info.type?.value;
	if (type?.case !== 'tensorType' || !type.value.shape) {
		return undefined;
	}
	return type.value.shape.dim.map(({ value: extent }) =>
		extent.case === 'dimValue' ? Number(extent.value) : extent.case === 'dimParam' ? extent.value : '',
	);
}

export function typeOf(info: ValueInfoProto): DataType | undefined {
	const type = info.type?.value;
	return type?.case === 'tensorType' ? (type.value.elemType as DataType) : undefined;
}

/** The graphs inside a node: branches and loop bodies. */
export function subgraphs({ attribute }: NodeProto): GraphProto[] {
	return attribute.flatMap(({ g, graphs }) => [...(g ? [g] : []), ...graphs]);
}

export { DataType };
export type { GraphProto, NodeProto, TensorProto, ValueInfoProto };
