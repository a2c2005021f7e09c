/** Which of a turn's logged tokens belong to which of its parts: found by their text, since sources keep the two apart. */
import type { LoggedToken, Part } from './sample';

/** Parts that are not there, after which none is looked for: each costs a walk through the whole text. */
const MAX_MISSING = 100;

export interface Placed {
	/** Undefined for tokens between the parts: tags, separators, the end of the text. */
	part?: Part;
	tokens: LoggedToken[];
}

/**
 * The tokens in stretches, in their order, and the parts that have none. A part is found where its trimmed text stands in the tokens'
 * text after the part before it; a token belongs to the part in which it begins, or that begins in it.
 */
export function placeTokens(parts: readonly Part[], tokens: readonly LoggedToken[]): { placed: Placed[]; found: boolean } {
	const text = tokens.map((token) => token.text).join('');
	const placed: Placed[] = [];
	let found = false;
	let at = 0;
	let next = 0;
	let position = 0;
	let missing = 0;
	/** Tokens that begin before `end`. */
	const take = (end: number): LoggedToken[] => {
		const first = next;
		while (next < tokens.length && position < end) {
			position += tokens[next++]!.text.length;
		}
		return tokens.slice(first, next);
	};
	for (const part of parts) {
		const wanted = part.text.trim();
		const isLogged = wanted !== '' && part.kind !== 'redacted' && part.kind !== 'summary';
		const start = isLogged && missing < MAX_MISSING ? text.indexOf(wanted, at) : -1;
		if (start < 0) {
			missing += isLogged ? 1 : 0;
			placed.push({ part, tokens: [] });
			continue;
		}
		found = true;
		// A token that reaches into the part is the part's.
		const before: LoggedToken[] = [];
		while (next < tokens.length && position + tokens[next]!.text.length <= start) {
			position += tokens[next]!.text.length;
			before.push(tokens[next++]!);
		}
		if (before.length > 0) {
			placed.push({ tokens: before });
		}
		at = start + wanted.length;
		placed.push({ part, tokens: take(at) });
	}
	const rest = tokens.slice(next);
	return { placed: rest.length > 0 ? [...placed, { tokens: rest }] : placed, found };
}
