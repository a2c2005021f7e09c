/** Text without a tokenizer, cut where the views end a sentence: a step of an imported trace is then a sentence. */

/** Longer ones are cut between words; a step's text is one line of the trace's document. */
const MAX_PIECE = 1_000;

/** A sentence with the quotes and brackets that close after it, or a line with its ends. */
const SENTENCE = /[^\n]*?(?:[.!?]["'”’)\]]*(?=[^\S\n]+\S)|\n+|$)/gy;

/**
 * Together they are the text. White space at the end of a line belongs to it, a space between two sentences to the second, and blank lines
 * before the first one to that.
 */
export function pieces(text: string): string[] {
	const found: string[] = [];
	SENTENCE.lastIndex = 0;
	while (SENTENCE.lastIndex < text.length) {
		const [piece] = SENTENCE.exec(text)!;
		const last = found.at(-1);
		const isBlank = piece.trim() === '' || last?.trim() === '';
		if (isBlank && last !== undefined && last.length + piece.length <= MAX_PIECE) {
			found[found.length - 1] = last + piece;
		} else {
			cut(piece).forEach((one) => found.push(one));
		}
	}
	return found;
}

function cut(piece: string): string[] {
	const out: string[] = [];
	let rest = piece;
	while (rest.length > MAX_PIECE) {
		const space = rest.lastIndexOf(' ', MAX_PIECE);
		const at = safe(rest, space > 0 ? space : MAX_PIECE);
		out.push(rest.slice(0, at));
		rest = rest.slice(at);
	}
	return rest === '' ? out : [...out, rest];
}

/** Never between the halves of a character. */
function safe(text: string, at: number): number {
	const code = text.charCodeAt(at);
	return code >= 0xdc00 && code <= 0xdfff ? at - 1 : at;
}
