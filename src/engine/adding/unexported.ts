/** What a path without a graph has: perhaps a checkpoint, of which the exporter makes a model, as its signs say how it thinks. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { EngineError, quoted } from '../error';
import { readRegular } from '../model/folder';
import { Tokenizer } from '../tokens/tokenizer';
import { checkpointNames } from './checkpoint';
import { checkSize } from './making';
import { AUXILIARY, COCONUT, CORE, EXIT, PROJECTION, short, WRAPPED, type Signs } from './proposal';
import { isFile, isFolder, readConfig, TOKENIZER } from './source';

/** Files of weights that the exporter reads. */
const CHECKPOINT = /\.(safetensors|gguf|bin|pt)$/;

/** One sentence that says what to do. */
export async function noGraph(path: string, signal: AbortSignal): Promise<EngineError> {
	const given = resolve(path);
	const folder = (await isFolder(given)) ? given : dirname(given);
	const names = folder === given ? await readdir(folder).catch(() => []) : (await isFile(given)) ? [basename(given)] : [];
	const [checkpoint] = names.filter((name) => CHECKPOINT.test(name)).sort();
	if (checkpoint === undefined) {
		return new EngineError(`There is no exported model at ${quoted(path)}: name an .onnx file, or a folder with one.`, 'bad-model');
	}
	const found = familyOf({ has: await tokensOf(folder, signal), weights: await checkpointNames(folder, signal), config: await readConfig([folder]) });
	return new EngineError(
		`There is no exported model at ${quoted(path)}, only the checkpoint ${quoted(checkpoint)}: make a model folder of it with ` +
			(found ? `models/tools/export.py --family ${found.family}, because ${found.why}.` : 'models/tools/export.py.'),
		'bad-model',
	);
}

/** The exporter's family for the signs of a checkpoint; undefined where they are those of any decoder. */
export function familyOf({ has, weights, config }: Pick<Signs, 'has' | 'weights' | 'config'>): { family: string; why: string } | undefined {
	// SIM-CoT's may have CODI's projection, or Coconut's wrapper, too.
	for (const [family, pattern] of [['sim-cot', AUXILIARY], ['codi', PROJECTION], ['coconut', WRAPPED], ['huginn', CORE], ['ouro', EXIT]] as const) {
		const weight = weights.find((name) => pattern.test(name));
		if (weight !== undefined) {
			return { family, why: `it has the weight ${short(weight)}` };
		}
	}
	for (const [family, field] of [['huginn', 'mean_recurrence'], ['ouro', 'total_ut_steps']] as const) {
		if (config[field]) {
			return { family, why: `config.json says ${field} ${config[field]}` };
		}
	}
	return COCONUT.every(has) ? { family: 'coconut', why: `its tokenizer has ${COCONUT.join(' and ')}` } : undefined;
}

/** None of a tokenizer that cannot be read: it is not what was asked for. */
async function tokensOf(folder: string, signal: AbortSignal): Promise<Signs['has']> {
	try {
		const tokenizer = Tokenizer.parse(await readRegular(folder, TOKENIZER, checkSize, signal));
		return (token) => tokenizer.idOf(token) !== undefined;
	} catch {
		signal.throwIfAborted();
		return () => false;
	}
}
