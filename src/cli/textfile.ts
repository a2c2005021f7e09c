/** A file that a user names, with a limit. `expected` ends a sentence: `a prompt file`. */
import { readFile, stat } from 'node:fs/promises';
import { messageOf, RunError } from './failure';

export async function readBytes(path: string, limit: number, expected: string): Promise<Uint8Array> {
	try {
		const found = await stat(path);
		if (!found.isFile()) {
			throw new RunError(`${path} is not a file: name ${expected}.`);
		}
		if (found.size > limit) {
			throw new RunError(`${path} has ${found.size} bytes, the limit is ${limit}: name ${expected}.`);
		}
		return await readFile(path);
	} catch (error) {
		if (error instanceof RunError) {
			throw error;
		}
		throw new RunError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? messageOf(error)}): check the name.`);
	}
}

/** UTF-8. */
export async function readText(path: string, limit: number, expected: string): Promise<string> {
	const bytes = await readBytes(path, limit, expected);
	try {
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
	} catch {
		throw new RunError(`${path} is not UTF-8 text: name ${expected}.`);
	}
}
