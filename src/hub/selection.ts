/** Which files of a repository a model needs: one graph among its variants, the graph's external data, tokenizer and configuration. */
import { HubError } from './error';
import type { Repository, RepositoryFile } from './repository';

/** One way to have the model: a precision, or the only one there is. */
export interface Variant {
	/** `fp32`, `fp16`, `int8`, `q4`, …: as the file's name says. */
	name: string;
	/** The graph; with slashes. */
	graph: string;
	files: RepositoryFile[];
	bytes: number;
}

/** Beside the graph or in the root. */
const COMPANIONS = new Set([
	'config.json',
	'generation_config.json',
	'genai_config.json',
	'tokenizer.json',
	'tokenizer_config.json',
	'special_tokens_map.json',
	'added_tokens.json',
	'chat_template.jinja',
	'chat_template.json',
	'vocab.json',
	'merges.txt',
	'tokenizer.model',
]);

/** Decoder graphs as exporters name them, with what the name says of the precision. A merged decoder serves both with and without cache. */
const GRAPH = /^(model|decoder_model_merged|decoder_with_past_model|decoder_model)(?:_([a-z0-9_]+?))?\.onnx$/;
const ORDER = ['model', 'decoder_model_merged', 'decoder_with_past_model', 'decoder_model'];

/** External data is called after the graph: model.onnx_data, model.onnx_data_1, model.onnx.data. */
const EXTERNAL = /^[._]data(?:_\d+)?$/;

/** How names of exporters read here. */
const PRECISIONS: ReadonlyMap<string, string> = new Map([
	['', 'fp32'],
	['quantized', 'int8'],
	['uint8', 'int8'],
	['bnb4', 'q4 (bitsandbytes)'],
]);

/** Smallest first. Fails where there is none. */
export function variantsOf({ id, files }: Pick<Repository, 'id' | 'files'>): Variant[] {
	const graphs = files.flatMap((file) => {
		const match = GRAPH.exec(nameOf(file.path));
		return match ? [{ file, kind: match[1]!, precision: match[2] ?? '' }] : [];
	});
	const kinds = ORDER.filter((kind) => graphs.some((graph) => graph.kind === kind));
	const found = graphs
		.filter(({ kind }) => kind === kinds[0])
		.map(({ file, precision }): Variant => {
			const folder = folderOf(file.path);
			const data = files.filter(({ path }) => path.startsWith(file.path) && EXTERNAL.test(path.slice(file.path.length)));
			const companions = files.filter(({ path }) => COMPANIONS.has(nameOf(path)) && [folder, ''].includes(folderOf(path)));
			const needed = [file, ...data, ...companions];
			return {
				name: PRECISIONS.get(precision) ?? precision,
				graph: file.path,
				files: needed,
				bytes: needed.reduce((sum, one) => sum + one.bytes, 0),
			};
		});
	if (found.length === 0) {
		throw new HubError(
			`${id} has no ONNX decoder (model.onnx or decoder_model_merged.onnx): look for an ONNX export of it, or export it yourself.`,
			'not-found',
		);
	}
	return found.sort((a, b) => a.bytes - b.bytes);
}

function nameOf(path: string): string {
	return path.slice(path.lastIndexOf('/') + 1);
}

/** Empty for the root. */
function folderOf(path: string): string {
	return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
