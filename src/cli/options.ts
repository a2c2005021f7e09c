/** The command line, read strictly: what is not understood is wrong usage and never a guess. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { CAUSAL_TESTS, type CausalTest } from '../analysis/causal';
import { messageOf, UsageError } from './failure';

export const USAGE = `Usage:
  node dist/cli.js analyze FILE [--model DIR] [--arms latent,cot,direct] [--latents N] [--seed N] [--temperature X]
                                [--max-tokens N] [--top-k K] [--out X.trace.safetensors] [--json]
  node dist/cli.js eval DATA.json [--model DIR] [--arms …] [--latents N] [--seed N] [--temperature X]
                                [--max-tokens N] [--limit N] [--causal] [--json]
  node dist/cli.js causal FILE  [--tests ablate-zero,…] [--reference FILE|DATA.json] [--from FILE] [--model DIR] [--arms …]
                                [--latents N] [--seed N] [--max-tokens N] [--json]
  node dist/cli.js ood FILE [--reference DATA.json] [--model DIR] [--arms …] [--latents N] [--seed N] [--temperature X]
                                [--max-tokens N] [--json]
  node dist/cli.js inspect X.trace.safetensors [--json]
  node dist/cli.js models add FILE.onnx|DIR [--tokenizer DIR] [--out DIR]
  node dist/cli.js models list
  node dist/cli.js models check DIR [--reference NPZ] [--json]

--model takes a model folder, a bundled or added model's name, an .onnx file of a decoder, or a folder with one.

What a prompt file's header says is overridden by options; without either the model's own recipe applies.
DATA is ProsQA's JSON: a list of {"question", "answer"}, or one such object a line.
Exit codes: 0 done, 1 the run failed, 2 wrong usage.`;

export type Command =
	| { kind: 'help' }
	| { kind: 'analyze'; file: string; json: boolean; out?: string; run: RunFlags }
	| { kind: 'eval'; file: string; json: boolean; limit?: number; causal: boolean; run: RunFlags }
	| { kind: 'causal'; file: string; json: boolean; tests: CausalTest[]; reference?: string; from?: string; run: RunFlags }
	| { kind: 'ood'; file: string; json: boolean; reference?: string; run: RunFlags }
	| { kind: 'inspect'; file: string; json: boolean }
	| { kind: 'models-add'; file: string; tokenizer?: string; out?: string }
	| { kind: 'models-list' }
	| { kind: 'models-check'; file: string; json: boolean; reference?: string };

/** Absent where the option was not given. */
export interface RunFlags {
	model?: string;
	arms?: string[];
	latents?: number;
	seed?: number;
	temperature?: number;
	maxTokens?: number;
	topK?: number;
}

const COMMON = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
const RUN = {
	model: { type: 'string' },
	arms: { type: 'string' },
	latents: { type: 'string' },
	seed: { type: 'string' },
	temperature: { type: 'string' },
	'max-tokens': { type: 'string' },
} as const;

const MAX_COUNT = 1_000_000;
const MAX_SEED = 2 ** 32 - 1;
const MAX_TOP_K = 1_000;
const MAX_TEMPERATURE = 100;

const COMMANDS = 'analyze, eval, causal, ood, inspect or models';

type Values = Record<string, string | boolean | undefined>;

export function parseCommand(args: readonly string[]): Command {
	const [command, ...rest] = args;
	switch (command) {
		case 'analyze': {
			const { file, values } = parsed(command, rest, {
				...COMMON,
				...RUN,
				'top-k': { type: 'string' },
				out: { type: 'string' },
			});
			return file === undefined
				? { kind: 'help' }
				: { kind: 'analyze', file, json: values['json'] === true, out: named(values, 'out'), run: runFlags(values) };
		}
		case 'eval': {
			const { file, values } = parsed(command, rest, {
				...COMMON,
				...RUN,
				limit: { type: 'string' },
				causal: { type: 'boolean' },
			});
			if (values['causal'] === true && Number(values['temperature'] ?? 0) !== 0) {
				throw new UsageError('--causal compares the likeliest answers: leave out --temperature.');
			}
			return file === undefined
				? { kind: 'help' }
				: {
						kind: 'eval',
						file,
						json: values['json'] === true,
						limit: number(values, 'limit', 1, MAX_COUNT),
						causal: values['causal'] === true,
						run: runFlags(values),
					};
		}
		case 'causal': {
			const { temperature: _, ...greedy } = RUN;
			const { file, values } = parsed(command, rest, {
				...COMMON,
				...greedy,
				tests: { type: 'string' },
				reference: { type: 'string' },
				from: { type: 'string' },
			});
			return file === undefined
				? { kind: 'help' }
				: {
						kind: 'causal',
						file,
						json: values['json'] === true,
						tests: tests(list(values, 'tests'), named(values, 'from') !== undefined),
						reference: named(values, 'reference'),
						from: named(values, 'from'),
						run: runFlags(values),
					};
		}
		case 'ood': {
			const { file, values } = parsed(command, rest, { ...COMMON, ...RUN, reference: { type: 'string' } });
			return file === undefined
				? { kind: 'help' }
				: { kind: 'ood', file, json: values['json'] === true, reference: named(values, 'reference'), run: runFlags(values) };
		}
		case 'inspect': {
			const { file, values } = parsed(command, rest, COMMON);
			return file === undefined ? { kind: 'help' } : { kind: 'inspect', file, json: values['json'] === true };
		}
		case 'models':
			return models(rest);
		case 'help':
		case '--help':
		case '-h':
			return { kind: 'help' };
		default:
			throw new UsageError(
				command === undefined
					? `A command is missing: use ${COMMANDS}.`
					: `There is no command ${JSON.stringify(command.slice(0, 60))}: use ${COMMANDS}.`,
			);
	}
}

function models([action, ...rest]: readonly string[]): Command {
	switch (action) {
		case 'add': {
			const { file, values } = parsed('models add', rest, {
				help: COMMON.help,
				tokenizer: { type: 'string' },
				out: { type: 'string' },
			});
			return file === undefined
				? { kind: 'help' }
				: { kind: 'models-add', file, tokenizer: named(values, 'tokenizer'), out: named(values, 'out') };
		}
		case 'check': {
			const { file, values } = parsed('models check', rest, { ...COMMON, reference: { type: 'string' } });
			return file === undefined
				? { kind: 'help' }
				: { kind: 'models-check', file, json: values['json'] === true, reference: named(values, 'reference') };
		}
		case 'list':
			if (rest.length > 0) {
				throw new UsageError('models list takes nothing else: see --help.');
			}
			return { kind: 'models-list' };
		case '--help':
		case '-h':
			return { kind: 'help' };
		default:
			throw new UsageError('models needs an action: use add, list or check.');
	}
}

/** `file` is absent where help was asked for. */
function parsed(
	command: string,
	args: string[],
	options: NonNullable<ParseArgsConfig['options']>,
): { file?: string; values: Values } {
	let result: { values: Values; positionals: string[] };
	try {
		result = parseArgs({ args, options, allowPositionals: true, strict: true }) as typeof result;
	} catch (error) {
		const message = messageOf(error);
		const option = /^Option '(--[\w-]+).*' argument is ambiguous/.exec(message)?.[1];
		throw new UsageError(option ? `${option} cannot be negative: see --help.` : `${message.split(/\.\s|\n/)[0]}: see --help.`);
	}
	const { values, positionals } = result;
	if (values['help'] === true) {
		return { values };
	}
	const [file, extra] = positionals;
	if (file === undefined || file === '') {
		throw new UsageError(`${command} needs a file: see --help.`);
	}
	if (extra !== undefined) {
		throw new UsageError(`${command} takes one file, not also ${JSON.stringify(extra.slice(0, 60))}: see --help.`);
	}
	return { file, values };
}

function runFlags(values: Values): RunFlags {
	return {
		model: named(values, 'model'),
		arms: list(values, 'arms'),
		latents: number(values, 'latents', 0, MAX_COUNT),
		seed: number(values, 'seed', 0, MAX_SEED),
		temperature: number(values, 'temperature', 0, MAX_TEMPERATURE, false),
		maxTokens: number(values, 'max-tokens', 1, MAX_COUNT),
		topK: number(values, 'top-k', 1, MAX_TOP_K),
	};
}

/** Another question's thoughts are transplanted where they are given; without a list all tests are run. */
function tests(wanted: readonly string[] | undefined, transplants: boolean): CausalTest[] {
	const known = CAUSAL_TESTS.filter((test) => test !== 'transplant');
	const unknown = wanted?.find((test) => !known.some((one) => one === test));
	if (unknown !== undefined) {
		throw new UsageError(`There is no test ${JSON.stringify(unknown.slice(0, 60))}: use ${known.join(', ')}.`);
	}
	return [...known.filter((test) => wanted?.includes(test) ?? true), ...(transplants ? ['transplant' as const] : [])];
}

function named(values: Values, option: string): string | undefined {
	const value = values[option];
	if (value === '') {
		throw new UsageError(`--${option} needs a value: see --help.`);
	}
	return typeof value === 'string' ? value : undefined;
}

function list(values: Values, option: string): string[] | undefined {
	const items = named(values, option)
		?.split(',')
		.map((item) => item.trim());
	if (items?.some((item) => item === '')) {
		throw new UsageError(`--${option} takes names with commas between them, for example latent,cot.`);
	}
	return items && [...new Set(items)];
}

function number(values: Values, option: string, low: number, high: number, whole = true): number | undefined {
	const value = named(values, option);
	if (value === undefined) {
		return undefined;
	}
	const found = Number(value);
	if (!/^\d+(\.\d+)?$/.test(value) || found < low || found > high || (whole && !Number.isInteger(found))) {
		const expected = `${whole ? 'a whole number' : 'a number'} from ${low} to ${high}`;
		throw new UsageError(`--${option} should be ${expected}, not ${JSON.stringify(value.slice(0, 60))}.`);
	}
	return found;
}
