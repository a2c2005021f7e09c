/** The models that a chain of thought is read under besides the one that wrote it. */
import { dirname, join } from 'node:path';
import { EngineError, quoted } from '../error';
import type { Model } from '../model/model';

/** Lends a loaded model while `work` runs. Fails with an `EngineError` where the folder is no model. */
export type Lend = <T>(folder: string, work: (model: Model) => Promise<T>) => Promise<T>;

export interface PeerFolders {
	/** Of the model that this one was tuned from; the manifest's `relatives.base`, beside the model's folder, where absent. */
	base?: string;
	/** Of the model under which surprisal is measured; the base where absent. */
	referenceModel?: string;
}

export interface Peers {
	base?: Model;
	reference?: Model;
	/** Why there is none: one sentence each. */
	skipped: string[];
}

/** Said where the comparison was asked for; that a model was tuned from no other is no lack of an analysis. */
export const NO_PEERS =
	'Surprisal under a reference model and KL to a base model were not measured, because the model names no base: name one with --base or ' +
	'--reference-model, or under relatives in its model.json.';

/** `work` with the models that there are. Reasons become part of a trace, so they hold no path. */
export async function withPeers<T>(
	model: Model,
	{ base, referenceModel }: PeerFolders,
	lend: Lend,
	work: (peers: Peers) => Promise<T>,
): Promise<T> {
	const { relatives } = model.manifest;
	const baseFolder = base ?? (relatives.base === undefined ? undefined : join(dirname(model.folder), relatives.base));
	const referenceFolder = referenceModel ?? baseFolder;
	const skipped = referenceFolder === undefined ? [NO_PEERS] : [];
	const borrow = async (folder: string | undefined, what: string, use: (found?: Model) => Promise<T>): Promise<T> => {
		let lent = false;
		try {
			return folder === undefined ? await use() : await lend(folder, (found) => ((lent = true), use(found)));
		} catch (error) {
			if (lent || !(error instanceof EngineError)) {
				throw error;
			}
			const where = base === undefined && folder === baseFolder ? `the folder ${relatives.base} beside this model's` : 'the folder that was named';
			skipped.push(`${what} was not measured, because ${where} holds no model that can be used: name another folder.`);
			return use();
		}
	};
	return borrow(baseFolder, referenceFolder === baseFolder ? 'Surprisal under the base model, and KL to it,' : 'KL to the base model', (found) =>
		referenceFolder === baseFolder
			? work({ base: found, reference: found, skipped })
			: borrow(referenceFolder, 'Surprisal under the reference model', (reference) => work({ base: found, reference, skipped })),
	);
}

/** Whether ids of one model are ids of the other: the same tokenizer, and as many logits. A sentence where not. */
export function differs(model: Model, other: Model): string | undefined {
	const [{ files, shape }, { files: otherFiles, shape: otherShape, id }] = [model.manifest, other.manifest];
	if (files.tokenizer.sha256 !== otherFiles.tokenizer.sha256) {
		return `${quoted(id)} has another tokenizer`;
	}
	return shape.vocabulary === otherShape.vocabulary ? undefined : `${quoted(id)} gives ${otherShape.vocabulary} logits and not ${shape.vocabulary}`;
}
