/** A hub's model for `models add`: what it is and how large, a yes, and the download. */
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline/promises';
import { printable } from '../analysis/text';
import type { AddParams } from '../engine/api';
import { Cache } from '../hub/cache';
import { accept, offerOf, originOf, type Offer } from '../hub/offer';
import { placeOf } from '../hub/place';
import { isRepositoryId } from '../hub/repository';
import { formatBytes } from '../shared/bytes';
import { RunError, UsageError } from './failure';
import type { Session } from './session';

/** How a hub's model is had. */
export interface HubFlags {
	revision?: string;
	variant?: string;
	/** To the download. */
	yes: boolean;
}

const DEFAULT_REVISION = 'main';

/**
 * Whether a word that `models add` is given is the name of a hub's model: owner/name. Where something lies on the disk, that is meant,
 * and the name of a file that is missing is not asked of any hub.
 */
export function isOnHub(word: string): boolean {
	return isRepositoryId(word) && word.includes('/') && !word.endsWith('.onnx') && !existsSync(resolve(word));
}

/** A hub's model as the cache has it, at the revision that it was last asked for; undefined where it has no graph of it. */
export async function inCache(id: string): Promise<string | undefined> {
	const cache = new Cache(placeOf(process.env).cache);
	const commit = await cache.commit(id, DEFAULT_REVISION);
	const files = commit === undefined ? [] : await cache.files(id, commit);
	return files.some((path) => path.endsWith('.onnx')) ? cache.snapshot(id, commit!) : undefined;
}

/** Options that only a hub's models have are wrong usage elsewhere. */
export function checkLocal({ revision, variant, yes }: HubFlags, word: string): void {
	const given = revision !== undefined ? '--revision' : variant !== undefined ? '--variant' : yes ? '--yes' : undefined;
	if (given !== undefined) {
		throw new UsageError(`${given} is for models of a hub, and ${JSON.stringify(word.slice(0, 60))} is a path: leave it out.`);
	}
}

/** What the engine is asked to add: the graph in the hub's cache, with its licence and where it is from. Nothing is downloaded without a yes, on the command line or at the terminal. */
export async function fromHub(id: string, { revision = DEFAULT_REVISION, variant, yes }: HubFlags, session: Session): Promise<AddParams> {
	const { signal, progress, note } = session;
	const place = placeOf(process.env);
	progress(`Asking for ${id}`);
	const offer = await offerOf({ id, revision, variant }, place, { signal });
	described(offer).forEach(note);
	if (offer.chosen.missing > 0 && !yes && !(await confirmed(offer, signal))) {
		throw new RunError(`Nothing was downloaded: add --yes to download ${formatBytes(offer.chosen.missing)}.`);
	}
	const source = await accept(offer, place, {
		signal,
		report: ({ path, done, bytes }) => progress(`Downloading ${printable(path)}: ${percent(done, bytes)} of ${formatBytes(bytes)}`),
	});
	return { source, license: offer.repository.license, origin: originOf(offer) };
}

function described({ repository, variants, chosen }: Offer): string[] {
	const { id, commit, license, gated } = repository;
	const all = variants.map((one) => `${printable(one.name)} ${formatBytes(one.bytes)}`).join(', ');
	return [
		`${id} at ${commit.slice(0, 12)}; licence: ${license === undefined ? 'not stated' : printable(license)}${gated ? '; gated' : ''}.`,
		`Variants: ${all}. Chosen: ${printable(chosen.name)} (${printable(chosen.graph)}).`,
		chosen.missing > 0 ? `To download: ${formatBytes(chosen.missing)}.` : 'All of it is in the cache.',
	];
}

async function confirmed({ chosen: { missing } }: Offer, signal: AbortSignal): Promise<boolean> {
	if (!process.stdin.isTTY || !process.stderr.isTTY) {
		return false;
	}
	const terminal = createInterface({ input: process.stdin, output: process.stderr });
	try {
		return /^y(es)?$/i.test((await terminal.question(`Download ${formatBytes(missing)}? [y/N] `, { signal })).trim());
	} finally {
		terminal.close();
	}
}

function percent(done: number, bytes: number): string {
	return `${Math.floor((100 * done) / Math.max(1, bytes))} %`;
}
