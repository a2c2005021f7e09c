import type { Message, Piece } from './prompt';

/** Enough to recognise what was left unfilled. */
const NAMED_VARIABLES = 5;

/** The file's text from `start` on as one user message. Template expressions stay as they are, which a warning says. */
export function readBody(
	text: string,
	start: number,
	expression: RegExp,
	warnings: string[],
): { messages: Message[]; variables: string[] } {
	const message: Message = { role: 'user', ...normalise(text, start) };
	const variables = [...new Set(message.text.match(expression))];
	if (variables.length > 0) {
		const named = variables.slice(0, NAMED_VARIABLES).join(', ') + (variables.length > NAMED_VARIABLES ? ', …' : '');
		warnings.push(`Template expressions are given to the model as they stand: ${named}.`);
	}
	return { messages: [message], variables };
}

/** `\r` before `\n`. The look behind keeps a long run of them from being tried from each of its characters. */
const CARRIAGE = /(?<!\r)\r+(?=\n)/g;

/** Drops every `\r` before a `\n`; each piece begins at the `\n` that ended the one before it. */
function normalise(text: string, start: number): { text: string; pieces: Piece[] } {
	const pieces: Piece[] = [];
	let out = '';
	const add = (from: number, end: number) => {
		if (end > from) {
			pieces.push({ text: { start: out.length, end: out.length + end - from }, file: { start: from, end } });
			out += text.slice(from, end);
		}
	};
	let from = start;
	for (const { index, 0: carriage } of text.matchAll(CARRIAGE)) {
		add(from, index);
		from = Math.max(from, index + carriage.length);
	}
	add(from, text.length);
	return { text: out, pieces };
}
