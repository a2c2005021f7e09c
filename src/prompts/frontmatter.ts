import { parseDocument } from 'yaml';

/** A header is settings, not data: a hand-written one has a few lines. */
const MAX_HEADER = 64 * 1024;
/** Hand-written headers have no aliases at all; a few kilobytes of them can unfold to gigabytes. */
const MAX_ALIASES = 50;
/** A header nests two or three levels; each further level is a frame on the parser's stack. */
const MAX_DEPTH = 50;
/** A warning is one line. */
const MAX_MESSAGE = 200;
/** `---` alone on its line. */
const OPEN = /^---[ \t]*(?:\r?\n|$)/;
const CLOSE = /(?<![^\n])---[ \t]*\r?(?=\n|$)/;
const LICENCE = /^(?:[ \t]*(?:#[^\n]*)?\r?\n)*/;

export interface FrontMatter {
	/** The header's keys; empty where there is no header or it cannot be read. */
	header: ReadonlyMap<string, unknown>;
	/** Where the body begins in the file, in UTF-16 code units. */
	body: number;
	warnings: string[];
}

/**
 * Splits a file at its YAML header. The header opens on the first line, or after `#` lines where the format allows a licence
 * there; so `# Title`, `---`, text, `---` is a body. A byte order mark is not part of the body.
 */
export function readFrontMatter(text: string, { licence = false } = {}): FrontMatter {
	const warnings: string[] = [];
	const first = text.startsWith('\uFEFF') ? 1 : 0;
	const start = licence ? first + LICENCE.exec(text.slice(first, first + MAX_HEADER))![0].length : first;
	const open = OPEN.exec(text.slice(start, start + MAX_HEADER))?.[0];
	if (open === undefined) {
		return { header: new Map(), body: first, warnings };
	}
	const from = start + open.length;
	const close = CLOSE.exec(text.slice(from));
	if (!close) {
		if (/^[\w-]+:/.test(text.slice(from, from + MAX_HEADER))) {
			warnings.push('The header is not closed, so it is read as part of the prompt: add a line `---` after it.');
		}
		return { header: new Map(), body: first, warnings };
	}
	const end = from + close.index;
	const after = end + close[0].length;
	const body = text[after] === '\n' ? after + 1 : after;
	const header = parseHeader(text.slice(from, end), warnings);
	if (header === undefined && start > first) {
		return { header: new Map(), body: first, warnings: [] };
	}
	return { header: header ?? new Map(), body, warnings };
}

/** Undefined, with a warning, where the header is no list of keys. */
function parseHeader(yaml: string, warnings: string[]): ReadonlyMap<string, unknown> | undefined {
	if (yaml.length > MAX_HEADER || nestsTooDeep(yaml)) {
		warnings.push(
			`The header is ignored because it has more than ${MAX_HEADER / 1024} KiB or ${MAX_DEPTH} levels: shorten it.`,
		);
		return undefined;
	}
	try {
		const document = parseDocument(yaml, { logLevel: 'silent', prettyErrors: false });
		const [error] = document.errors;
		if (error) {
			const line = yaml.slice(0, error.pos[0]).split('\n').length;
			warnings.push(`The header is ignored because it is not valid YAML (its line ${line}: ${brief(error.message)}).`);
			return undefined;
		}
		const value: unknown = document.toJS({ mapAsMap: true, maxAliasCount: MAX_ALIASES });
		if (value === null || value === undefined) {
			return new Map();
		}
		if (value instanceof Map) {
			return new Map([...value].map(([key, entry]) => [String(key), entry]));
		}
		warnings.push('The header is ignored because it has no keys: write `key: value` lines between its markers.');
	} catch (error) {
		warnings.push(
			`The header is ignored because it cannot be read: ${brief(error instanceof Error ? error.message : String(error))}.`,
		);
	}
	return undefined;
}

/**
 * An upper bound of the nesting, counted before parsing: open brackets anywhere, or one level a column of indentation or `- `.
 */
function nestsTooDeep(yaml: string): boolean {
	let level = 0;
	for (const character of yaml) {
		level += character === '[' || character === '{' ? 1 : character === ']' || character === '}' ? -1 : 0;
		if (level > MAX_DEPTH) {
			return true;
		}
	}
	return yaml.split('\n').some((line) => /^(?:[ \t]|[-?:][ \t])*/.exec(line)![0].length > MAX_DEPTH * 4);
}

/** The parser's messages may quote the header. */
function brief(message: string): string {
	const line = message.split('\n', 1)[0]!.replace(/\.$/, '');
	return line.length > MAX_MESSAGE ? `${line.slice(0, MAX_MESSAGE)}…` : line;
}
