/** Weights outside a graph's file: which files, which bytes of them, and whether a graph may ask for those. */
import { EngineError, quoted } from '../error';
import { TensorProto_DataLocation as Location } from './onnx_pb';
import { subgraphs, type GraphProto, type Model, type NodeProto, type TensorProto } from './proto';

/** Where the bytes of a tensor are. */
interface Reference {
	location: string;
	offset: number;
	/** Absent: up to the file's end. */
	length?: number;
}

/** All tensors that the runtime reads, those inside nodes included. */
function tensorsOf(graph: GraphProto): TensorProto[] {
	const sparse = graph.sparseInitializer.flatMap(({ values, indices }) => [values, indices]);
	return [...graph.initializer, ...sparse, ...graph.node.flatMap(nodeTensors)].filter((tensor) => tensor !== undefined);
}

function nodeTensors(node: NodeProto): TensorProto[] {
	const own = node.attribute.flatMap(({ t, tensors, sparseTensor, sparseTensors }) => [
		t,
		...tensors,
		...[sparseTensor, ...sparseTensors].flatMap((one) => [one?.values, one?.indices]),
	]);
	return [...own.filter((tensor) => tensor !== undefined), ...subgraphs(node).flatMap(tensorsOf)];
}

function isExternal({ dataLocation, externalData }: TensorProto): boolean {
	return dataLocation === Location.EXTERNAL || externalData.length > 0;
}

function allTensors({ graph, functions, trainingInfo }: Model): TensorProto[] {
	const training = trainingInfo.flatMap(({ initialization, algorithm }) => [initialization, algorithm]);
	return [
		...[graph, ...training].flatMap((one) => (one ? tensorsOf(one) : [])),
		...functions.flatMap(({ node }) => node.flatMap(nodeTensors)),
	];
}

/** Names of the files that a model's tensors lie in, as the model spells them. */
export function locationsOf(model: Model): string[] {
	return [
		...new Set(
			allTensors(model)
				.filter(isExternal)
				.map((tensor) => referenceOf(tensor).location),
		),
	];
}

function referenceOf({ name, externalData }: TensorProto): Reference {
	const entries = new Map(externalData.map(({ key, value }) => [key, value]));
	const [offset, length] = ['offset', 'length'].map((key) => {
		const text = entries.get(key);
		if (text !== undefined && !/^\d{1,15}$/.test(text)) {
			throw new EngineError(`The weights ${quoted(name)} have no sound ${key}: export the model again.`, 'bad-model');
		}
		return text === undefined ? undefined : Number(text);
	});
	return { location: entries.get('location') ?? '', offset: offset ?? 0, length };
}

/** Fails where a tensor asks for another file than `files` (name to size in bytes), or for bytes that it does not have. */
export function checkReferences(model: Model, files: ReadonlyMap<string, number>): void {
	for (const tensor of allTensors(model).filter(isExternal)) {
		const { location, offset, length = 0 } = referenceOf(tensor);
		const size = files.get(location);
		if (size === undefined) {
			throw new EngineError(
				`The weights ${quoted(tensor.name)} lie in ${quoted(location)}, which is not one of the model's own files: choose another model.`,
				'bad-model',
			);
		}
		if (offset + length > size) {
			throw new EngineError(
				`The file ${quoted(location)} is cut off: it has ${size} bytes, and the weights ${quoted(tensor.name)} end at ${offset + length}. Download or export it again.`,
				'bad-model',
			);
		}
	}
}

/** Spells the files as they are called on the disk. */
export function relocate(model: Model, names: ReadonlyMap<string, string>): void {
	for (const tensor of allTensors(model).filter(isExternal)) {
		for (const entry of tensor.externalData.filter(({ key }) => key === 'location')) {
			entry.value = names.get(entry.value) ?? entry.value;
		}
	}
}
