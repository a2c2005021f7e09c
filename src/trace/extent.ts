/** How large JSON is, counted on its bytes before anything is built: a file of some megabytes can ask for gigabytes of small objects. */

/** A document of a million steps has about 60 MB; more would not leave room for anything else. */
const MAX_BYTES = 128 * 1024 * 1024;
/** A document nests six levels and a recipe a few more; deeper ones exhaust the stack of whoever copies them. */
const MAX_DEPTH = 64;
/** A million steps have six million at most. Of empty objects, the costliest, this many take some 400 MB. */
const MAX_VALUES = 8_000_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** What is too large about a trace's document, as a sentence's worth; undefined where nothing is. */
export function tooLarge(json: Uint8Array): string | undefined {
	const oversize = tooLong(json.length);
	if (oversize !== undefined) {
		return oversize;
	}
	let [depth, values, quoted] = [0, 0, false];
	for (let i = 0; i < json.length; i++) {
		const byte = json[i]!;
		if (quoted) {
			i += byte === BACKSLASH ? 1 : 0;
			quoted = byte !== QUOTE;
		} else if (byte === QUOTE) {
			quoted = true;
		} else if (byte === COMMA) {
			values++;
		} else if (isOpening(byte)) {
			values++;
			if (++depth > MAX_DEPTH) {
				return `its document nests deeper than ${MAX_DEPTH} levels`;
			}
		} else if (isClosing(byte)) {
			depth--;
		}
	}
	return values > MAX_VALUES ? `its document has more than ${MAX_VALUES} values` : undefined;
}

/** As `tooLarge`, before the bytes are read. */
export function tooLong(bytes: number): string | undefined {
	return bytes > MAX_BYTES ? `its document has ${bytes} bytes, the limit is ${MAX_BYTES}` : undefined;
}

/** `[` or `{`, which differ in one bit. */
function isOpening(byte: number): boolean {
	return (byte | 0x20) === 0x7b;
}

/** `]` or `}`. */
function isClosing(byte: number): boolean {
	return (byte | 0x20) === 0x7d;
}
