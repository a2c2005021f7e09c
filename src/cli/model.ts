/** Which model folder a run uses. */
import { existsSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { findAdded } from '../engine/registry';

const DEFAULT_MODEL = 'prosqa';
export const BUNDLED = join(__dirname, '..', 'models');

/** `note`: what the user should know about the choice. */
export interface ChosenModel {
	folder: string;
	note?: string;
}

/**
 * The flag's folder or export, else the model that the prompt file names (a bundled one, or a folder relative to the file), else the
 * bundled default. Prompt files of other tools name hosted models: such a name is noted and the default is used.
 */
export function chooseModel(flag: string | undefined, named: string | undefined, promptFile: string): ChosenModel {
	if (flag !== undefined) {
		return { folder: hasManifest(resolve(flag)) || /[\\/]/.test(flag) ? resolve(flag) : (bundled(flag) ?? resolve(flag)) };
	}
	if (named === undefined) {
		return { folder: join(BUNDLED, DEFAULT_MODEL) };
	}
	const beside = isAbsolute(named) ? named : resolve(dirname(promptFile), named);
	if (hasManifest(beside) || /[\\/]/.test(named) || (named.endsWith('.onnx') && existsSync(beside))) {
		return { folder: beside };
	}
	const folder = bundled(named);
	return folder === undefined
		? {
				folder: join(BUNDLED, DEFAULT_MODEL),
				note: `The prompt names the model "${named}", which is not a local model folder: ${DEFAULT_MODEL} was used.`,
			}
		: { folder };
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
