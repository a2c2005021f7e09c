/** The graphs of a model folder, open and checked against the model contract. */
import type { ProviderName } from '../../shared/execution';
import { preludeOf } from '../depth/layout';
import { checkBody, checkCoda, checkCore, checkEmbed, checkHead, checkReadout, checkThought } from './contract';
import { EngineError, quoted } from '../error';
import { openGraph, openPart } from './graphfile';
import type { Manifest, ManifestFile } from './manifest';
import { latentsOf, throughOf } from './recipeSchema';
import type { Graph, Runtime } from '../runtime';

export interface Graphs {
	body: Graph;
	/** Of a model that loops over depth; then the body is its prelude. */
	core?: Graph;
	coda?: Graph;
	head: Graph;
	/** A part of the head's file. */
	norm: Graph;
	/** A part of the body's, where there is such a part. */
	embedder?: Graph;
	/** By the names that recipes call them. */
	thoughts: ReadonlyMap<string, Graph>;
	embed?: Graph;
	readout?: Graph;
}

export interface Opening {
	folder: string;
	manifest: Manifest;
	signal: AbortSignal;
	progress(message: string, fraction: number): void;
	/** What is opened in the place of a graph's bytes; for controls. */
	change?(graph: Uint8Array): Uint8Array;
}

/** Those that are open when one of them fails are closed again. `weights`: the folder of the weights that graphs refer to. */
export async function openGraphs(
	runtime: Runtime,
	{ folder, manifest, signal, progress, change }: Opening,
	weights: string,
	opening: { provider: ProviderName; lowMemory: boolean },
): Promise<Graphs> {
	const { files, shape, recipe, layout } = manifest;
	const sizes = new Map(files.weights.map(({ name, bytes }) => [name, bytes]));
	const opened: Graph[] = [];
	const located = (file: ManifestFile) => ({ folder, file, weights, sizes, opening, signal, change });
	const open = async (file: ManifestFile, check: (graph: Graph) => void) => {
		const found = await openGraph(runtime, located(file));
		opened.push(found);
		check(found);
		return found;
	};
	const part = async (file: ManifestFile, input: string, output: string) => {
		const found = await openPart(runtime, located(file), input, output);
		opened.push(...(found ? [found] : []));
		return found;
	};
	try {
		progress('Loading the body', 0.1);
		const body = await open(files.body, (found) => checkBody(found, { ...manifest, shape: layout ? preludeOf(shape, layout) : shape }));
		const usesGate = recipe.depth?.stop?.some(({ rule }) => rule === 'gate') === true;
		const core = layout && (await open(files.core!, (found) => checkCore(found, shape, layout, usesGate)));
		const coda = layout && files.coda && (await open(files.coda, (found) => checkCoda(found, shape, layout)));
		progress('Loading the head', 0.5);
		const head = await open(files.head, (found) => checkHead(found, shape));
		const norm = await part(files.head, 'hidden', 'normed');
		if (!norm) {
			throw new EngineError(`The model's ${quoted(files.head.name)} does not compute normed from hidden alone: export it again.`, 'bad-model');
		}
		const embedder = manifest.logitsOnly === undefined ? await part(files.body, 'input_ids', 'token_embeds') : undefined;
		const thoughts = new Map<string, Graph>();
		for (const [name, file] of Object.entries({ ...files.graphs, ...(files.thought ? { thought: files.thought } : {}) })) {
			const uses = latentsOf(recipe.arms).flatMap(({ segment }) => (throughOf(segment, files.thought !== undefined) === name ? [segment] : []));
			thoughts.set(name, await open(file, (found) => checkThought(found, shape, name, uses)));
		}
		return {
			body,
			core,
			coda,
			head,
			norm,
			embedder,
			thoughts,
			embed: files.embed && (await open(files.embed, (found) => checkEmbed(found, shape))),
			readout: files.readout && (await open(files.readout, (found) => checkReadout(found, shape))),
		};
	} catch (error) {
		opened.forEach((one) => one.dispose());
		throw error;
	}
}

export function disposeAll({ body, core, coda, head, norm, embedder, thoughts, embed, readout }: Graphs): void {
	[body, core, coda, head, norm, embedder, ...thoughts.values(), embed, readout].forEach((graph) => graph?.dispose());
}
