/** A file of problems: questions with their answers. */
import { readFile } from 'node:fs/promises';
import { RunError } from './failure';

export interface Problem {
	question: string;
	answer: string;
}

export async function readProblems(path: string): Promise<Problem[]> {
	const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
		throw new RunError(`${path} cannot be read (${error.code ?? error.message}): check the name.`);
	});
	const items = parsed(text.trim());
	const wrong = items?.findIndex((item) => !isProblem(item)) ?? 0;
	if (!items || items.length === 0 || wrong >= 0) {
		const where = items && items.length > 0 ? ` (item ${wrong} has no "question" and "answer")` : '';
		throw new RunError(
			`${path} is not ProsQA's JSON${where}: give a list of {"question", "answer"}, or one such object a line.`,
		);
	}
	return items as Problem[];
}

/** One JSON list, or one object a line. */
function parsed(text: string): unknown[] | undefined {
	try {
		if (text.startsWith('[')) {
			return JSON.parse(text) as unknown[];
		}
		return text
			.split('\n')
			.filter((line) => line.trim() !== '')
			.map((line) => JSON.parse(line) as unknown);
	} catch {
		return undefined;
	}
}

function isProblem(item: unknown): item is Problem {
	const { question, answer } = (item ?? {}) as Record<string, unknown>;
	return typeof question === 'string' && typeof answer === 'string';
}
