/** The graphs of a model folder, open and checked against the model contract. */
import type { ProviderName } from '../shared/execution';
import { checkBody, checkEmbed, checkHead, checkReadout, checkThought } from './contract';
import { openGraph } from './graphfile';
import { normGraph } from './instrument/norm';
import type { Manifest, ManifestFile } from './manifest';
import { latentsOf, throughOf } from './recipeSchema';
import type { Graph, Runtime } from './runtime';

export interface Graphs {
	body: Graph;
	head: Graph;
	/** A part of the head's file. */
	norm: Graph;
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
	const { files, shape, recipe } = manifest;
	const sizes = new Map(files.weights.map(({ name, bytes }) => [name, bytes]));
	const opened: Graph[] = [];
	const open = async (file: ManifestFile, check: (graph: Graph) => void, changed = change) => {
		const found = await openGraph(runtime, { folder, file, weights, sizes, opening, signal, change: changed });
		opened.push(found);
		check(found);
		return found;
	};
	try {
		progress('Loading the body', 0.1);
		const body = await open(files.body, (found) => checkBody(found, manifest));
		progress('Loading the head', 0.5);
		const head = await open(files.head, (found) => checkHead(found, shape));
		const norm = await open(files.head, () => {}, (bytes) => normGraph(change?.(bytes) ?? bytes));
		const thoughts = new Map<string, Graph>();
		for (const [name, file] of Object.entries({ ...files.graphs, ...(files.thought ? { thought: files.thought } : {}) })) {
			const uses = latentsOf(recipe.arms).flatMap(({ segment }) => (throughOf(segment, files.thought !== undefined) === name ? [segment] : []));
			thoughts.set(name, await open(file, (found) => checkThought(found, shape, name, uses)));
		}
		return {
			body,
			head,
			norm,
			thoughts,
			embed: files.embed && (await open(files.embed, (found) => checkEmbed(found, shape))),
			readout: files.readout && (await open(files.readout, (found) => checkReadout(found, shape))),
		};
	} catch (error) {
		opened.forEach((one) => one.dispose());
		throw error;
	}
}

export function disposeAll({ body, head, norm, thoughts, embed, readout }: Graphs): void {
	[body, head, norm, ...thoughts.values(), embed, readout].forEach((graph) => graph?.dispose());
}
