/**
 * Text from a model or a file made safe and legible for display: control and bidirectional characters become visible, so that a
 * token can neither hide nor reorder what stands beside it. The result is still text, never markup.
 */

const NAMED: Readonly<Record<string, string>> = { '\n': '↵', '\t': '⇥' };

/** Control, format (bidi, zero width), line separators, unassigned surrogates, and spaces other than U+0020. */
const HIDDEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]|(?! )\p{Zs}/gu;

/** Spaces stay spaces; everything that cannot be seen is named. */
export function printable(text: string): string {
	return text.replace(
		HIDDEN,
		(character) => NAMED[character] ?? `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`,
	);
}

/** `printable`, and leading and trailing spaces are shown as ·. */
export function visible(text: string): string {
	return printable(text).replace(/^ +| +$/g, (spaces) => '·'.repeat(spaces.length));
}
