/** Makes a model folder from a decoder's export: instrumented graphs that refer to the export's own weights, tokenizer, manifest. */
import { realpath, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Blocks } from '../model/body';
import { CHAT_NAME } from './chat';
import { UNKNOWN } from '../model/contract';
import { EngineError, quoted } from '../error';
import { MANIFEST_NAME, readRegular, sha256, withRegular } from '../model/folder';
import { Head } from '../model/head';
import type { CacheShape } from '../instrument/caches';
import { checkReferences, locationsOf, relocate } from '../instrument/external';
import { instrument, type Instrumented } from '../instrument/instrument';
import { MAX_FILE_BYTES, WEIGHTS_NAME } from '../model/fields';
import { checkOperators } from '../instrument/operators';
import { parseModel, serialise, type Model as OnnxModel } from '../instrument/proto';
import { readSkeleton } from '../instrument/skeleton';
import type { Manifest, ManifestFile, ModelShape } from '../model/manifest';
import { quantisationOf } from './quantisation';
import { defaultRecipe } from './recipe';
import { checkExportFits } from '../model/room';
import type { Runtime } from '../runtime';
import { checkpointNames } from './checkpoint';
import { findCompanions, NO_COMPANIONS, type Companions } from './companions';
import { contextOf, headsOf, type Config, type Source } from './source';
import { refused } from './staging';
import { Tokenizer } from '../tokens/tokenizer';
import { describeWeights, writePlace, type Place } from '../model/weights';

export interface Making {
	signal: AbortSignal;
	progress(message: string, fraction: number): void;
	/** Why only logits are offered, whatever the graph looks like. */
	withheld?: string;
	/** Why nothing that lies beside the export is used; the end of a sentence. */
	alone?: string;
	/** See `AddParams`. */
	license?: string;
	origin?: string;
}

/** The two graphs as files, and what they refer to. */
interface Graphs extends Pick<Instrumented, 'caches' | 'logitsOnly'> {
	body: Uint8Array;
	head: Uint8Array;
	quantisation: string;
	weights: ManifestFile[];
	/** Of the original's weights. */
	names: string[];
	place: Place;
}

/** What else goes into the manifest. */
interface Read {
	tokenizer: Uint8Array;
	chat?: Uint8Array;
	/** Of all weights that were seen. */
	names: string[];
	beside: Companions;
}

type Known = Pick<ModelShape, 'layers' | 'caches' | 'heads' | 'headWidth'>;

/** Into the empty folder `staged`; `name`: of the folder that it will be. Returns the manifest's hash. */
export async function makeFolder(runtime: Runtime, source: Source, staged: string, name: string, making: Making): Promise<string> {
	const { signal, progress } = making;
	const graphs = await graphsOf(source, making);
	const { caches, logitsOnly } = graphs;
	progress('Measuring the model', 0.5);
	const heads = headsIn(caches, source.config);
	const known = logitsOnly === undefined ? { layers: caches.layers, ...heads } : { layers: 0, caches: caches.layers, ...heads };
	const measured = await measure(runtime, graphs, known);
	const tokenizer = await readRegular(dirname(source.tokenizer), basename(source.tokenizer), checkSize, signal);
	const plain = { ...known, ...measured, context: contextOf(source.config) };
	const isAlone = logitsOnly !== undefined || making.alone !== undefined;
	const beside = isAlone ? NO_COMPANIONS : await findCompanions(runtime, source.folder, plain, signal);
	const shape = { ...plain, ...(beside.latentWidth === undefined ? {} : { latentWidth: beside.latentWidth }) };
	const names = [...graphs.names, ...(await checkpointNames(source.folder, signal))];
	const chat = source.chat && new TextEncoder().encode(`${JSON.stringify(source.chat, undefined, 2)}\n`);
	const text = `${JSON.stringify(manifestOf(name, source, graphs, shape, { ...making, tokenizer, chat, names, beside }), undefined, 2)}\n`;
	await writeFiles(staged, {
		'body.onnx': graphs.body,
		'head.onnx': graphs.head,
		'tokenizer.json': tokenizer,
		...(chat ? { [CHAT_NAME]: chat } : {}),
		...Object.fromEntries(beside.files.map(({ name: file, content }) => [file, content])),
		[MANIFEST_NAME]: text,
	});
	const hash = sha256(text);
	await writePlace(hash, graphs.place);
	return hash;
}

async function graphsOf(source: Source, { signal, progress, withheld }: Making): Promise<Graphs> {
	progress('Reading the graph', 0);
	const folder = dirname(source.graph);
	const own = basename(source.graph);
	const bytes = await withRegular(folder, own, checkGraph, signal, (read, size) => readSkeleton(read, size, own));
	progress('Finding the residual stream', 0.1);
	const original = parseModel(bytes);
	checkOperators(original);
	const { body, head, caches, logitsOnly } = instrument(bytes, withheld);
	// The original is run too, with what the other two leave out.
	const models = [original, body, head];
	const names = await weightNames(source, ...models);
	models.forEach((model) => relocate(model, names));
	progress('Checking the weights', 0.2);
	const weights: ManifestFile[] = [];
	const modified: Record<string, number> = { [own]: (await stat(source.graph)).mtimeMs };
	for (const name of new Set(models.flatMap(locationsOf))) {
		const described = await describeWeights(folder, name, signal);
		weights.push(described.file);
		modified[name] = described.modified;
	}
	checkExportFits(weights.reduce((sum, file) => sum + file.bytes, 0));
	const sizes = new Map(weights.map((file) => [file.name, file.bytes]));
	models.forEach((model) => checkReferences(model, sizes));
	const renamed = Object.fromEntries([...names].filter(([spelled, name]) => spelled !== name));
	return {
		names: original.graph.initializer.map(({ name }) => name),
		body: serialise(body),
		head: serialise(head),
		caches,
		logitsOnly,
		quantisation: quantisationOf(body.graph),
		weights,
		place: { folder, source: source.graph, names: renamed, modified },
	};
}

/** As the graph says, or else its configuration. */
function headsIn(caches: CacheShape, config: Config): Pick<ModelShape, 'heads' | 'headWidth'> {
	const stated = headsOf(config);
	const heads = caches.heads || stated.heads;
	const headWidth = caches.headWidth || stated.headWidth;
	if (!(heads > 0 && headWidth > 0 && Number.isInteger(headWidth))) {
		throw new EngineError(
			'Neither the graph nor a config.json beside it says how many key/value heads the model has: put its config.json there.',
			'bad-model',
		);
	}
	return { heads, headWidth };
}

function manifestOf(
	folder: string,
	source: Source,
	graphs: Graphs,
	shape: ModelShape,
	{ tokenizer, chat, names, beside, license, origin, alone }: Read & Pick<Making, 'license' | 'origin' | 'alone'>,
) {
	const { logitsOnly, quantisation, weights } = graphs;
	const { name, graph, config } = source;
	const entry = (file: string, content: Uint8Array) => ({ name: file, sha256: sha256(content), bytes: content.length });
	const id = folder.replace(/[^A-Za-z0-9._-]+/g, '-').replace(/^[^A-Za-z0-9]+/, '');
	const { recipe, readout, reasons, undecided } = defaultRecipe(Tokenizer.parse(tokenizer), [config.eos_token_id ?? []].flat(), {
		weights: names,
		config,
		latents: logitsOnly === undefined,
		thought: beside.thought,
		companions: beside.files.map(({ kind }) => kind),
	});
	undecided.push(...beside.left, ...(alone === undefined ? [] : [`What lies beside the export is not used, because ${alone}.`]));
	const described = beside.files.map(({ kind, name: file, content }) => [kind, { ...entry(file, content), ...(kind === 'readout' ? readout : {}) }]);
	return {
		format: 'neuralese-model',
		version: 1,
		id: id.slice(0, 100) || name,
		name,
		description: `Made from ${basename(graph)}${config.model_type ? ` (${config.model_type})` : ''}${origin ? ` of ${origin}` : ''}.`,
		...(license === undefined ? {} : { license }),
		shape,
		quantisation,
		...(logitsOnly === undefined ? {} : { logitsOnly }),
		files: {
			body: entry('body.onnx', graphs.body),
			head: entry('head.onnx', graphs.head),
			tokenizer: entry('tokenizer.json', tokenizer),
			...(chat ? { chat: entry(CHAT_NAME, chat) } : {}),
			...Object.fromEntries(described),
			weights,
		},
		recipe,
		...(reasons.length + undecided.length > 0 ? { proposal: { reasons, undecided } } : {}),
	} satisfies Partial<Manifest>;
}

export function checkSize(size: number): void {
	if (size > MAX_FILE_BYTES) {
		throw new EngineError(
			`The file has ${size} bytes, the limit is ${MAX_FILE_BYTES}: export it with external data.`,
			'bad-model',
		);
	}
}

/** Of a graph's file, weights and all: the runtime maps it once. */
function checkGraph(size: number): void {
	checkSize(size);
	checkExportFits(size);
}

/** From names in the graph to names on the disk. All weights lie in the graph's own folder, when links have been followed. */
async function weightNames({ graph, folder }: Source, ...models: OnnxModel[]): Promise<Map<string, string>> {
	const own = basename(graph);
	// A graph in one file refers to itself, by the name that the file has where no links lead to it.
	const names = new Map([[own, own]]);
	for (const location of new Set(models.flatMap(locationsOf))) {
		if (location === own) {
			continue;
		}
		if (location === '' || /[\\/\0]/.test(location) || location === '..') {
			throw new EngineError(
				`The graph's weights lie in ${quoted(location)}, which is not a name in its own folder: choose another model.`,
				'bad-model',
			);
		}
		const found = await realpath(join(folder, location)).catch(() => undefined);
		if (found === undefined) {
			throw new EngineError(`The graph's weights ${quoted(location)} are missing: put them beside it.`, 'bad-model');
		}
		if (dirname(found) !== dirname(graph)) {
			throw new EngineError(
				`The graph's weights ${quoted(location)} are a link to another folder: copy the model into a folder of its own.`,
				'bad-model',
			);
		}
		names.set(location, basename(found));
	}
	const unfit = [...names.values()].find((name) => !WEIGHTS_NAME.test(name));
	if (unfit !== undefined) {
		throw new EngineError(`The file ${quoted(unfit)} has a name that weights cannot have here (hidden, very long, or with a colon): export it under another one.`, 'bad-model');
	}
	return names;
}

/** Width and vocabulary, as one token's run shows them. */
async function measure(
	runtime: Runtime,
	{ body, head, place }: Graphs,
	known: Known,
): Promise<Pick<ModelShape, 'width' | 'vocabulary'>> {
	const unknown = { width: UNKNOWN, vocabulary: UNKNOWN, context: 1 };
	const open = (bytes: Uint8Array) =>
		runtime.open(bytes, place.folder, { lowMemory: true }).catch((error: Error) => {
			const reason = error.message.split('\n')[0]!.slice(0, 200);
			throw new EngineError(`The graph does not load (${reason}): export it again.`, 'bad-model');
		});
	const bodyGraph = await open(body);
	const tried = new Blocks(bodyGraph, { ...known, ...unknown });
	const { resid } = await tried.forward({ ids: [0] }, tried.empty).finally(() => bodyGraph.dispose());
	const width = resid[0]!.length;
	const headGraph = await open(head);
	const reader = new Head(headGraph, { ...known, ...unknown, width });
	const logits = await reader.logits(resid[known.layers]!).finally(() => headGraph.dispose());
	return { width, vocabulary: logits.length };
}

async function writeFiles(folder: string, files: Record<string, Uint8Array | string>): Promise<void> {
	try {
		for (const [name, content] of Object.entries(files)) {
			await writeFile(join(folder, name), content);
		}
	} catch (error) {
		throw refused(folder, error);
	}
}
