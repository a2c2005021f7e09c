/** Reads a file of problems from the disk. */
import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { parseProblems, type Problem, type ProblemSet } from '../prompts/problems';
import { RunError } from './failure';
import { readBytes } from './textfile';

/** A million problems have about this size. */
const MAX_BYTES = 512 * 1024 * 1024;

/** For the usage of commands that take problems. */
export const PROBLEMS_NOTE = 'DATA.json is ProsQA\'s JSON: a list of {"question", "answer"}, or one such object a line.';

/** What may be a prompt or problems is told apart by its name. */
export function isProblemFile(path: string): boolean {
	return /\.jsonl?$/.test(path);
}

export async function readProblems(path: string): Promise<Problem[]> {
	return (await readProblemSet(path)).problems;
}

export async function readProblemSet(path: string): Promise<ProblemSet> {
	const bytes = await readBytes(path, MAX_BYTES, 'a file of problems');
	const problems = parseProblems(new TextDecoder().decode(bytes));
	if (typeof problems === 'string') {
		throw new RunError(
			`${path} is not ProsQA's JSON (${problems}): give a list of {"question", "answer"}, or one such object a line.`,
		);
	}
	return { name: basename(path), sha256: createHash('sha256').update(bytes).digest('hex'), problems };
}
