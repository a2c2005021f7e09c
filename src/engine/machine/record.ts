/** Records of this machine, below the user's own folder: whole at any moment, and told in one sentence where they cannot be kept. */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EngineError, quoted } from '../error';
import { home } from './home';

/** `what` begins the sentence: `Where the model's weights lie`. */
export async function writeRecord(path: string, value: object, what: string): Promise<void> {
	try {
		await mkdir(dirname(path), { recursive: true });
		const temporary = `${path}.${randomUUID()}`;
		await writeFile(temporary, JSON.stringify(value));
		await rename(temporary, path);
	} catch (error) {
		const { code, message } = error as NodeJS.ErrnoException;
		throw new EngineError(
			`${what} cannot be noted in ${quoted(home())} (${code ?? message}): set NEURALESE_HOME to a folder of yours.`,
			'cannot-write',
		);
	}
}
