/** The table of commands. A new one is a file in `commands/` and a line here. */
import type { Command, Help, Invocation } from './command';
import { analyze } from './commands/analyze';
import { causal } from './commands/causal';
import { compare } from './commands/compare';
import { evaluate } from './commands/evaluate';
import { importFile } from './commands/import';
import { inspect } from './commands/inspect';
import { legibility } from './commands/legibility';
import { modelsAdd } from './commands/modelsAdd';
import { modelsCheck } from './commands/modelsCheck';
import { modelsList } from './commands/modelsList';
import { modelsRemove } from './commands/modelsRemove';
import { ood } from './commands/ood';
import { probeEval } from './commands/probeEval';
import { probeFeatures } from './commands/probeFeatures';
import { probeTrain } from './commands/probeTrain';
import { providers } from './commands/providers';
import { report } from './commands/report';
import { reproduce } from './commands/reproduce';
import { searchTrace } from './commands/search';
import { verify } from './commands/verify';
import { UsageError } from './failure';
import { EXECUTION_NOTE } from './flags/execution';
import { quoted } from './flags/values';

const COMMANDS: readonly Command[] = [
	analyze,
	evaluate,
	report,
	reproduce,
	causal,
	ood,
	legibility,
	probeTrain,
	probeEval,
	probeFeatures,
	importFile,
	inspect,
	compare,
	verify,
	searchTrace,
	modelsAdd,
	modelsList,
	modelsRemove,
	modelsCheck,
	providers,
];

const HELP_WORDS: readonly (string | undefined)[] = ['help', '--help', '-h'];

/** Where the arguments of a command begin on the lines after its first. */
const INDENT = ' '.repeat(32);

const GENERAL = `${EXECUTION_NOTE}
What a prompt file's header says is overridden by options; without either the model's own recipe applies.
Exit codes: 0 done, 1 the run failed, 2 wrong usage.`;

/** Of these commands. */
function usage(commands: readonly Command[]): string {
	const calls = commands.map(({ name, synopsis }) => `  node dist/cli.js ${[name, ...(synopsis.length > 0 ? [synopsis.join(`\n${INDENT}`)] : [])].join(' ')}`);
	const notes = [...new Set(commands.flatMap((one) => one.notes ?? []))];
	return `Usage:\n${calls.join('\n')}\n\n${[...notes, GENERAL].join('\n')}\n`;
}

/** Throws `UsageError`. */
export function parseCommand([first, second, ...rest]: readonly string[]): Invocation | Help {
	if (HELP_WORDS.includes(first)) {
		return { kind: 'help', text: usage(COMMANDS) };
	}
	const group = COMMANDS.filter(({ name }) => name.split(' ')[0] === first);
	if (first === undefined || group.length === 0) {
		const words = [...new Set(COMMANDS.map(({ name }) => name.split(' ')[0]!))];
		const known = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
		throw new UsageError(first === undefined ? `A command is missing: use ${known}.` : `There is no command ${quoted(first)}: use ${known}.`);
	}
	const one = group.find(({ name }) => name === first);
	const called = one ?? group.find(({ name }) => name === `${first} ${second}`);
	if (called) {
		const args = one && second !== undefined ? [second, ...rest] : rest;
		return called.read(args) ?? { kind: 'help', text: usage([called]) };
	}
	if (HELP_WORDS.includes(second)) {
		return { kind: 'help', text: usage(group) };
	}
	throw new UsageError(`${first} needs one of ${group.map(({ name }) => name.slice(first.length + 1)).join(', ')}: see --help.`);
}
