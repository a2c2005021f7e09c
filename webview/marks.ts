/** Signs that the host put in place of what cannot be seen are drawn paler than the text, so that nobody takes them for it. */

const SIGNS = /(?:[·↵⇥]|⟨U\+[0-9A-F]{4,6}⟩|⟨[0-9A-F]{2}(?: [0-9A-F]{2})*⟩)+/gu;

export function marks(text: string): { text: string; sign: boolean }[] {
	const pieces: { text: string; sign: boolean }[] = [];
	let end = 0;
	for (const match of text.matchAll(SIGNS)) {
		if (match.index > end) {
			pieces.push({ text: text.slice(end, match.index), sign: false });
		}
		pieces.push({ text: match[0], sign: true });
		end = match.index + match[0].length;
	}
	if (end < text.length) {
		pieces.push({ text: text.slice(end), sign: false });
	}
	return pieces;
}

/** The text as elements, signs with a class of their own. */
export function signed(text: string): HTMLElement[] {
	return marks(text).map((piece) => {
		const element = document.createElement('span');
		element.className = piece.sign ? 'sign' : '';
		element.textContent = piece.text;
		return element;
	});
}
