/** Checks of where a command is to write, before it begins to work. */
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { RunError } from './failure';

/** `--out` names a file: its folder must be there, and it must not be a folder itself. */
export async function checkOutFile(out: string): Promise<void> {
	if (!(await stat(dirname(resolve(out))).catch(() => undefined))?.isDirectory()) {
		throw new RunError(`The folder of ${out} does not exist: create it, or choose another --out.`);
	}
	if ((await stat(resolve(out)).catch(() => undefined))?.isDirectory()) {
		throw new RunError(`${out} is a folder: give --out a file name.`);
	}
}
