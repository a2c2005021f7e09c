/** What the settings of a run may be, wherever they are written: in a prompt's header or in the editor's settings. */
import { MAX_LOOPS } from '../shared/sites';
import type { PromptSettings } from './prompt';

/** More thoughts than this no context holds; the engine checks the model's own. */
const MAX_LATENTS = 10_000;
const MAX_TOKENS = 1_000_000;
/** Thoughts of so much noise are noise. */
const MAX_NOISE = 1_000;
/** Above 10 every distribution is flat. */
const MAX_TEMPERATURE = 10;
/** Generators are seeded with 32 bits. */
const MAX_SEED = 2 ** 32 - 1;
const MAX_ARMS = 16;
/** The engine's limits. */
const MAX_CANDIDATES = 200;
const MAX_CANDIDATE = 200;
/** More ranks than anybody reads; each is stored for every position and layer. */
const MAX_TOP_K = 100;
/** Names and descriptions are shown on one line. */
const MAX_LINE = 1_000;

export interface Setting<Value> {
	/** Completes `should be …`. */
	expected: string;
	/** Undefined where the value is not acceptable. */
	read(value: unknown): Value | undefined;
}

const number = (low: number, high: number, whole: boolean) => (value: unknown) =>
	typeof value === 'number' && value >= low && value <= high && (!whole || Number.isInteger(value)) ? value : undefined;
const integer = (low: number, high: number): Setting<number> => ({
	expected: `an integer from ${low} to ${high}`,
	read: number(low, high, true),
});

export const readLine = (value: unknown) =>
	typeof value === 'string' && value.trim() !== '' && value.length <= MAX_LINE ? value.trim() : undefined;

function arms(value: unknown): string[] | undefined {
	const items = typeof value === 'string' ? value.split(',') : value;
	if (!Array.isArray(items) || items.length > MAX_ARMS) {
		return undefined;
	}
	const names = items.map((item) => (typeof item === 'string' ? item.trim() : ''));
	return names.length > 0 && names.every((name) => /^[\w-]{1,64}$/.test(name)) ? [...new Set(names)] : undefined;
}

/** Candidates are words of a language, so anything that is one line may be one; there is no list without a candidate. */
function candidates(value: unknown): string[] | undefined {
	const items = typeof value === 'string' ? value.split(',') : value;
	if (!Array.isArray(items) || items.length > MAX_CANDIDATES) {
		return undefined;
	}
	const labels = items.map((item) => (typeof item === 'string' || typeof item === 'number' ? String(item).trim() : ''));
	const whole = labels.every((label) => label !== '' && label.length <= MAX_CANDIDATE && !/\p{Cc}/u.test(label));
	return labels.length > 0 && whole ? [...new Set(labels)] : undefined;
}

/** `off` is a truth value to older readers of YAML, and `false` says the same. */
function chatTemplate(value: unknown): 'auto' | 'off' | undefined {
	return value === 'auto' || value === true ? 'auto' : value === 'off' || value === false ? 'off' : undefined;
}

/** `topK` is the editor's alone: it says how much is stored, not what is run. */
type AllSettings = PromptSettings & { topK?: number };

export const SETTINGS: { readonly [K in keyof AllSettings]-?: Setting<NonNullable<AllSettings[K]>> } = {
	model: { expected: 'the name or folder of a model', read: readLine },
	latents: integer(0, MAX_LATENTS),
	loops: integer(1, MAX_LOOPS),
	noise: { expected: `a number from 0 to ${MAX_NOISE}`, read: number(0, MAX_NOISE, false) },
	arms: { expected: 'a list of arms, for example latent, cot, direct', read: arms },
	candidates: { expected: `a list of at most ${MAX_CANDIDATES} words that thoughts may read as`, read: candidates },
	maxTokens: integer(1, MAX_TOKENS),
	temperature: { expected: `a number from 0 to ${MAX_TEMPERATURE}`, read: number(0, MAX_TEMPERATURE, false) },
	seed: integer(0, MAX_SEED),
	topK: integer(1, MAX_TOP_K),
	chatTemplate: { expected: 'auto or off', read: chatTemplate },
};
