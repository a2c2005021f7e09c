/** Reads a file of problems from the disk. */
import { readFile } from 'node:fs/promises';
import { parseProblems, type Problem } from '../prompts/problems';
import { RunError } from './failure';

export async function readProblems(path: string): Promise<Problem[]> {
	const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
		throw new RunError(`${path} cannot be read (${error.code ?? error.message}): check the name.`);
	});
	const problems = parseProblems(text);
	if (typeof problems === 'string') {
		throw new RunError(
			`${path} is not ProsQA's JSON (${problems}): give a list of {"question", "answer"}, or one such object a line.`,
		);
	}
	return problems;
}
