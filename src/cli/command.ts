/** What a command of the command line is: how it is called, how its arguments are read, and what it does. */
import { readValues, type Flags, type Values } from './flags/values';

/** What one file of `commands/` says about its command. */
export interface CommandSpec<Options extends object> {
	/** As it is typed: one word, or a group and a word. */
	name: string;
	/** Its arguments as the usage shows them, in lines. */
	synopsis: readonly string[];
	/** What else the usage says about it: whole lines. */
	notes?: readonly string[];
	flags: Flags;
	/** Flags whose value may be left out; with one it is written `--flag=value`. */
	bare?: readonly string[];
	/** From what was typed to what is run. Throws `UsageError`. */
	read(files: readonly string[], values: Values): Options;
	/** The whole output. */
	run(options: Options): Promise<string> | string;
}

/** A command whose arguments were read. */
export interface Invocation {
	kind: 'run';
	options: object;
	run(): Promise<string> | string;
}

/** The user asked what a command takes. */
export interface Help {
	kind: 'help';
	text: string;
}

/** A line of the table of commands. */
export interface Command extends Pick<CommandSpec<object>, 'name' | 'synopsis' | 'notes'> {
	/** Undefined where help was asked for. */
	read(args: readonly string[]): Invocation | undefined;
}

const HELP: Flags = { help: { type: 'boolean', short: 'h' } };

export function command<Options extends object>(spec: CommandSpec<Options>): Command {
	const { name, synopsis, notes, flags, bare = [] } = spec;
	return {
		...{ name, synopsis, notes },
		read: (args) => {
			// That a value is optional the parser does not know: to it, it is given with `=` and is empty.
			const given = args.map((arg) => (bare.some((flag) => arg === `--${flag}`) ? `${arg}=` : arg));
			const { files, values } = readValues(given, { ...flags, ...HELP });
			if (values['help'] === true) {
				return undefined;
			}
			const options = spec.read(files, values);
			return { kind: 'run', options, run: () => spec.run(options) };
		},
	};
}
