/** Reads a file of problems from the disk. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseProblems, type Problem, type ProblemSet } from '../prompts/problems';
import { RunError } from './failure';

export async function readProblems(path: string): Promise<Problem[]> {
	return (await readProblemSet(path)).problems;
}

export async function readProblemSet(path: string): Promise<ProblemSet> {
	const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
		throw new RunError(`${path} cannot be read (${error.code ?? error.message}): check the name.`);
	});
	const problems = parseProblems(new TextDecoder().decode(bytes));
	if (typeof problems === 'string') {
		throw new RunError(
			`${path} is not ProsQA's JSON (${problems}): give a list of {"question", "answer"}, or one such object a line.`,
		);
	}
	return { name: basename(path), sha256: createHash('sha256').update(bytes).digest('hex'), problems };
}
