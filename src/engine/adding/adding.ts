/** Adding a model: where its folder is, whether it must be made again, and whether what was made computes what the original does. */
import { lstat, rm, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { EngineError, quoted } from '../error';
import { MANIFEST_NAME, readManifest, sha256 } from '../model/folder';
import { makeFolder, type Making } from './making';
import { parseManifest } from '../model/manifest';
import { DEFAULT_SETUP, Model, type Setup } from '../model/model';
import { compareOriginal, originalLogits } from './original';
import { addedFolder, salvage } from '../machine/registry';
import type { Runtime } from '../runtime';
import { failureOf, SelfTestError } from '../model/selftest';
import { findGraph, findSource, isFile, type Source } from './source';
import { settle, stage } from './staging';
import { noGraph } from './unexported';
import { keepPlace, readPlace, removePlace, type Kept } from '../model/weights';

/** Part of a folder's name: what an earlier version made is made again. */
const GENERATION = 4;

export interface Adding {
	source: string;
	tokenizer?: string;
	out?: string;
	/** See `AddParams`. */
	license?: string;
	origin?: string;
	signal: AbortSignal;
	progress(message: string, fraction: number): void;
}

/** The folder of a model that `path` names in any way: itself, or what was or is now made from the export that is there. */
export async function modelFolder(runtime: Runtime, path: string, context: Pick<Adding, 'signal' | 'progress'>): Promise<string> {
	const graph = (await isFile(join(path, MANIFEST_NAME))) ? undefined : await findGraph(path);
	if (graph === undefined) {
		// Where this is no model folder either, its reader says so.
		return resolve(path);
	}
	const source = await findSource(graph, undefined);
	const folder = placeFor(source);
	return (await isCurrent(folder, source)) ? folder : addModel(runtime, { source: path, ...context });
}

function placeFor({ graph, name }: Source): string {
	return join(addedFolder(), `${name}-${sha256(`${GENERATION} ${graph}`).slice(0, 8)}`);
}

async function isCurrent(folder: string, { graph }: Source): Promise<boolean> {
	if (!(await isFile(join(folder, MANIFEST_NAME)))) {
		return false;
	}
	const place = await readPlace(await keptIn(folder));
	return place?.source === graph && place.modified[basename(graph)] === (await stat(graph)).mtimeMs;
}

async function keptIn(folder: string): Promise<Kept> {
	const { text, sha256 } = await readManifest(folder);
	return { folder, sha256, manifest: parseManifest(text) };
}

/**
 * Returns the folder: of a model folder itself, else of what is made, which is there once it has passed its tests. Where that does not
 * compute what the original does, only its logits are offered.
 */
export async function addModel(runtime: Runtime, adding: Adding): Promise<string> {
	const { out, tokenizer } = adding;
	if (await isFile(join(adding.source, MANIFEST_NAME))) {
		if (out !== undefined || tokenizer !== undefined) {
			throw new EngineError(
				`${quoted(adding.source)} is a model folder already, with its own tokenizer: leave out --tokenizer and --out.`,
				'bad-request',
			);
		}
		return resolve(adding.source);
	}
	const graph = await findGraph(adding.source);
	if (graph === undefined) {
		throw await noGraph(adding.source, adding.signal);
	}
	const source = await findSource(graph, tokenizer);
	const folder = out === undefined ? placeFor(source) : resolve(out);
	const exists = () => new EngineError(`${quoted(folder)} exists already: give --out a new name.`, 'bad-request');
	if (out !== undefined && (await lstat(folder).catch(() => undefined))) {
		throw exists();
	}
	const staged = await stage(folder);
	try {
		let making: Making = adding;
		for (;;) {
			const hash = await makeFolder(runtime, source, staged, basename(folder), making);
			const doubt = await doubtOf(runtime, staged, adding);
			if (doubt === undefined) {
				break;
			}
			await removePlace(hash);
			if (making[doubt.of] !== undefined) {
				throw new EngineError(`The model cannot be run, because ${doubt.why}: export it again.`, 'bad-model');
			}
			making = { ...making, [doubt.of]: doubt.why };
		}
		await settle(staged, folder, {
			keep: async () => {
				if (out !== undefined) {
					throw exists();
				}
				return isCurrent(folder, source);
			},
			salvage: (aside) => salvage(aside, staged),
		});
		await keepPlace(await keptIn(folder));
	} catch (error) {
		await rm(staged, { recursive: true, force: true });
		throw error;
	}
	return folder;
}

/** Weights are tested where they lie: a model that is added is not yet one that is run. */
const TESTED: Setup = { ...DEFAULT_SETUP, memory: 'low' };

/** What is to be left out of what was made, and why: what lies beside the export, or the layers. */
interface Doubt {
	of: 'alone' | 'withheld';
	why: string;
}

/** Why what was made must not be believed. The original is closed before what was made is opened: both at once need twice the memory. */
async function doubtOf(runtime: Runtime, folder: string, { signal, progress }: Adding): Promise<Doubt | undefined> {
	const kept = await keptIn(folder);
	const { manifest, sha256: hash } = kept;
	progress('Running the original graph', 0.6);
	const expected = await originalLogits(runtime, manifest, (await readPlace(kept))!, true, signal);
	let model: Model;
	try {
		model = await Model.load(runtime, { folder, manifest, sha256: hash, setup: TESTED, signal, progress });
	} catch (error) {
		if (error instanceof SelfTestError) {
			return { of: 'withheld', why: failureOf(error.test) };
		}
		throw error;
	}
	try {
		progress('Comparing with the original graph', 0.9);
		const thought = model.tests.find(({ ok, name, feature }) => !ok && feature === 'latents' && name.startsWith('thought: '));
		if (thought) {
			return { of: 'alone', why: failureOf(thought) };
		}
		const test = await compareOriginal(model, expected);
		return test.ok ? undefined : { of: 'withheld', why: failureOf(test) };
	} finally {
		model.dispose();
	}
}
