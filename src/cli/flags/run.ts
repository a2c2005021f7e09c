/** Flags of a run of a model, and those that name other models. */
import type { Execution } from '../../shared/execution';
import { MAX_LOOPS } from '../../shared/sites';
import { UsageError } from '../failure';
import { EXECUTION_FLAGS, executionFlags } from './execution';
import { given, list, MAX_COUNT, named, number, quoted, type Values } from './values';

export const RUN_FLAGS = {
	model: { type: 'string' },
	arms: { type: 'string' },
	latents: { type: 'string' },
	loops: { type: 'string' },
	noise: { type: 'string' },
	seed: { type: 'string' },
	temperature: { type: 'string' },
	'max-tokens': { type: 'string' },
	...EXECUTION_FLAGS,
	'no-chat-template': { type: 'boolean' },
} as const;

/** Models that a chain of thought is read under. */
export const PEER_FLAGS = { base: { type: 'string' }, 'reference-model': { type: 'string' } } as const;

/** Of many thoughts, tests change some one by one unless this is given. */
export const ALL_THOUGHTS_FLAG = { 'all-thoughts': { type: 'boolean' } } as const;

/** Absent where the flag was not given, but for what everything is run on. */
export interface RunFlags {
	model?: string;
	arms?: string[];
	latents?: number;
	/** Over depth. */
	loops?: number;
	/** Scale of the thoughts' noise. */
	noise?: number;
	seed?: number;
	temperature?: number;
	maxTokens?: number;
	topK?: number;
	execution: Execution;
	/** `off` where the flag was given. */
	chatTemplate?: 'off';
}

/** Folders, or names of bundled models. */
export interface PeerFlags {
	base?: string;
	referenceModel?: string;
}

const MAX_SEED = 2 ** 32 - 1;
/** Thoughts of so much noise are noise. */
const MAX_NOISE = 1_000;
const MAX_TOP_K = 1_000;
const MAX_TEMPERATURE = 100;

export function runFlags(values: Values): RunFlags {
	return {
		model: named(values, 'model'),
		arms: list(values, 'arms'),
		latents: number(values, 'latents', 0, MAX_COUNT),
		loops: number(values, 'loops', 1, MAX_LOOPS),
		noise: number(values, 'noise', 0, MAX_NOISE, false),
		seed: number(values, 'seed', 0, MAX_SEED),
		temperature: number(values, 'temperature', 0, MAX_TEMPERATURE, false),
		maxTokens: number(values, 'max-tokens', 1, MAX_COUNT),
		topK: number(values, 'top-k', 1, MAX_TOP_K),
		execution: executionFlags(values),
		chatTemplate: given(values, 'no-chat-template') ? 'off' : undefined,
	};
}

export function peerFlags(values: Values): PeerFlags {
	return { base: named(values, 'base'), referenceModel: named(values, 'reference-model') };
}

export function allThoughts(values: Values): 'all' | undefined {
	return given(values, 'all-thoughts') ? 'all' : undefined;
}

/** Arms on the command line are usage; those of a prompt file are its author's. */
export function checkArms({ arms = [] }: RunFlags, known: readonly string[]): void {
	const unknown = arms.find((arm) => !known.includes(arm));
	if (unknown !== undefined) {
		throw new UsageError(`This model has no arm ${quoted(unknown)}: use ${known.join(', ')}.`);
	}
}
