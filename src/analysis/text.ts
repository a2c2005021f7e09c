/**
 * Text from a model or a file made safe and legible for display: control and bidirectional characters become visible, so that a
 * token can neither hide nor reorder what stands beside it, and bytes that are no character are written out. The result is still
 * text, never markup.
 */

const NAMED: Readonly<Record<string, string>> = { '\n': '↵', '\t': '⇥' };

/**
 * Emoji, which are shown whole with their joiners and variants; then control, format (bidi, zero width), line separators, unassigned
 * surrogates, whatever else has no shape of its own, the sign for lost characters, and spaces other than U+0020.
 */
const HIDDEN =
	/(\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]?(?:\u200d\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]?)*)|[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\ufffd]|(?! )\p{Zs}/gu;

/** Spaces stay spaces; everything that cannot be seen is named. */
export function printable(text: string): string {
	return text.replace(
		HIDDEN,
		(character, emoji?: string) =>
			emoji ?? NAMED[character] ?? `⟨U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}⟩`,
	);
}

/** A token or name on its own: `printable`, leading and trailing spaces as ·, and a mark that combines with what is before it on a ◌. */
export function visible(text: string): string {
	return printable(text)
		.replace(/^ +| +$/g, (spaces) => '·'.repeat(spaces.length))
		.replace(/^\p{M}/u, '◌$&');
}

/** UTF-8 as text: bytes that are no whole character are written out as `⟨E2 80⟩`. What traces keep of a token. */
export function legible(bytes: Uint8Array): string {
	return parts(bytes)
		.map(({ text, odd }) => text ?? hex(odd!))
		.join('');
}

/** Whether some of the bytes are no whole character. */
export function incomplete(bytes: Uint8Array): boolean {
	return parts(bytes).some(({ odd }) => odd);
}

/** What stands in `legible` for each U+FFFD of the usual decoding, in order. Several in a row are one stretch; the others are empty. */
export function instead(bytes: Uint8Array): string[] {
	return parts(bytes).flatMap(({ text, odd, signs }) =>
		odd ? [hex(odd), ...new Array<string>(signs! - 1).fill('')] : [...text!].filter((character) => character === '\ufffd'),
	);
}

/**
 * Legible texts of two tokens that follow each other: what bytes at the seam are together. So a character of several tokens shows its
 * bytes in each of them, and itself in their text.
 */
export function joined(before: string, after: string): string {
	const end = STARTS.exec(after)?.[0];
	const start = end === undefined ? '' : bytesAtEnd(before);
	if (end === undefined || start === '') {
		return before + after;
	}
	const bytes = (start + end).match(/[\dA-F]{2}/g)!.map((byte) => Number.parseInt(byte, 16));
	return before.slice(0, -start.length) + legible(Uint8Array.from(bytes)) + after.slice(end.length);
}

/**
 * Legible texts of tokens that follow each other, each on its own: with the token that completes a character stands the character too,
 * so that `⟨F0 9F⟩`, `⟨98⟩`, `⟨80⟩` end in `⟨80⟩😀`.
 */
export function completed(texts: readonly string[]): string[] {
	/** Bytes at the end of what came before. */
	let open = '';
	return texts.map((text) => {
		const seam = STARTS.exec(text)?.[0];
		const together = open !== '' && seam !== undefined ? joined(open, seam) : '';
		const characters = together.replace(WRITTEN, '');
		open = bytesAtEnd(text === seam && together !== '' ? together : text);
		return characters === '' ? text : `${seam}${characters}${text.slice(seam!.length)}`;
	});
}

function bytesAtEnd(text: string): string {
	return text.endsWith('⟩') ? (ENDS.exec(text.slice(text.lastIndexOf('⟨')))?.[0] ?? '') : '';
}

const WRITTEN = /⟨[\dA-F]{2}(?: [\dA-F]{2})*⟩/g;
const STARTS = /^⟨[\dA-F]{2}(?: [\dA-F]{2})*⟩/;
const ENDS = /^⟨[\dA-F]{2}(?: [\dA-F]{2})*⟩$/;

function hex(bytes: readonly number[]): string {
	return `⟨${bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ')}⟩`;
}

interface Part {
	text?: string;
	/** Bytes that are no character. */
	odd?: number[];
	/** How many U+FFFD the usual decoding has for them. */
	signs?: number;
}

const whole = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });

/** Stretches that are text, and stretches that are not, in turns. */
function parts(bytes: Uint8Array): Part[] {
	try {
		return [{ text: whole.decode(bytes) }];
	} catch {
		// Some of them are no text.
	}
	const out: Part[] = [];
	for (let at = 0; at < bytes.length; ) {
		const length = lengthAt(bytes, at);
		const stretch = bytes.subarray(at, at + Math.abs(length));
		const last = out.at(-1);
		if (length > 0) {
			const text = lossy.decode(stretch);
			if (last?.text === undefined) {
				out.push({ text });
			} else {
				last.text += text;
			}
		} else if (last?.odd) {
			last.odd.push(...stretch);
			last.signs! += 1;
		} else {
			out.push({ odd: [...stretch], signs: 1 });
		}
		at += stretch.length;
	}
	return out;
}

/**
 * Bytes of the character that begins at `at`; negative, of the longest beginning of one where there is no whole character (the
 * encoding standard's UTF-8 decoder has one U+FFFD for it).
 */
function lengthAt(bytes: Uint8Array, at: number): number {
	const first = bytes[at]!;
	if (first < 0x80) {
		return 1;
	}
	const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
	// The second byte keeps out longer forms than needed, surrogates, and what lies beyond Unicode.
	let [low, high] = [first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80, first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf];
	for (let i = 1; i < length; i++) {
		const byte = bytes[at + i];
		if (byte === undefined || byte < low || byte > high) {
			return -i;
		}
		[low, high] = [0x80, 0xbf];
	}
	return length || -1;
}
