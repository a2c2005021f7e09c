/** What a vocabulary's entries stand for, as bytes: models write spaces and bytes that are not text in ways of their own. */

/** How a vocabulary spells text. */
export type Spelling = 'plain' | 'byte-level' | 'metaspace' | 'word-piece';

/** A decoder of `tokenizer.json`. */
export interface DecoderConfig {
	type?: string;
	decoders?: DecoderConfig[];
}

const utf8 = new TextEncoder();
const BYTE = /^<0x([0-9A-F]{2})>$/;

export function spellingOf(decoder: DecoderConfig | null | undefined): Spelling {
	const types = new Set(flat(decoder).map(({ type }) => type));
	return types.has('ByteLevel')
		? 'byte-level'
		: types.has('Metaspace') || types.has('ByteFallback')
			? 'metaspace'
			: types.has('WordPiece')
				? 'word-piece'
				: 'plain';
}

function flat(component: DecoderConfig | null | undefined): DecoderConfig[] {
	return component ? [component, ...(component.decoders ?? []).flatMap(flat)] : [];
}

/** Bytes of a vocabulary entry. A word piece has no space of its own, wherever it stands. */
export function surface(token: string, spelling: Spelling): Uint8Array {
	switch (spelling) {
		case 'plain':
			return utf8.encode(token);
		case 'byte-level':
			return Uint8Array.from([...token].flatMap((character) => BYTES.get(character) ?? [...utf8.encode(character)]));
		case 'metaspace': {
			const byte = BYTE.exec(token);
			return byte ? Uint8Array.of(Number.parseInt(byte[1]!, 16)) : utf8.encode(token.replaceAll('▁', ' '));
		}
		case 'word-piece':
			return utf8.encode(token.replace(/^##/, ''));
	}
}

/** A text's bytes, each as the letter that stands for it in a byte-level vocabulary. */
export function byteLetters(text: string): string {
	return Array.from(utf8.encode(text), (byte) => LETTERS[byte]).join('');
}

/** GPT-2's mapping of bytes to printable characters: printable Latin-1 stays, the others are moved up by 256 in order. */
const BYTES: ReadonlyMap<string, number> = (() => {
	const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
	let moved = 0;
	return new Map(
		Array.from({ length: 256 }, (_, byte) => [String.fromCodePoint(printable(byte) ? byte : 256 + moved++), byte] as const),
	);
})();

const LETTERS: readonly string[] = [...BYTES.keys()];
