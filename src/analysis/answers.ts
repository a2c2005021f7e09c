/**
 * Only this much of a model's text is searched for an answer: a pattern from a manifest must not be able to stall on a huge
 * text.
 */
const MAX_ANSWER_LENGTH = 10_000;

/**
 * Group 1 of the recipe's pattern on the answer's text; the trimmed text where there is no pattern; absent where nothing was
 * said.
 */
export function readAnswer(text: string, pattern?: RegExp): string | undefined {
	const trimmed = text.slice(0, MAX_ANSWER_LENGTH).trim();
	return (pattern ? pattern.exec(trimmed)?.[1]?.trim() : trimmed) || undefined;
}

/** What an answer that was read by `readAnswer` must be to say what the gold answer's text says. */
export function goldOf(gold: string, pattern?: RegExp): string {
	return readAnswer(gold, pattern) ?? gold.trim();
}

/** Whether all arms that answered say the same; absent while fewer than two have. */
export function agreement(answers: ReadonlyMap<string, string | undefined>): boolean | undefined {
	const given = [...answers.values()].filter((answer) => answer !== undefined);
	return given.length < 2 ? undefined : given.every((answer) => answer === given[0]);
}
