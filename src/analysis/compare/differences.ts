/** What two traces were made of, where that is not the same: one sentence each, for the reader of a comparison. */
import type { TraceDocument } from '../../trace/document';
import type { SameTokens } from './distributions';

/** Hex digits of a hash that tell two models apart for a reader. */
const DIGITS = 12;

export function differences(a: TraceDocument, b: TraceDocument, tokens: SameTokens): string[] {
	const [one, other] = [a.model, b.model];
	const notes: string[] = [];
	if (a.prompt.text !== b.prompt.text) {
		notes.push(`The prompts are not the same text (${a.prompt.name} and ${b.prompt.name}): a difference may come from the prompt alone.`);
	}
	if (one.sha256 !== other.sha256 || one.id !== other.id) {
		notes.push(`The models are ${named(a)} and ${named(b)}.`);
	}
	if (one.layers !== other.layers) {
		notes.push(`The models have ${one.layers} and ${other.layers} layers: each layer of the one with fewer is held against the one at the nearest relative depth.`);
	}
	if (one.width !== other.width) {
		notes.push(`The models are ${one.width} and ${other.width} wide: distances of their vectors are not measured.`);
	}
	if (tokens.by === 'nothing') {
		notes.push(`KL is not measured, because ${tokens.why}: tokens are aligned by the characters that they stand for.`);
	}
	if (tokens.by === 'text') {
		notes.push('Tokens are told apart by their texts, since imported traces have no ids of a tokenizer.');
	}
	if (!a.origin && !b.origin) {
		const changed = (['seed', 'temperature', 'latents', 'noise', 'maxTokens'] as const).filter((key) => a.options[key] !== b.options[key]);
		notes.push(...changed.map((key) => `${OPTION_NAMES[key]}: ${shown(a.options[key])} and ${shown(b.options[key])}.`));
		if (a.runtime.engine !== b.runtime.engine) {
			notes.push(`The runtimes are ${a.runtime.engine} and ${b.runtime.engine}: small differences may come from them.`);
		}
	}
	for (const [side, { origin }] of [['A', a], ['B', b]] as const) {
		if (origin && origin.reasoning !== 'full') {
			notes.push(`${side} is not the whole chain of thought (reasoning in its source: ${origin.reasoning}).`);
		}
	}
	return notes;
}

const OPTION_NAMES = { seed: 'Seeds', temperature: 'Temperatures', latents: 'Latents asked for', noise: 'Noise', maxTokens: 'Most tokens of a segment' } as const;

function shown(value: number | undefined): string {
	return value === undefined ? 'the recipe’s own' : String(value);
}

function named({ model, origin }: TraceDocument): string {
	return origin ? `${model.id || 'unknown'} (imported)` : `${model.id} (${model.sha256.slice(0, DIGITS)})`;
}
