import type { Prompt, PromptSettings } from './prompt';

/** More thoughts than this no context holds; the engine checks the model's own. */
const MAX_LATENTS = 10_000;
const MAX_TOKENS = 1_000_000;
/** Above 10 every distribution is flat. */
const MAX_TEMPERATURE = 10;
/** Generators are seeded with 32 bits. */
const MAX_SEED = 2 ** 32 - 1;
const MAX_ARMS = 16;
/** Names and descriptions are shown on one line. */
const MAX_LINE = 1_000;
/** A warning is one line, however many keys a header has. */
const NAMED_KEYS = 8;

interface Setting<Value> {
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
const line = (value: unknown) =>
	typeof value === 'string' && value.trim() !== '' && value.length <= MAX_LINE ? value.trim() : undefined;

function arms(value: unknown): string[] | undefined {
	const items = typeof value === 'string' ? value.split(',') : value;
	if (!Array.isArray(items) || items.length > MAX_ARMS) {
		return undefined;
	}
	const names = items.map((item) => (typeof item === 'string' ? item.trim() : ''));
	return names.length > 0 && names.every((name) => /^[\w-]{1,64}$/.test(name)) ? [...new Set(names)] : undefined;
}

/** Header key, setting, and what is accepted: one line a setting. */
const SETTINGS: { readonly [K in keyof PromptSettings]-?: [key: string, setting: Setting<NonNullable<PromptSettings[K]>>] } = {
	model: ['model', { expected: 'the name or folder of a model', read: line }],
	latents: ['latents', integer(0, MAX_LATENTS)],
	arms: ['arms', { expected: 'a list of arms, for example latent, cot, direct', read: arms }],
	maxTokens: ['max-tokens', integer(1, MAX_TOKENS)],
	temperature: ['temperature', { expected: `a number from 0 to ${MAX_TEMPERATURE}`, read: number(0, MAX_TEMPERATURE, false) }],
	seed: ['seed', integer(0, MAX_SEED)],
};

/**
 * Reads the settings from a header. `known` are keys that the format defines and that have no effect here; others are kept and
 * named in one warning. A value of the wrong type is a warning and no setting.
 */
export function readHeader(
	header: ReadonlyMap<string, unknown>,
	known: readonly string[],
	warnings: string[],
): Pick<Prompt, 'name' | 'description' | 'settings' | 'unknown'> {
	const settings: Record<string, unknown> = {};
	const unknown = new Map(header);
	for (const [setting, [key, { expected, read }]] of Object.entries(SETTINGS)) {
		const value = header.get(key);
		unknown.delete(key);
		if (value === undefined || value === null) {
			continue;
		}
		const accepted = read(value);
		if (accepted === undefined) {
			warnings.push(`The header's ${key} is ignored: it should be ${expected}.`);
		} else {
			settings[setting] = accepted;
		}
	}
	for (const key of ['name', 'description', ...known]) {
		unknown.delete(key);
	}
	if (unknown.size > 0) {
		const names = [...unknown.keys()].map(shortened);
		const named = names.slice(0, NAMED_KEYS).join(', ') + (names.length > NAMED_KEYS ? ', …' : '');
		warnings.push(`These keys of the header have no effect here: ${named}.`);
	}
	return {
		name: line(header.get('name')),
		description: line(header.get('description')),
		settings: settings as PromptSettings,
		unknown,
	};
}

/** A key is as long as its author likes; a warning is one line. */
function shortened(key: string): string {
	return key.length > 60 ? `${key.slice(0, 60)}…` : key;
}
