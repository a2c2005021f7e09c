/** Makes a model folder from a decoder's export: instrumented graphs that refer to the export's own weights, tokenizer, manifest. */
import { randomUUID } from 'node:crypto';
import { lstat, mkdir, realpath, rename, rm, stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Body } from './body';
import { EngineError, quoted } from './error';
import { MANIFEST_NAME, readManifest, readRegular, sha256 } from './folder';
import { Head } from './head';
import { home } from './home';
import { checkReferences, locationsOf, referToFile, relocate } from './instrument/external';
import { instrument } from './instrument/instrument';
import { serialise, type Model as OnnxModel } from './instrument/proto';
import { MAX_FILE_BYTES, parseManifest, type ManifestFile } from './manifest';
import { Model } from './model';
import { compareOriginal } from './original';
import { quantisationOf } from './quantisation';
import { defaultRecipe } from './recipe';
import type { Runtime } from './runtime';
import { contextOf, findGraph, findSource, headsOf, isFile, type Source } from './source';
import { Tokenizer } from './tokenizer';
import { describeWeights, readPlace, writePlace } from './weights';

/** Part of a folder's name: what an earlier version made is made again. */
const GENERATION = 1;

export interface Adding {
	source: string;
	tokenizer?: string;
	out?: string;
	signal: AbortSignal;
	progress(message: string, fraction: number): void;
}

/** The folder of a model that `path` names in any way: itself, or what was or is now made from the export that is there. */
export async function modelFolder(runtime: Runtime, path: string, context: Pick<Adding, 'signal' | 'progress'>): Promise<string> {
	if ((await isFile(join(path, MANIFEST_NAME))) || (await findGraph(path)) === undefined) {
		// Where this is no model folder either, its reader says so.
		return resolve(path);
	}
	const source = await findSource(path, undefined);
	const folder = placeFor(source);
	return (await isCurrent(folder, source)) ? folder : addModel(runtime, { source: path, ...context });
}

function placeFor({ graph, name }: Source): string {
	return join(home(), 'models', `${name}-${sha256(`${GENERATION} ${graph}`).slice(0, 8)}`);
}

async function isCurrent(folder: string, { graph }: Source): Promise<boolean> {
	if (!(await isFile(join(folder, MANIFEST_NAME)))) {
		return false;
	}
	const place = await readPlace((await readManifest(folder)).sha256);
	return place?.source === graph && place.modified[basename(graph)] === (await stat(graph)).mtimeMs;
}

/** Returns the folder. Where what was made does not compute what the original does, only its logits are offered. */
export async function addModel(runtime: Runtime, adding: Adding): Promise<string> {
	const { out } = adding;
	const source = await findSource(adding.source, adding.tokenizer);
	const folder = out === undefined ? placeFor(source) : resolve(out);
	if (out !== undefined && (await lstat(folder).catch(() => undefined))) {
		throw new EngineError(`${quoted(folder)} exists already: give --out a new name.`, 'bad-request');
	}
	await make(runtime, source, folder, adding);
	try {
		const why = await differs(runtime, folder, adding);
		if (why !== undefined) {
			await make(runtime, source, folder, adding, why);
		}
	} catch (error) {
		await rm(folder, { recursive: true, force: true });
		throw error;
	}
	return folder;
}

/** Why the layers of the model must not be believed. */
async function differs(runtime: Runtime, folder: string, { signal, progress }: Adding): Promise<string | undefined> {
	const { text, sha256: hash } = await readManifest(folder);
	const model = await Model.load(runtime, { folder, manifest: parseManifest(text), sha256: hash, signal, progress });
	try {
		progress('Comparing with the original graph', 0.9);
		const { name, ok, maxAbsDiff } = await compareOriginal(runtime, model, (await readPlace(hash))!, signal);
		return ok ? undefined : `the self-test "${name}" failed with a largest difference of ${maxAbsDiff.toPrecision(2)}`;
	} finally {
		model.dispose();
	}
}

/** Writes the folder. `withheld`: why only logits are offered. */
async function make(
	runtime: Runtime,
	source: Source,
	folder: string,
	{ signal, progress }: Adding,
	withheld?: string,
): Promise<void> {
	progress('Reading the graph', 0);
	const weights = dirname(source.graph);
	const bytes = await readRegular(weights, basename(source.graph), checkSize, signal);
	progress('Finding the residual stream', 0.1);
	const { body, head, caches, logitsOnly } = instrument(bytes, withheld);
	const names = await weightNames(source, body, head);
	for (const model of [body, head]) {
		relocate(model, names);
		referToFile(model, bytes, basename(source.graph));
	}
	progress('Checking the weights', 0.2);
	const files: ManifestFile[] = [];
	const modified: Record<string, number> = { [basename(source.graph)]: (await stat(source.graph)).mtimeMs };
	for (const name of new Set([body, head].flatMap(locationsOf))) {
		const described = await describeWeights(weights, name, signal);
		files.push(described.file);
		modified[name] = described.modified;
	}
	const sizes = new Map(files.map((file) => [file.name, file.bytes]));
	[body, head].forEach((model) => checkReferences(model, sizes));
	const graphs = { body: serialise(body), head: serialise(head) };
	progress('Measuring the model', 0.5);
	const known = headsOf(source.config);
	const heads = { heads: caches.heads || known.heads, headWidth: caches.headWidth || known.headWidth };
	if (!(heads.heads > 0 && Number.isInteger(heads.headWidth) && heads.headWidth > 0)) {
		throw new EngineError(
			'Neither the graph nor a config.json beside it says how many key/value heads the model has: put its config.json there.',
			'bad-model',
		);
	}
	const shape = logitsOnly === undefined ? { layers: caches.layers, ...heads } : { layers: 0, caches: caches.layers, ...heads };
	const measured = await measure(runtime, graphs, weights, shape);
	const vocabulary = await readRegular(dirname(source.tokenizer), basename(source.tokenizer), checkSize, signal);
	const stops = [source.config.eos_token_id ?? []].flat();
	const entry = (name: string, content: Uint8Array) => ({ name, sha256: sha256(content), bytes: content.length });
	const manifest = {
		format: 'neuralese-model',
		version: 1,
		id:
			basename(folder)
				.replace(/[^A-Za-z0-9._-]+/g, '-')
				.replace(/^[^A-Za-z0-9]+/, '') || source.name,
		name: source.name,
		description: `Made from ${basename(source.graph)}${source.config.model_type ? ` (${source.config.model_type})` : ''}.`,
		shape: { ...shape, ...measured, context: contextOf(source.config) },
		quantisation: quantisationOf(body.graph),
		...(logitsOnly === undefined ? {} : { logitsOnly }),
		files: {
			body: entry('body.onnx', graphs.body),
			head: entry('head.onnx', graphs.head),
			tokenizer: entry('tokenizer.json', vocabulary),
			...(files.length > 0 ? { weights: files } : {}),
		},
		recipe: defaultRecipe(Tokenizer.parse(vocabulary), stops, logitsOnly === undefined),
	};
	const text = `${JSON.stringify(manifest, undefined, 2)}\n`;
	await writeFolder(folder, {
		'body.onnx': graphs.body,
		'head.onnx': graphs.head,
		'tokenizer.json': vocabulary,
		[MANIFEST_NAME]: text,
	});
	const others = [...names].filter(([spelled, name]) => spelled !== name);
	await writePlace(sha256(text), { folder: weights, source: source.graph, names: Object.fromEntries(others), modified });
}

function checkSize(size: number): void {
	if (size > MAX_FILE_BYTES) {
		throw new EngineError(
			`The file has ${size} bytes, the limit is ${MAX_FILE_BYTES}: export it with external data.`,
			'bad-model',
		);
	}
}

/** From names in the graph to names on the disk. All weights lie in the graph's own folder, when links have been followed. */
async function weightNames({ graph, folder }: Source, ...models: OnnxModel[]): Promise<Map<string, string>> {
	const names = new Map<string, string>();
	for (const location of new Set(models.flatMap(locationsOf))) {
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
	return names;
}

/** Width and vocabulary, as one token's run shows them. */
async function measure(
	runtime: Runtime,
	graphs: { body: Uint8Array; head: Uint8Array },
	weights: string,
	known: { layers: number; caches?: number; heads: number; headWidth: number },
): Promise<{ width: number; vocabulary: number }> {
	const unknown = { width: 1, vocabulary: 1, context: 1 };
	const open = (bytes: Uint8Array) =>
		runtime.open(bytes, weights, true).catch((error: Error) => {
			throw new EngineError(
				`The graph does not load (${error.message.split('\n')[0]!.slice(0, 200)}): export it again.`,
				'bad-model',
			);
		});
	const body = await open(graphs.body);
	const tried = new Body(body, { ...known, ...unknown });
	const { resid } = await tried.forward({ ids: [0] }, tried.empty).finally(() => body.dispose());
	const width = resid[0]!.length;
	const head = await open(graphs.head);
	const logits = await new Head(head, { ...known, ...unknown, width }).logits(resid[known.layers]!).finally(() => head.dispose());
	return { width, vocabulary: logits.length };
}

/** Other models' folders are never touched: the new one takes its place whole, or not at all. */
async function writeFolder(folder: string, files: Record<string, Uint8Array | string>): Promise<void> {
	const temporary = `${folder}.${randomUUID()}`;
	await mkdir(temporary, { recursive: true });
	try {
		for (const [name, content] of Object.entries(files)) {
			await writeFile(join(temporary, name), content);
		}
		await rm(folder, { recursive: true, force: true });
		await rename(temporary, folder);
	} catch (error) {
		await rm(temporary, { recursive: true, force: true });
		const { code, message } = error as NodeJS.ErrnoException;
		throw new EngineError(
			`The folder ${quoted(folder)} cannot be written (${code ?? message}): choose another --out.`,
			'cannot-write',
		);
	}
}
