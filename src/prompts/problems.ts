/** A file of problems: ProsQA's JSON, a list of `{question, answer}` or one such object a line. Other fields are passed over. */

export interface Problem {
	question: string;
	answer: string;
}

/** All problems of a file. */
export interface ProblemSet {
	/** The file's base name, never its path. */
	name: string;
	/** Of the file's bytes, hex. */
	sha256: string;
	problems: Problem[];
}

/** The problems, or in a few words what is wrong. */
export function parseProblems(text: string): Problem[] | string {
	const items = parsed(text.replace(/^\uFEFF/, '').trim());
	if (!items || items.length === 0) {
		return 'it holds no list';
	}
	const wrong = items.findIndex((item) => !isProblem(item));
	return wrong < 0
		? items.map((item) => ({ question: (item as Problem).question, answer: (item as Problem).answer }))
		: `item ${wrong} has no "question" and "answer"`;
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
