/** Which model folder a run uses. */
import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { addedNames, findAdded, namesIn } from '../engine/machine/registry';
import { RunError } from './failure';
import { quoted } from './flags/values';
import { inCache, isOnHub } from './hub';

const DEFAULT_MODEL = 'prosqa';
export const BUNDLED = join(__dirname, '..', 'models');
/** Of those that exist, after a name that does not. */
const MAX_NAMES = 30;

const SEPARATOR = /[\\/]/;
/** What in a prompt's header says that it is a path: `vendor/name` may be one, and is a hosted model's name where nothing lies there. */
const PATH = /^(?:\.{1,2}|~)?[\\/]|^[A-Za-z]:[\\/]/;

/** `note`: what the user should know about the choice. */
export interface ChosenModel {
	folder: string;
	note?: string;
}

/**
 * The flag's folder or export, else the model that the prompt file names (a bundled one, or a folder relative to the file), else the
 * bundled default. Prompt files of other tools name hosted models: such a name is noted and the default is used.
 */
export async function chooseModel(flag: string | undefined, named: string | undefined, promptFile: string): Promise<ChosenModel> {
	if (flag !== undefined) {
		return { folder: await flagged(flag) };
	}
	if (named === undefined) {
		return { folder: join(BUNDLED, DEFAULT_MODEL) };
	}
	const beside = resolve(dirname(promptFile), named.startsWith('~/') ? join(homedir(), named.slice(2)) : named);
	if (hasManifest(beside) || PATH.test(named)) {
		return { folder: beside };
	}
	const folder = bundled(named) ?? (existsSync(beside) ? beside : undefined);
	return folder === undefined
		? {
				folder: join(BUNDLED, DEFAULT_MODEL),
				note: `The prompt names the model "${named}", which is not a local model folder: ${DEFAULT_MODEL} was used.`,
			}
		: { folder };
}

/**
 * A path is taken as it is, and what is wrong with it is the engine's to say; a name must be one of the list. A hub's model is the one in the
 * cache, where adding it has put it: here nothing is asked of the network.
 */
async function flagged(flag: string): Promise<string> {
	const path = resolve(flag);
	if (isOnHub(flag)) {
		const cached = await inCache(flag);
		if (cached === undefined) {
			throw new RunError(`There is nothing at ${quoted(flag)}, and no model of that name in the hub's cache: check the path, or run models add ${flag} first.`);
		}
		return cached;
	}
	if (hasManifest(path) || SEPARATOR.test(flag)) {
		return path;
	}
	const listed = bundled(flag);
	if (listed !== undefined) {
		return listed;
	}
	if (!existsSync(path)) {
		const names = [...namesIn(BUNDLED), ...addedNames()];
		const more = names.length > MAX_NAMES ? ', …' : '';
		throw new RunError(`There is no model ${quoted(flag)}: use ${names.slice(0, MAX_NAMES).join(', ')}${more}, or the path of a model folder or an export.`);
	}
	return path;
}

/** The folder of a bundled or added model. */
function bundled(name: string): string | undefined {
	const folder = join(BUNDLED, name);
	return hasManifest(folder) ? folder : findAdded(name);
}

function hasManifest(folder: string): boolean {
	const path = join(folder, 'model.json');
	return existsSync(path) && statSync(path).isFile();
}
