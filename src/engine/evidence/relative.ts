/** The control model that evidence is held against: the one that the caller names, else the manifest's twin in the folder beside. */
import { dirname, join } from 'node:path';
import type { EvidenceParams } from '../api';
import { readManifest } from '../model/folder';
import { parseManifest } from '../model/manifest';
import type { Model } from '../model/model';

/** `missing`: why there is none, in a sentence without a path, since it becomes part of a trace. */
export type Relative = ({ kind: 'found'; folder: string } & Identity) | { kind: 'missing'; why: string };

/** `sha256`: of the manifest. */
interface Identity {
	id: string;
	sha256: string;
}

export async function twinOf(model: Model, { twin: named }: Pick<EvidenceParams, 'twin'>): Promise<Relative> {
	const id = model.manifest.relatives.twin;
	if (named !== undefined) {
		const found = await identityOf(named);
		return found === undefined
			? { kind: 'missing', why: 'The control model that was named has no model.json that can be read: name its folder.' }
			: { kind: 'found', folder: named, ...found };
	}
	if (id === undefined) {
		return { kind: 'missing', why: 'There is no control model: the manifest names no twin, and none was given.' };
	}
	const folder = join(dirname(model.folder), id);
	const found = await identityOf(folder);
	if (found?.id === id) {
		return { kind: 'found', folder, ...found };
	}
	const why = found === undefined ? `There is no folder ${id} beside the model's` : `The folder ${id} beside the model's holds another model`;
	return { kind: 'missing', why: `${why}, so there is no control model: copy it there, or name its folder.` };
}

async function identityOf(folder: string): Promise<Identity | undefined> {
	try {
		const { text, sha256 } = await readManifest(folder);
		return { id: parseManifest(text).id, sha256 };
	} catch {
		return undefined;
	}
}
