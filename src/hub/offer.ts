/** What adding a hub's model would take, known before anything is downloaded, and then the download. Offline it is what the cache has. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Cache } from './cache';
import { download, type DownloadProgress } from './download';
import { HubError } from './error';
import { tokenOf, type Place } from './place';
import { describe, isRepositoryId, type Access, type Repository } from './repository';
import { variantsOf, type Variant } from './selection';

/** What the weights were trained in, before what was rounded from it: it is inspected unless another is asked for. */
const PREFERRED = ['fp32', 'fp16'];

export interface Wanted {
	id: string;
	/** A branch, tag or commit. */
	revision: string;
	/** By its name; full precision where absent. */
	variant?: string;
}

export interface Offer {
	wanted: Wanted;
	repository: Repository;
	variants: OfferedVariant[];
	chosen: OfferedVariant;
}

export interface OfferedVariant extends Variant {
	/** Bytes of its files that the cache does not have. */
	missing: number;
}

/** Where a model is from, in words that hold on every machine. */
export function originOf({ repository: { id, commit } }: Pick<Offer, 'repository'>): string {
	return `${id} at ${commit.slice(0, 12)}`;
}

/** Downloads nothing. Fails with a `HubError` where there is no such model or variant, or offline not in the cache. */
export async function offerOf(wanted: Wanted, place: Place, more: Pick<Access, 'fetch' | 'signal'> = {}): Promise<Offer> {
	const cache = new Cache(place.cache);
	const repository = place.offline
		? await cached(cache, wanted)
		: await describe(wanted.id, wanted.revision, { ...more, endpoint: place.endpoint, token: await tokenOf(place) });
	const variants = await Promise.all(
		variantsOf(repository).map(async (variant) => ({ ...variant, missing: await missingOf(cache, repository, variant) })),
	);
	return { wanted, repository, variants, chosen: choose(variants, wanted) };
}

async function missingOf(cache: Cache, { id, commit }: Repository, { files }: Variant): Promise<number> {
	const missing = await Promise.all(files.map(async ({ path, bytes }) => ((await cache.has(id, commit, path, bytes)) ? 0 : bytes)));
	return missing.reduce((sum, bytes) => sum + bytes, 0);
}

/** The graph's path in the cache, with all that belongs to it. */
export async function accept(
	{ wanted, repository, chosen }: Offer,
	place: Place,
	{ report, ...more }: Pick<Access, 'fetch' | 'signal'> & { report?: (progress: DownloadProgress) => void } = {},
): Promise<string> {
	const { id, commit } = repository;
	const folder = place.offline
		? new Cache(place.cache).snapshot(id, commit)
		: await download(repository, chosen.files, {
				...more,
				endpoint: place.endpoint,
				token: await tokenOf(place),
				cache: place.cache,
				revision: wanted.revision,
				report,
			});
	return join(folder, ...chosen.graph.split('/'));
}

async function cached(cache: Cache, { id, revision }: Wanted): Promise<Repository> {
	const commit = isRepositoryId(id) ? await cache.commit(id, revision) : undefined;
	const paths = commit === undefined ? [] : await cache.files(id, commit);
	if (commit === undefined || paths.length === 0) {
		throw new HubError(`${id} is not in the cache at revision ${revision}, and HF_HUB_OFFLINE is set: unset it to download the model.`, 'offline');
	}
	const sizes = await Promise.all(paths.map((path) => stat(join(cache.snapshot(id, commit), path)).catch(() => undefined)));
	// A link whose blob was removed is no file.
	const files = paths.flatMap((path, i) => (sizes[i]?.isFile() ? [{ path, bytes: sizes[i].size, hash: '' }] : []));
	return { id, commit, gated: false, files };
}

function choose(variants: readonly OfferedVariant[], { variant }: Wanted): OfferedVariant {
	const preferred = PREFERRED.map((name) => variants.find((one) => one.name === name)).find((one) => one !== undefined);
	const found = variant === undefined ? (preferred ?? variants[0]) : variants.find(({ name }) => name === variant);
	if (!found) {
		const names = variants.map(({ name }) => name).join(', ');
		throw new HubError(`The model has no variant "${variant!.slice(0, 60)}": choose from ${names.slice(0, 300)}.`, 'not-found');
	}
	return found;
}
