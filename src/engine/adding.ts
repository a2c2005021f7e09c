/** Adding a model: where its folder is, whether it must be made again, and whether what was made computes what the original does. */
import { lstat, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { EngineError, quoted } from './error';
import { MANIFEST_NAME, readManifest, sha256 } from './folder';
import { home } from './home';
import { makeFolder } from './making';
import { parseManifest } from './manifest';
import { Model } from './model';
import { compareOriginal } from './original';
import type { Runtime } from './runtime';
import { failureOf, SelfTestError } from './selftest';
import { findGraph, findSource, isFile, type Source } from './source';
import { readPlace } from './weights';

/** Part of a folder's name: what an earlier version made is made again. */
const GENERATION = 3;

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
	await makeFolder(runtime, source, folder, adding);
	try {
		const why = await differs(runtime, folder, adding);
		if (why !== undefined) {
			await makeFolder(runtime, source, folder, { ...adding, withheld: why });
			const still = await differs(runtime, folder, adding);
			if (still !== undefined) {
				throw new EngineError(`The model cannot be run, because ${still}: export it again.`, 'bad-model');
			}
		}
	} catch (error) {
		await rm(folder, { recursive: true, force: true });
		throw error;
	}
	return folder;
}

/** Why what was made must not be believed. */
async function differs(runtime: Runtime, folder: string, { signal, progress }: Adding): Promise<string | undefined> {
	const { text, sha256: hash } = await readManifest(folder);
	let model: Model;
	try {
		model = await Model.load(runtime, { folder, manifest: parseManifest(text), sha256: hash, signal, progress });
	} catch (error) {
		if (error instanceof SelfTestError) {
			return failureOf(error.test);
		}
		throw error;
	}
	try {
		progress('Comparing with the original graph', 0.9);
		const test = await compareOriginal(runtime, model, (await readPlace(hash))!, signal);
		return test.ok ? undefined : failureOf(test);
	} finally {
		model.dispose();
	}
}
