/**
 * A decoder's export, made without Python: two blocks of pre-norm attention and ReLU with random weights, keys and values in a cache, and the
 * tokenizer of the bundled model. It computes what its graph says and has learned nothing.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { create } from '@bufbuild/protobuf';
import { ModelProtoSchema, TensorProtoSchema, type NodeProto, type TensorProto } from '../../../src/engine/instrument/onnx_pb';
import { DataType, integers, node, serialise, value, whole, wholes } from '../../../src/engine/instrument/proto';
import { generator } from '../../../src/shared/random';

export const DECODER = { layers: 2, width: 16, heads: 2, headWidth: 8, vocabulary: 193, context: 160 };

const { layers, width, heads, headWidth, vocabulary, context } = DECODER;
const OPSET = 17;
const IR_VERSION = 8;

export interface ExportOptions {
	/** A Jinja template beside the graph. */
	chat?: string;
	seed?: number;
	/** The project's folder, where it is not the current one. */
	project?: string;
	tokenizer?: boolean;
}

/** The files of an export, by their names. */
export function writeExport(folder: string, { chat, seed = 1, project = '.', tokenizer = true }: ExportOptions = {}): string {
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, 'model.onnx'), decoder(seed));
	writeFileSync(join(folder, 'config.json'), JSON.stringify({ model_type: 'tiny', max_position_embeddings: context, eos_token_id: 6 }));
	if (tokenizer) {
		copyFileSync(join(project, 'models', 'prosqa', 'tokenizer.json'), join(folder, 'tokenizer.json'));
	}
	if (chat !== undefined) {
		writeFileSync(join(folder, 'chat_template.jinja'), chat);
	}
	return folder;
}

export function decoder(seed = 1): Uint8Array {
	const weights = new Weights(seed);
	const nodes: NodeProto[] = [
		node('Gather', [weights.matrix('embedding', vocabulary, width), 'input_ids'], ['x.0']),
		node('Shape', ['input_ids'], ['ids.shape']),
		node('Gather', ['ids.shape', weights.integer('one', 1)], ['length']),
		node('Shape', ['past_key_values.0.key'], ['past.shape']),
		node('Gather', ['past.shape', weights.integer('two', 2)], ['past']),
		node('Add', ['past', 'length'], ['total']),
		node('Range', ['past', 'total', 'one'], ['asking']),
		node('Range', [weights.integer('zero', 0), 'total', 'one'], ['asked']),
		node('Unsqueeze', ['asking', weights.integers('axis', [1])], ['asking.column']),
		node('LessOrEqual', ['asked', 'asking.column'], ['seen']),
		node('Where', ['seen', weights.scalar('nothing', 0), weights.scalar('hidden', -1e9)], ['mask']),
	];
	weights.integers('split', [0, 0, heads, headWidth]);
	weights.integers('join', [0, 0, width]);
	weights.scalar('scale', 1 / Math.sqrt(headWidth));
	for (let layer = 0; layer < layers; layer++) {
		nodes.push(...block(layer, weights));
	}
	nodes.push(norm(`x.${layers}`, 'normed', weights), node('MatMul', ['normed', weights.matrix('unembedding', width, vocabulary)], ['logits']));
	const caches = Array.from({ length: layers }, (_, l) => ['key', 'value'].map((part) => `${l}.${part}`)).flat();
	return serialise(
		create(ModelProtoSchema, {
			irVersion: BigInt(IR_VERSION),
			opsetImport: [{ domain: '', version: BigInt(OPSET) }],
			graph: {
				name: 'decoder',
				node: nodes,
				initializer: weights.tensors,
				input: [
					value('input_ids', DataType.INT64, ['batch', 'length']),
					...caches.map((name) => value(`past_key_values.${name}`, DataType.FLOAT, ['batch', heads, 'past', headWidth])),
				],
				output: [
					value('logits', DataType.FLOAT, ['batch', 'length', vocabulary]),
					...caches.map((name) => value(`present.${name}`, DataType.FLOAT, ['batch', heads, 'total', headWidth])),
				],
			},
		}),
	);
}

/** x.l to x.(l+1): attention and a hidden layer, each added to the stream. */
function block(layer: number, weights: Weights): NodeProto[] {
	const own = (name: string) => `${layer}.${name}`;
	const projected = (name: string): NodeProto[] => [
		node('MatMul', [own('n'), weights.matrix(own(`w.${name}`), width, width)], [own(`${name}.flat`)]),
		node('Reshape', [own(`${name}.flat`), 'split'], [own(`${name}.split`)]),
		node('Transpose', [own(`${name}.split`)], [own(name)], [wholes('perm', [0, 2, 1, 3])]),
	];
	return [
		norm(`x.${layer}`, own('n'), weights),
		...['q', 'k', 'v'].flatMap(projected),
		node('Concat', [`past_key_values.${layer}.key`, own('k')], [`present.${layer}.key`], [whole('axis', 2)]),
		node('Concat', [`past_key_values.${layer}.value`, own('v')], [`present.${layer}.value`], [whole('axis', 2)]),
		node('Transpose', [`present.${layer}.key`], [own('keys')], [wholes('perm', [0, 1, 3, 2])]),
		node('MatMul', [own('q'), own('keys')], [own('scores')]),
		node('Mul', [own('scores'), 'scale'], [own('scaled')]),
		node('Add', [own('scaled'), 'mask'], [own('masked')]),
		node('Softmax', [own('masked')], [own('attention')], [whole('axis', -1)]),
		node('MatMul', [own('attention'), `present.${layer}.value`], [own('mixed')]),
		node('Transpose', [own('mixed')], [own('mixed.split')], [wholes('perm', [0, 2, 1, 3])]),
		node('Reshape', [own('mixed.split'), 'join'], [own('mixed.flat')]),
		node('MatMul', [own('mixed.flat'), weights.matrix(own('w.o'), width, width)], [own('attended')]),
		node('Add', [`x.${layer}`, own('attended')], [own('x')]),
		norm(own('x'), own('m'), weights),
		node('MatMul', [own('m'), weights.matrix(own('w.1'), width, 2 * width)], [own('up')]),
		node('Relu', [own('up')], [own('relu')]),
		node('MatMul', [own('relu'), weights.matrix(own('w.2'), 2 * width, width)], [own('down')]),
		node('Add', [own('x'), own('down')], [`x.${layer + 1}`]),
	];
}

function norm(from: string, to: string, weights: Weights): NodeProto {
	return node('LayerNormalization', [from, weights.ones('gain')], [to], [whole('axis', -1)]);
}

/** Every value by the name under which it is read. */
class Weights {
	readonly tensors: TensorProto[] = [];
	private readonly random: () => number;

	constructor(seed: number) {
		this.random = generator(seed, 'decoder');
	}

	/** Uniform, of about unit scale after a product. */
	matrix(name: string, rows: number, columns: number): string {
		const scale = Math.sqrt(12 / rows) * (name === 'embedding' ? Math.sqrt(rows / 12) : 1);
		const values = Float32Array.from({ length: rows * columns }, () => (this.random() - 0.5) * 2 * scale);
		return this.add(name, [rows, columns], values);
	}

	ones(name: string): string {
		return this.tensors.some((tensor) => tensor.name === name) ? name : this.add(name, [width], new Float32Array(width).fill(1));
	}

	scalar(name: string, number: number): string {
		return this.add(name, [], Float32Array.of(number));
	}

	integer(name: string, number: number): string {
		this.tensors.push(integers(name, [number], true));
		return name;
	}

	integers(name: string, numbers: number[]): string {
		this.tensors.push(integers(name, numbers));
		return name;
	}

	private add(name: string, dims: number[], values: Float32Array<ArrayBuffer>): string {
		const rawData = new Uint8Array(values.buffer);
		this.tensors.push(create(TensorProtoSchema, { name, dataType: DataType.FLOAT, dims: dims.map(BigInt), rawData }));
		return name;
	}
}
