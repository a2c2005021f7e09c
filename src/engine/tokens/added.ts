/** Tokens that are found in a text before anything else happens to it: special ones, and words that were added to a vocabulary. */
import type { Range } from '../../shared/range';
import type { Aligned } from './aligned';
import type { AddedToken } from './config';

/** A stretch of a text, and the added token that it is; without one, text for the model. */
export interface Section extends Range {
	token?: AddedToken;
}

const SPACE = /^\p{White_Space}$/u;
const WORD = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;

/** Finds the leftmost token, and of several there the longest one. */
export class AddedTokens {
	private readonly byText: ReadonlyMap<string, AddedToken>;
	private readonly pattern?: RegExp;

	/** @param tokens with what they look like in the text. */
	constructor(tokens: readonly (readonly [text: string, token: AddedToken])[]) {
		this.byText = new Map(tokens);
		this.pattern = alternatives([...this.byText.keys()]);
	}

	/** All of the text, in order. */
	sections({ text }: Aligned): Section[] {
		const out: Section[] = [];
		let done = 0;
		const add = (section: Section) => {
			if (section.start < section.end) {
				out.push(section);
			}
			done = section.end;
		};
		for (const match of this.pattern ? text.matchAll(this.pattern) : []) {
			const token = this.byText.get(match[0])!;
			let start = match.index;
			let end = start + match[0].length;
			if (token.single_word && (WORD.test(characterBefore(text, start)) || WORD.test(characterAt(text, end)))) {
				continue;
			}
			while (token.lstrip && start > done && SPACE.test(text[start - 1]!)) {
				start--;
			}
			while (token.rstrip && end < text.length && SPACE.test(text[end]!)) {
				end++;
			}
			add({ start: done, end: start });
			add({ start, end, token });
		}
		add({ start: done, end: text.length });
		return out;
	}
}

function characterAt(text: string, at: number): string {
	const point = text.codePointAt(at);
	return point === undefined ? '' : String.fromCodePoint(point);
}

function characterBefore(text: string, at: number): string {
	return /[\udc00-\udfff]/.test(text[at - 1] ?? '') && at > 1 ? characterAt(text, at - 2) : (text[at - 1] ?? '');
}

function alternatives(contents: readonly string[]): RegExp | undefined {
	const escaped = contents
		.filter((content) => content !== '')
		.sort((a, b) => b.length - a.length)
		.map((content) => content.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'));
	return escaped.length > 0 ? new RegExp(escaped.join('|'), 'gu') : undefined;
}
