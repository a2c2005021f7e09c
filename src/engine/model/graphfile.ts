/** A graph of a model folder: checked against its manifest, and for the weights that it refers to, before the runtime sees it. */
import { EngineError, quoted } from '../error';
import { readChecked } from './folder';
import { checkReferences } from '../instrument/external';
import { checkOperators } from '../instrument/operators';
import { partOf } from '../instrument/part';
import { parseModel } from '../instrument/proto';
import type { ManifestFile } from './manifest';
import type { Graph, Opening, Runtime } from '../runtime';

export interface GraphFile {
	folder: string;
	file: ManifestFile;
	/** Folder of the weights, and the sizes of those that the manifest names, in bytes. */
	weights: string;
	sizes: ReadonlyMap<string, number>;
	opening: Opening;
	signal: AbortSignal;
	/** What is opened in the place of the file's bytes; for controls. */
	change?(graph: Uint8Array): Uint8Array;
}

export async function openGraph(runtime: Runtime, graph: GraphFile): Promise<Graph> {
	return openBytes(runtime, graph, await changedOf(graph));
}

/** What computes `output` from `input` alone, by itself; undefined where more goes into it. */
export async function openPart(runtime: Runtime, graph: GraphFile, input: string, output: string): Promise<Graph | undefined> {
	const part = partOf(await changedOf(graph), input, output);
	return part && openBytes(runtime, graph, part);
}

async function changedOf({ folder, file, signal, change }: GraphFile): Promise<Uint8Array> {
	const read = await readChecked(folder, file, signal);
	return change?.(read) ?? read;
}

async function openBytes(runtime: Runtime, { file, weights, sizes, opening }: GraphFile, bytes: Uint8Array): Promise<Graph> {
	try {
		const model = parseModel(bytes);
		checkOperators(model);
		checkReferences(model, sizes);
		return await runtime.open(bytes, weights, opening);
	} catch (error) {
		const reason = (error as Error).message.split('\n')[0]!.slice(0, 300);
		throw new EngineError(`The model's ${quoted(file.name)} does not load (${reason}): export or add it again.`, 'bad-model');
	}
}
