/**
 * JSON from anybody. `JSON.parse` takes five million levels of nesting, keeps the last of two equal keys, and fails on the NaN that Python
 * writes; so the bytes are gone over once before it.
 */
import { MAX_JSON_DEPTH, MAX_RECORD_BYTES, quote, refuse } from './limits';

export type JsonObject = { readonly [key: string]: unknown };

const [QUOTE, BACKSLASH, COMMA, COLON, MINUS] = [0x22, 0x5c, 0x2c, 0x3a, 0x2d];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];
const [CAPITAL_N, CAPITAL_I] = [0x4e, 0x49];

/** What takes the place of `NaN` and `Infinity`, padded with spaces: a value that is no number. */
const EMPTY = '""';

/**
 * Parses one value. NaN and infinities become `''`. `bytes` are changed where they hold such.
 * @param what begins what is said about it: `sample 3`
 */
export function parseJson(bytes: Uint8Array, what: string): unknown {
	if (bytes.length > MAX_RECORD_BYTES) {
		refuse(`${what} has ${bytes.length} bytes, the limit is ${MAX_RECORD_BYTES}`, 'split it');
	}
	checkJson(bytes, what);
	let text: string;
	try {
		text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
	} catch {
		return refuse(`${what} is not UTF-8`, 'save it as UTF-8');
	}
	try {
		return JSON.parse(text);
	} catch {
		return refuse(`${what} is not valid JSON`);
	}
}

/** Refuses too deep nesting, equal keys in one object, and a key that would become a prototype. */
function checkJson(bytes: Uint8Array, what: string): void {
	/** Keys of each open object; undefined for a list. */
	const open: (Set<string> | undefined)[] = [];
	for (let i = 0; i < bytes.length; i++) {
		switch (bytes[i]) {
			case QUOTE: {
				const end = stringEnd(bytes, i);
				if (end < 0) {
					refuse(`${what} ends inside a text`);
				}
				const keys = open.at(-1);
				if (keys && isKey(bytes, end)) {
					addKey(keys, bytes.subarray(i, end), what);
				}
				i = end - 1;
				break;
			}
			case OPEN_LIST:
			case OPEN_OBJECT:
				if (open.push(bytes[i] === OPEN_OBJECT ? new Set() : undefined) > MAX_JSON_DEPTH) {
					refuse(`${what} nests deeper than ${MAX_JSON_DEPTH} levels`);
				}
				break;
			case CLOSE_LIST:
			case CLOSE_OBJECT:
				open.pop();
				break;
			case CAPITAL_N:
			case CAPITAL_I:
				i = blank(bytes, i) - 1;
				break;
		}
	}
}

/** Position after the closing quote of the text that begins at `start`; -1 where it has none. */
export function stringEnd(bytes: Uint8Array, start: number): number {
	for (let end = bytes.indexOf(QUOTE, start + 1); end >= 0; end = bytes.indexOf(QUOTE, end + 1)) {
		let escapes = 0;
		while (bytes[end - 1 - escapes] === BACKSLASH) {
			escapes++;
		}
		if (escapes % 2 === 0) {
			return end + 1;
		}
	}
	return -1;
}

export function isSpace(byte: number | undefined): boolean {
	return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09;
}

/** Whether a colon follows the text that ended. */
function isKey(bytes: Uint8Array, end: number): boolean {
	let at = end;
	while (isSpace(bytes[at])) {
		at++;
	}
	return bytes[at] === COLON;
}

function addKey(keys: Set<string>, quoted: Uint8Array, what: string): void {
	const text = new TextDecoder().decode(quoted);
	let key = text.slice(1, -1);
	if (quoted.includes(BACKSLASH)) {
		try {
			key = JSON.parse(text) as string;
		} catch {
			refuse(`${what} is not valid JSON`);
		}
	}
	if (key === '__proto__') {
		refuse(`${what} has a key named __proto__`, 'rename it');
	}
	if (keys.has(key)) {
		refuse(`${what} names ${quote(key)} twice in one object`, 'write it with one value for each name');
	}
	keys.add(key);
}

/** Writes over `NaN`, `Infinity` or `-Infinity` at `at`; whatever else stands there, JSON.parse will refuse. Returns where it ends. */
function blank(bytes: Uint8Array, at: number): number {
	const word = ['NaN', 'Infinity'].find((one) => [...one].every((letter, i) => bytes[at + i] === letter.charCodeAt(0)));
	if (word === undefined) {
		return at + 1;
	}
	const start = bytes[at - 1] === MINUS ? at - 1 : at;
	bytes.fill(0x20, start, at + word.length);
	bytes.set([...EMPTY].map((letter) => letter.charCodeAt(0)), start);
	return at + word.length;
}

export const JSON_BYTES = { QUOTE, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT };
