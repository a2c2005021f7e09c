/** How a model thinks, where it lies beside its export as graphs and codes of the model contract (models/README.md). */
import { join } from 'node:path';
import { parseCodes } from '../../analysis/codes';
import { EngineError } from '../error';
import { checkReferences } from '../instrument/external';
import { checkOperators } from '../instrument/operators';
import { parseModel } from '../instrument/proto';
import { checkEmbed, checkReadout, checkThought } from '../model/contract';
import { MAX_FILE_BYTES } from '../model/fields';
import { readRegular } from '../model/folder';
import type { ModelShape } from '../model/manifest';
import type { LatentSegment } from '../model/recipeSchema';
import type { Graph, Runtime } from '../runtime';
import { isFile } from './source';
import { COMPANIONS, type Companion, type ThoughtSigns } from './proposal';

export interface Companions {
	files: { kind: Companion; name: string; content: Uint8Array }[];
	/** What the recipe must say of the thought graph. */
	thought?: ThoughtSigns;
	/** Of what is stored of a thought, where it is not what is fed. */
	latentWidth?: number;
	/** Why a file is left out, one sentence each. */
	left: string[];
}

export const NO_COMPANIONS: Companions = { files: [], left: [] };

/** Of the export in `folder`: those that load by themselves and have the inputs and outputs of the contract. */
export async function findCompanions(runtime: Runtime, folder: string, shape: ModelShape, signal: AbortSignal): Promise<Companions> {
	const found: Companions = { files: [], left: [] };
	const take = async (kind: Companion, check: (bytes: Uint8Array) => Promise<void> | void) => {
		const name = COMPANIONS[kind];
		if (!(await isFile(join(folder, name)))) {
			return;
		}
		try {
			const content = await readRegular(folder, name, checkSize, signal);
			await check(content);
			found.files.push({ kind, name, content });
		} catch (error) {
			signal.throwIfAborted();
			found.left.push(`${name} lies beside the export and is not used: ${(error as Error).message.split('\n')[0]!.slice(0, 300)}`);
		}
	};
	const graph = (check: (graph: Graph) => void) => async (bytes: Uint8Array) => {
		const model = parseModel(bytes);
		checkOperators(model);
		// Its weights are its own: those beside it are the export's.
		checkReferences(model, new Map());
		const opened = await runtime.open(bytes, folder, { lowMemory: true });
		try {
			check(opened);
		} finally {
			opened.dispose();
		}
	};
	const checkThoughts = graph((opened) => {
		const { inputs, outputs } = opened;
		const latentWidth = fixed(outputs.get('latent')?.dims.slice(1), 'latent')?.[0];
		const noise = fixed(inputs.get('noise')?.dims.slice(1), 'noise');
		const use: LatentSegment = { kind: 'latent', count: 1, feedback: { site: 'normed' }, ...(noise ? { noise: { shape: noise } } : {}) };
		checkThought(opened, { ...shape, latentWidth }, 'thought', [use]);
		found.latentWidth = latentWidth;
		found.thought = { noise, hasLatent: latentWidth !== undefined, seesNormed: inputs.has('normed'), hasGate: outputs.has('gate') };
	});
	await take('thought', checkThoughts);
	const latents = { ...shape, latentWidth: found.latentWidth };
	const checkEmbeds = graph((opened) => {
		if (latents.latentWidth === undefined) {
			throw new EngineError('no thought graph beside it gives a latent that it could embed.', 'bad-model');
		}
		checkEmbed(opened, latents);
	});
	await take('embed', checkEmbeds);
	await take('codes', (content) => void parseCodes(content, latents.latentWidth ?? shape.width));
	await take('readout', graph((opened) => checkReadout(opened, latents)));
	return found;
}

/** Extents that a manifest must say. */
function fixed(dims: readonly (number | string)[] | undefined, name: string): number[] | undefined {
	if (dims?.some((extent) => typeof extent !== 'number')) {
		throw new EngineError(`it leaves the extents of its ${name} open; export it with fixed ones.`, 'bad-model');
	}
	return dims as number[] | undefined;
}

function checkSize(size: number): void {
	if (size > MAX_FILE_BYTES) {
		throw new EngineError(`it has ${size} bytes, the limit is ${MAX_FILE_BYTES}.`, 'bad-model');
	}
}
