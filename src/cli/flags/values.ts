/** What was typed after a command, read strictly: what is not understood is wrong usage and never a guess. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { messageOf, UsageError } from '../failure';

/** Names of flags, and whether they take a value. */
export type Flags = NonNullable<ParseArgsConfig['options']>;

/** By the flag's name; absent where it was not given. */
export type Values = Readonly<Record<string, string | boolean | undefined>>;

export const JSON_FLAG = { json: { type: 'boolean' } } as const;

export const MAX_COUNT = 1_000_000;

/** How much of a wrong value is repeated. */
const MAX_SHOWN = 60;

export function readValues(args: string[], options: Flags): { files: string[]; values: Values } {
	try {
		const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
		return { files: positionals, values: values as Values };
	} catch (error) {
		const message = messageOf(error);
		const option = /^Option '(--[\w-]+).*' argument is ambiguous/.exec(message)?.[1];
		throw new UsageError(option ? `${option} cannot be negative: see --help.` : `${message.split(/\.\s|\n/)[0]}: see --help.`);
	}
}

export function quoted(text: string): string {
	return JSON.stringify(text.slice(0, MAX_SHOWN));
}

/** The one file of a command that takes one. */
export function oneFile(command: string, [file, extra]: readonly string[]): string {
	if (file === undefined || file === '') {
		throw new UsageError(`${command} needs a file: see --help.`);
	}
	if (extra !== undefined) {
		throw new UsageError(`${command} takes one file, not also ${quoted(extra)}: see --help.`);
	}
	return file;
}

/** At most so many files, which may be none. */
export function fewFiles(command: string, most: number, files: readonly string[]): readonly string[] {
	if (files.length > most || files.includes('')) {
		throw new UsageError(`${command} does not take ${quoted(files[most] ?? '')}: see --help.`);
	}
	return files;
}

export function given(values: Values, flag: string): boolean {
	return values[flag] === true;
}

export function named(values: Values, flag: string): string | undefined {
	const value = values[flag];
	if (value === '') {
		throw new UsageError(`--${flag} needs a value: see --help.`);
	}
	return typeof value === 'string' ? value : undefined;
}

/** Of a command that cannot do without. `example`: a file's name. */
export function outOf(command: string, values: Values, example: string): string {
	const out = named(values, 'out');
	if (out === undefined) {
		throw new UsageError(`${command} needs --out ${example}: see --help.`);
	}
	return out;
}

/** Each name once. */
export function list(values: Values, flag: string): string[] | undefined {
	const items = named(values, flag)
		?.split(',')
		.map((item) => item.trim());
	if (items?.some((item) => item === '')) {
		throw new UsageError(`--${flag} takes names with commas between them, for example latent,cot.`);
	}
	return items && [...new Set(items)];
}

export function number(values: Values, flag: string, low: number, high: number, whole = true): number | undefined {
	const value = named(values, flag);
	if (value === undefined) {
		return undefined;
	}
	const found = Number(value);
	if (!/^\d+(\.\d+)?$/.test(value) || found < low || found > high || (whole && !Number.isInteger(found))) {
		const expected = `${whole ? 'a whole number' : 'a number'} from ${low} to ${high}`;
		throw new UsageError(`--${flag} should be ${expected}, not ${quoted(value)}.`);
	}
	return found;
}

/** Refuses what is not in the table. `what`: in the sentence `There is no test "x"`. */
export function oneOf<T extends string>(what: string, known: readonly T[], wanted: string): T {
	const found = known.find((name) => name === wanted);
	if (found === undefined) {
		throw new UsageError(`There is no ${what} ${quoted(wanted)}: use ${known.join(', ')}.`);
	}
	return found;
}

/** Tests of what answers become compare the likeliest ones. `flag` asked for them. */
export function checkGreedy(values: Values, flag: string): void {
	if (given(values, flag) && Number(values['temperature'] ?? 0) !== 0) {
		throw new UsageError(`--${flag} compares the likeliest answers: leave out --temperature.`);
	}
}
