/** The command line, read strictly: what is not understood is wrong usage and never a guess. */
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { CAUSAL_TESTS, type CausalTest } from '../analysis/causal';
import { PROBE_TASK_NAMES, type ProbeTaskName } from '../analysis/labels';
import { PRESETS, type PresetName } from '../analysis/presets';
import type { ProbePlace } from '../trace/document';
import { messageOf, UsageError } from './failure';

export const USAGE = `Usage:
  node dist/cli.js analyze FILE [--model DIR] [--arms latent,cot,direct] [--latents N] [--seed N] [--temperature X]
                                [--max-tokens N] [--top-k K] [--probes P,…] [--out X.trace.safetensors] [--json]
                                [--no-evidence] [--reference DATA.json] [--twin DIR] [--base DIR] [--reference-model DIR]
                                [--candidates a,b]
  node dist/cli.js eval DATA.json [--model DIR] [--arms …] [--latents N] [--seed N] [--temperature X] [--max-tokens N]
                                [--limit N] [--causal] [--twin[=DIR]] [--out RESULT.json] [--json]
  node dist/cli.js report X… --out DIR   (X: results of eval, and traces)
  node dist/cli.js reproduce [PRESET…] [--data valid.json] [--limit N] [--out DIR] [--json]
  node dist/cli.js causal FILE  [--tests ablate-zero,…] [--reference FILE|DATA.json] [--resamples N] [--from FILE]
                                [--model DIR] [--arms …] [--latents N] [--seed N] [--max-tokens N] [--json]
  node dist/cli.js ood FILE [--reference DATA.json] [--model DIR] [--arms …] [--latents N] [--seed N] [--temperature X]
                                [--max-tokens N] [--json]
  node dist/cli.js legibility FILE|DATA.json [--reference-model DIR] [--base DIR] [--model DIR] [--arms cot] [--load-bearing]
                                [--limit N] [--seed N] [--temperature X] [--max-tokens N] [--json]
  node dist/cli.js probe train [DATA.jsonl] --out P [--task first-option|within-k-hops|live] [--arm A] [--at thoughts|tokens]
                                [--sites 0,1,…] [--name N] [--label TEXT] [--model DIR] [--latents N] [--seed N] [--temperature X]
                                [--max-tokens N] [--json]
  node dist/cli.js probe eval P [DATA.jsonl] [--task T] [--model DIR] [--latents N] [--seed N] [--temperature X] [--max-tokens N] [--json]
  node dist/cli.js probe features DATA.jsonl --out F.safetensors [as probe train]
  node dist/cli.js inspect X.trace.safetensors [--json]
  node dist/cli.js models add FILE.onnx|DIR [--tokenizer DIR] [--out DIR]
  node dist/cli.js models add HUB-ID [--revision R] [--variant NAME] [--yes] [--tokenizer DIR] [--out DIR]
  node dist/cli.js models list
  node dist/cli.js models check DIR [--reference NPZ] [--json]

--model takes a model folder, a bundled or added model's name, an .onnx file of a decoder, or a folder with one.

Tests of causal: ablate-zero, ablate-mean, noise, resample, snap-1, snap-5, mixture, truncate, early-answer, drop-span, patch,
transplant, jitter; and interchange, which needs --from. All where --tests is absent.
What a prompt file's header says is overridden by options; without either the model's own recipe applies.
DATA is ProsQA's JSON: a list of {"question", "answer"}, or one such object a line. Of a probe it is one
{"prompt", "label": 0|1|"class", "group"?, "step"?} a line; with --task any prompts, and without DATA the model's own.
Exit codes: 0 done, 1 the run failed, 2 wrong usage.`;

export type Command =
	| { kind: 'help' }
	| { kind: 'analyze'; file: string; json: boolean; out?: string; probes?: string[]; run: RunFlags; evidence?: EvidenceFlags }
	| { kind: 'eval'; file: string; json: boolean; limit?: number; causal: boolean; twin?: string | true; out?: string; run: RunFlags }
	| { kind: 'report'; files: string[]; out: string }
	| { kind: 'reproduce'; presets: PresetName[]; data?: string; limit?: number; out?: string; json: boolean }
	| {
			kind: 'causal';
			file: string;
			json: boolean;
			tests: CausalTest[];
			reference?: string;
			resamples?: number;
			from?: string;
			run: RunFlags;
	  }
	| { kind: 'ood'; file: string; json: boolean; reference?: string; run: RunFlags }
	| { kind: 'legibility'; file: string; json: boolean; limit?: number; loadBearing: boolean; peers: PeerFlags; run: RunFlags }
	| { kind: 'inspect'; file: string; json: boolean }
	| { kind: 'models-add'; file: string; tokenizer?: string; out?: string; hub: HubFlags }
	| { kind: 'models-list' }
	| { kind: 'models-check'; file: string; json: boolean; reference?: string }
	| ({ kind: 'probe-train'; out: string; name?: string; label?: string } & ProbeFlags)
	| ({ kind: 'probe-eval'; probe: string } & Omit<ProbeFlags, 'at' | 'sites'>)
	| ({ kind: 'probe-features'; file: string; out: string } & Omit<ProbeFlags, 'file'>);

/** `file`: of labelled prompts. `run.arms` has at most one. */
export interface ProbeFlags {
	file?: string;
	json: boolean;
	task?: ProbeTaskName;
	at: ProbePlace;
	sites?: number[];
	run: RunFlags;
}

/** Models that a chain of thought is read under: folders, or names of bundled ones. */
export interface PeerFlags {
	base?: string;
	referenceModel?: string;
}

/** How a hub's model is had. */
export interface HubFlags {
	revision?: string;
	variant?: string;
	/** To the download. */
	yes: boolean;
}

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

/** What evidence is gathered from; absent where the option was not given. */
export interface EvidenceFlags extends PeerFlags {
	reference?: string;
	twin?: string;
	candidates?: string[];
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

const PEERS = { base: { type: 'string' }, 'reference-model': { type: 'string' } } as const;

const MAX_COUNT = 1_000_000;
/** As many as there are reference prompts at most. */
const MAX_RESAMPLES = 300;
const MAX_SEED = 2 ** 32 - 1;
const MAX_TOP_K = 1_000;
const MAX_TEMPERATURE = 100;

const COMMANDS = 'analyze, eval, report, reproduce, causal, ood, legibility, probe, inspect or models';

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
				'no-evidence': { type: 'boolean' },
				reference: { type: 'string' },
				twin: { type: 'string' },
				...PEERS,
				candidates: { type: 'string' },
				probes: { type: 'string' },
			});
			return file === undefined
				? { kind: 'help' }
				: {
						kind: 'analyze',
						file,
						json: values['json'] === true,
						out: named(values, 'out'),
						probes: list(values, 'probes'),
						run: runFlags(values),
						evidence: evidenceFlags(values),
					};
		}
		case 'eval': {
			// A value of this option is optional, which the parser does not know: it is given with `=`.
			const args = rest.map((arg) => (arg === '--twin' ? '--twin=' : arg));
			const { file, values } = parsed(command, args, {
				...COMMON,
				...RUN,
				limit: { type: 'string' },
				causal: { type: 'boolean' },
				twin: { type: 'string' },
				out: { type: 'string' },
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
						twin: values['twin'] === '' ? true : named(values, 'twin'),
						out: named(values, 'out'),
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
				resamples: { type: 'string' },
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
						resamples: number(values, 'resamples', 1, MAX_RESAMPLES),
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
		case 'legibility': {
			const { latents: _, ...written } = RUN;
			const { file, values } = parsed(command, rest, {
				...COMMON,
				...written,
				limit: { type: 'string' },
				...PEERS,
				'load-bearing': { type: 'boolean' },
			});
			if (values['load-bearing'] === true && Number(values['temperature'] ?? 0) !== 0) {
				throw new UsageError('--load-bearing compares the likeliest answers: leave out --temperature.');
			}
			return file === undefined
				? { kind: 'help' }
				: {
						kind: 'legibility',
						file,
						json: values['json'] === true,
						limit: number(values, 'limit', 1, MAX_COUNT),
						loadBearing: values['load-bearing'] === true,
						peers: peerFlags(values),
						run: runFlags(values),
					};
		}
		case 'inspect': {
			const { file, values } = parsed(command, rest, COMMON);
			return file === undefined ? { kind: 'help' } : { kind: 'inspect', file, json: values['json'] === true };
		}
		case 'probe':
			return probe(rest);
		case 'report': {
			const { files, values } = parsedAll(rest, { help: COMMON.help, out: { type: 'string' } });
			const out = named(values, 'out');
			if (values['help'] === true) {
				return { kind: 'help' };
			}
			if (files.length === 0 || out === undefined) {
				throw new UsageError('report needs results or traces, and --out DIR: see --help.');
			}
			return { kind: 'report', files, out };
		}
		case 'reproduce': {
			const { files, values } = parsedAll(rest, {
				...COMMON,
				data: { type: 'string' },
				limit: { type: 'string' },
				out: { type: 'string' },
			});
			return values['help'] === true
				? { kind: 'help' }
				: {
						kind: 'reproduce',
						presets: presets(files),
						data: named(values, 'data'),
						limit: number(values, 'limit', 1, MAX_COUNT),
						out: named(values, 'out'),
						json: values['json'] === true,
					};
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

const STATES = {
	...COMMON,
	...RUN,
	arm: { type: 'string' },
	task: { type: 'string' },
	at: { type: 'string' },
	sites: { type: 'string' },
	out: { type: 'string' },
} as const;

function probe([verb, ...rest]: string[]): Command {
	switch (verb) {
		case 'train': {
			const { files, values } = parsedAll(rest, { ...STATES, name: { type: 'string' }, label: { type: 'string' } });
			if (values['help'] === true) {
				return { kind: 'help' };
			}
			const flags = probeFlags(only(files, 1, 'probe train')[0], values);
			if (flags.file === undefined && flags.task === undefined) {
				throw new UsageError("probe train needs a file of labelled prompts, or a --task that labels the model's own: see --help.");
			}
			const out = outOf(values, 'probe train', 'P.probe.safetensors');
			return { kind: 'probe-train', out, name: named(values, 'name'), label: named(values, 'label'), ...flags };
		}
		case 'eval': {
			const { at: _, sites: __, out: ___, ...options } = STATES;
			const { files, values } = parsedAll(rest, options);
			if (values['help'] === true) {
				return { kind: 'help' };
			}
			const [file, data] = only(files, 2, 'probe eval');
			if (!file) {
				throw new UsageError('probe eval needs a probe: see --help.');
			}
			const { json, task, run } = probeFlags(data, values);
			return { kind: 'probe-eval', probe: file, file: data, json, task, run };
		}
		case 'features': {
			const { files, values } = parsedAll(rest, STATES);
			if (values['help'] === true) {
				return { kind: 'help' };
			}
			const { file, ...flags } = probeFlags(only(files, 1, 'probe features')[0], values);
			if (file === undefined) {
				throw new UsageError('probe features needs a file of prompts: see --help.');
			}
			return { kind: 'probe-features', file, out: outOf(values, 'probe features', 'F.safetensors'), ...flags };
		}
		case '--help':
		case '-h':
			return { kind: 'help' };
		default:
			throw new UsageError('probe needs one of train, eval, features: see --help.');
	}
}

function outOf(values: Values, command: string, example: string): string {
	const out = named(values, 'out');
	if (out === undefined) {
		throw new UsageError(`${command} needs --out ${example}: see --help.`);
	}
	return out;
}

/** `--arm` is what `--arms` with one arm is. */
function probeFlags(file: string | undefined, values: Values): ProbeFlags {
	const arm = named(values, 'arm');
	const { arms = arm === undefined ? undefined : [arm], ...run } = runFlags(values);
	if (arms && (arms.length > 1 || (arm !== undefined && arms[0] !== arm))) {
		throw new UsageError('A probe reads one arm: give one --arm.');
	}
	const task = named(values, 'task');
	const known = PROBE_TASK_NAMES.find((name) => name === task);
	if (task !== undefined && known === undefined) {
		throw new UsageError(`There is no task ${JSON.stringify(task.slice(0, 60))}: use ${PROBE_TASK_NAMES.join(', ')}.`);
	}
	const at = named(values, 'at') ?? 'thoughts';
	if (at !== 'thoughts' && at !== 'tokens') {
		throw new UsageError(`--at should be thoughts or tokens, not ${JSON.stringify(at.slice(0, 60))}.`);
	}
	const sites = list(values, 'sites')?.map((site) => number({ sites: site }, 'sites', 0, MAX_COUNT)!);
	return { file, json: values['json'] === true, task: known, at, sites, run: { ...run, arms } };
}

function only(positionals: string[], most: number, command: string): string[] {
	if (positionals.length > most || positionals.includes('')) {
		throw new UsageError(`${command} does not take ${JSON.stringify((positionals[most] ?? '').slice(0, 60))}: see --help.`);
	}
	return positionals;
}

function models([action, ...rest]: readonly string[]): Command {
	switch (action) {
		case 'add': {
			const { file, values } = parsed('models add', rest, {
				help: COMMON.help,
				tokenizer: { type: 'string' },
				out: { type: 'string' },
				revision: { type: 'string' },
				variant: { type: 'string' },
				yes: { type: 'boolean' },
			});
			const hub = { revision: named(values, 'revision'), variant: named(values, 'variant'), yes: values['yes'] === true };
			return file === undefined
				? { kind: 'help' }
				: { kind: 'models-add', file, tokenizer: named(values, 'tokenizer'), out: named(values, 'out'), hub };
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
	const { files, values } = parsedAll(args, options);
	if (values['help'] === true) {
		return { values };
	}
	const [file, extra] = files;
	if (file === undefined || file === '') {
		throw new UsageError(`${command} needs a file: see --help.`);
	}
	if (extra !== undefined) {
		throw new UsageError(`${command} takes one file, not also ${JSON.stringify(extra.slice(0, 60))}: see --help.`);
	}
	return { file, values };
}

function parsedAll(args: string[], options: NonNullable<ParseArgsConfig['options']>): { files: string[]; values: Values } {
	try {
		const { values, positionals } = parseArgs({ args, options, allowPositionals: true, strict: true });
		return { files: positionals, values: values as Values };
	} catch (error) {
		const message = messageOf(error);
		const option = /^Option '(--[\w-]+).*' argument is ambiguous/.exec(message)?.[1];
		throw new UsageError(option ? `${option} cannot be negative: see --help.` : `${message.split(/\.\s|\n/)[0]}: see --help.`);
	}
}

/** All of them where none is named. */
function presets(wanted: readonly string[]): PresetName[] {
	const unknown = wanted.find((name) => !PRESETS.some((preset) => preset === name));
	if (unknown !== undefined) {
		throw new UsageError(`There is no preset ${JSON.stringify(unknown.slice(0, 60))}: use ${PRESETS.join(', ')}.`);
	}
	return PRESETS.filter((name) => wanted.length === 0 || wanted.includes(name));
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

function peerFlags(values: Values): PeerFlags {
	return { base: named(values, 'base'), referenceModel: named(values, 'reference-model') };
}

/** Undefined where none is to be gathered. */
function evidenceFlags(values: Values): EvidenceFlags | undefined {
	const flags = {
		reference: named(values, 'reference'),
		twin: named(values, 'twin'),
		...peerFlags(values),
		candidates: list(values, 'candidates'),
	};
	const given = ['reference', 'twin', ...Object.keys(PEERS), 'candidates'].find((option) => values[option] !== undefined);
	if (values['no-evidence'] === true && given !== undefined) {
		throw new UsageError(`--${given} is for evidence: leave out --no-evidence.`);
	}
	return values['no-evidence'] === true ? undefined : flags;
}

/** Another prompt's thoughts are put in where it is given, whichever tests are asked for; without a list all are run. */
function tests(wanted: readonly string[] | undefined, hasOther: boolean): CausalTest[] {
	const unknown = wanted?.find((test) => !CAUSAL_TESTS.some((one) => one === test));
	if (unknown !== undefined) {
		throw new UsageError(`There is no test ${JSON.stringify(unknown.slice(0, 60))}: use ${CAUSAL_TESTS.join(', ')}.`);
	}
	if (wanted?.includes('interchange') && !hasOther) {
		throw new UsageError('interchange puts in the thoughts of another prompt: name its file with --from.');
	}
	return CAUSAL_TESTS.filter((test) => (test === 'interchange' ? hasOther : (wanted?.includes(test) ?? true)));
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
