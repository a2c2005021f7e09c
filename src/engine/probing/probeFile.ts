/** A probe file of the user's: anybody may have made it. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';
import { misfit, parseProbe, type Probe } from '../../analysis/probe';
import { EngineError, quoted } from '../error';
import { sha256 } from '../model/folder';
import type { Model } from '../model/model';
import { READ } from '../opening';

/** A probe of a thousand classes on a large model has about this size. */
const MAX_BYTES = 256 * 1024 * 1024;

/** Fails with one sentence where the file is no probe or was not fitted on this model. */
export async function readProbeFile(path: string, model: Model): Promise<Probe> {
	const name = quoted(basename(path));
	const refused = (why: string) => new EngineError(why, 'bad-request');
	const handle = await open(path, READ).catch((error: NodeJS.ErrnoException) => {
		throw refused(`The probe ${name} cannot be read (${error.code ?? error.message}): check its path.`);
	});
	let bytes: Uint8Array;
	try {
		const found = await handle.stat();
		if (!found.isFile() || found.size > MAX_BYTES) {
			throw refused(`The probe ${name} is not a regular file of at most ${MAX_BYTES / 2 ** 20} MiB: choose a probe file.`);
		}
		bytes = new Uint8Array(await handle.readFile());
	} finally {
		await handle.close();
	}
	let probe: Probe;
	try {
		probe = parseProbe(bytes, sha256(bytes));
	} catch (error) {
		throw refused(`The probe ${name} cannot be used. ${(error as Error).message}`);
	}
	const why = misfit(probe, fittingOf(model));
	if (why !== undefined) {
		throw refused(why);
	}
	return probe;
}

export function fittingOf({ manifest, sha256: hash }: Pick<Model, 'manifest' | 'sha256'>) {
	const { id, shape, recipe } = manifest;
	return { id, sha256: hash, width: shape.width, sites: shape.layers + 1, arms: Object.keys(recipe.arms) };
}
