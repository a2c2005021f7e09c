import type { Prompt, PromptSettings } from './prompt';
import { readLine, SETTINGS } from './setting';

/** A warning is one line, however many keys a header has. */
const NAMED_KEYS = 8;

/** The key of each setting in a header: one line a setting. */
const KEYS: { readonly [K in keyof PromptSettings]-?: string } = {
	model: 'model',
	latents: 'latents',
	loops: 'loops',
	noise: 'noise',
	arms: 'arms',
	candidates: 'candidates',
	maxTokens: 'max-tokens',
	temperature: 'temperature',
	seed: 'seed',
	chatTemplate: 'chat-template',
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
	for (const [setting, key] of Object.entries(KEYS) as [keyof PromptSettings, string][]) {
		const { expected, read } = SETTINGS[setting];
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
		name: readLine(header.get('name')),
		description: readLine(header.get('description')),
		settings: settings as PromptSettings,
		unknown,
	};
}

/** A key is as long as its author likes; a warning is one line. */
function shortened(key: string): string {
	return key.length > 60 ? `${key.slice(0, 60)}…` : key;
}
