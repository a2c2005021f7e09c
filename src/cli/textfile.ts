/** A text file that a user names, with a limit. */
import { readFile, stat } from 'node:fs/promises';
import { messageOf, RunError } from './failure';

/** `expected` ends a sentence: `a prompt file`. */
export async function readText(path: string, limit: number, expected: string): Promise<string> {
	try {
		const found = await stat(path);
		if (!found.isFile()) {
			throw new RunError(`${path} is not a file: name ${expected}.`);
		}
		if (found.size > limit) {
			throw new RunError(`${path} has ${found.size} bytes, the limit is ${limit}: name ${expected}.`);
		}
		return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await readFile(path));
	} catch (error) {
		if (error instanceof RunError) {
			throw error;
		}
		const code = (error as NodeJS.ErrnoException).code;
		throw new RunError(
			code === 'ERR_ENCODING_INVALID_ENCODED_DATA'
				? `${path} is not UTF-8 text: name ${expected}.`
				: `${path} cannot be read (${code ?? messageOf(error)}): check the name.`,
		);
	}
}
