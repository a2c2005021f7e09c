/** Checks of where a command is to write, before it begins to work. */
import { realpath, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { RunError } from './failure';

/** `--out` names a file: its folder must be there, it must not be a folder itself, nor one of the files that are read. */
export async function checkOutFile(out: string, inputs: readonly (string | undefined)[]): Promise<void> {
	if (!(await stat(dirname(resolve(out))).catch(() => undefined))?.isDirectory()) {
		throw new RunError(`The folder of ${out} does not exist: create it, or choose another --out.`);
	}
	if ((await stat(resolve(out)).catch(() => undefined))?.isDirectory()) {
		throw new RunError(`${out} is a folder: give --out a file name.`);
	}
	const target = await realpath(resolve(out)).catch(() => undefined);
	for (const input of inputs) {
		if (target !== undefined && input !== undefined && target === (await realpath(resolve(input)).catch(() => undefined))) {
			throw new RunError(`${out} is what is read, and would be lost: choose another --out.`);
		}
	}
}

/** A folder of files, which must be there. */
export async function checkOutFolder(folder: string): Promise<void> {
	if (!(await stat(resolve(folder)).catch(() => undefined))?.isDirectory()) {
		throw new RunError(`The folder ${folder} does not exist: create it, or choose another one.`);
	}
}
