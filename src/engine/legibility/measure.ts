/** How usual, how repetitive and how far from a base model's what an arm wrote is. Numbers for each token are planes. */
import { figures, type Lexicon } from '../../analysis/legibility';
import { surprisalBits } from '../../analysis/lens';
import { judged, type OutlinedSentence } from '../../analysis/outline';
import { recipeTokens, sentences } from '../../analysis/sentences';
import { spread } from '../../analysis/spread';
import { parseTask } from '../../analysis/task';
import type { Range } from '../../shared/range';
import type { ArmRecord } from '../../trace/document';
import type { LegibilityRecord } from '../../trace/evidence';
import { EngineError, quoted } from '../error';
import { divergences, logprobs, type Sequence } from './forced';
import type { Model } from '../model/model';
import { differs, type Peers } from './peers';

export interface Written {
	/** The prompt's text, as the model was given it. */
	prompt: string;
	arm: Pick<ArmRecord, 'name' | 'steps'>;
	peers: Peers;
	/** Words of the reference text. */
	lexicon?: Lexicon;
	signal: AbortSignal;
	tick: Sequence['tick'];
}

export interface Legibility {
	record: LegibilityRecord;
	/** [T]; NaN but at written tokens. Absent where not measured at all. */
	planes: { plane: 'legibility.surprisal' | 'legibility.kl'; values: Float32Array }[];
	sentences: OutlinedSentence[];
	/** Positions of the chain's tokens. */
	chain: number[];
	/** What could not be measured: one sentence each, the same for every prompt. */
	skipped: string[];
}

/** Undefined where the arm wrote no chain of thought. */
export async function legibility(model: Model, written: Written): Promise<Legibility | undefined> {
	const { prompt, arm, peers, lexicon } = written;
	const { steps, name } = arm;
	const task = parseTask(prompt);
	const found = judged(sentences(arm, (id) => model.tokenizer.textOf(id), recipeTokens(model.manifest.recipe)), task);
	const chain = found.flatMap((sentence) => (sentence.role === 'thought' ? sentence.steps : []));
	if (chain.length === 0) {
		return undefined;
	}
	const skipped = new Set<string>();
	const positions = found.flatMap((sentence) => sentence.steps);
	const attempt = async (peer: Model | undefined, what: string, measure: (peer: Model) => Promise<number[] | string>) => {
		const values = peer && (await measure(peer));
		if (typeof values === 'string') {
			skipped.add(`${what} was not measured, because ${values}.`);
			return undefined;
		}
		return values && plane(steps.length, positions, values);
	};
	const bits = await attempt(peers.reference, 'Surprisal under the reference model', (peer) => surprisal(model, peer, written, positions));
	const kl = await attempt(peers.base, 'KL to the base model', (peer) => distance(model, peer, written, positions));
	const mean = { bits: bits && meanOf(bits, chain), kl: kl && meanOf(kl, chain) };
	if (mean.bits !== undefined && Number.isNaN(mean.bits)) {
		skipped.add('Surprisal under the reference model cannot be told of any token, because its vocabulary has no words for them.');
	}
	return {
		record: {
			arm: name,
			...figures(chain.map((position) => steps[position]!.id), found, task, lexicon),
			reference: mean.bits === undefined || Number.isNaN(mean.bits) ? undefined : { ...identity(peers.reference!), surprisalBits: mean.bits },
			base: mean.kl === undefined || Number.isNaN(mean.kl) ? undefined : { ...identity(peers.base!), kl: mean.kl },
		},
		planes: [
			...(bits ? [{ plane: 'legibility.surprisal' as const, values: bits }] : []),
			...(kl ? [{ plane: 'legibility.kl' as const, values: kl }] : []),
		],
		sentences: found,
		chain,
		skipped: [...skipped],
	};
}

/**
 * Bits of the tokens at the positions. A reference with the same vocabulary is fed the arm's own sequence; another one is fed the same text, without
 * the tokens that the recipe put there, and its tokens' bits are told by character (`spread`).
 */
async function surprisal(
	model: Model,
	reference: Model,
	{ prompt, arm: { steps }, signal, tick }: Written,
	positions: readonly number[],
): Promise<number[] | string> {
	const ids = steps.map(({ id }) => id);
	if (differs(model, reference) === undefined && !ids.slice(0, positions.at(-1)).some((id) => id < 0)) {
		const tooLong = exceeds(reference, positions.at(-1)!);
		return tooLong ?? (await logprobs(reference, { ids, positions, signal, tick })).map(surprisalBits);
	}
	const { text, spans } = transcript(model, prompt, steps, positions);
	const encoded = told(() => reference.tokenizer.encode(text));
	if (typeof encoded === 'string') {
		return encoded;
	}
	const places = encoded.ids.map((_, i) => i).slice(1);
	const tooLong = exceeds(reference, encoded.ids.length - 1);
	if (tooLong !== undefined) {
		return tooLong;
	}
	const found = await logprobs(reference, { ids: encoded.ids, positions: places, signal, tick });
	const { unknownId } = reference.tokenizer;
	// The first token has nothing before it, and an unknown word's own bits are not those of the token that stands for all of them.
	const bits = encoded.ids.map((id, i) => (i === 0 || id === unknownId ? NaN : surprisalBits(found[i - 1]!)));
	return spread(bits, encoded.spans, spans);
}

/** KL(model || base) at the positions, nats. */
async function distance(
	model: Model,
	base: Model,
	{ arm: { steps }, signal, tick }: Written,
	positions: readonly number[],
): Promise<number[] | string> {
	const ids = steps.map(({ id }) => id);
	const why =
		differs(model, base) ??
		(ids.slice(0, positions.at(-1)).some((id) => id < 0) ? 'latent thoughts stand before the chain, and a token stands for none of them' : undefined) ??
		exceeds(base, positions.at(-1)!);
	return why ?? divergences(model, base, { ids, positions, signal, tick });
}

function exceeds({ manifest: { id, shape } }: Model, positions: number): string | undefined {
	return positions > shape.context ? `prompt and chain do not fit the context of ${quoted(id)}, which is ${shape.context} tokens` : undefined;
}

/**
 * The prompt and what was written after it as one text, and where in it the tokens at the positions stand. Where the recipe's own tokens
 * are left out and two words would touch, a line break stands for them.
 */
function transcript(
	{ tokenizer }: Model,
	prompt: string,
	steps: ArmRecord['steps'],
	positions: readonly number[],
): { text: string; spans: Range[] } {
	let text = prompt;
	const spans: Range[] = [];
	let last = steps.findLastIndex(({ kind }) => kind === 'prompt');
	for (let at = 0; at < positions.length; ) {
		let end = at + 1;
		while (end < positions.length && positions[end] === positions[end - 1]! + 1) {
			end++;
		}
		const run = tokenizer.spell(positions.slice(at, end).map((position) => steps[position]!.id));
		const apart = positions[at]! > last + 1 && !/\s$/.test(text) && !/^\s/.test(run.text);
		const start = text.length + (apart ? 1 : 0);
		text += (apart ? '\n' : '') + run.text;
		spans.push(...run.spans.map((span) => ({ start: span.start + start, end: span.end + start })));
		last = positions[end - 1]!;
		at = end;
	}
	return { text, spans };
}

/** Why it failed, as the end of a sentence. */
function told<T>(work: () => T): T | string {
	try {
		return work();
	} catch (error) {
		if (error instanceof EngineError) {
			return `its tokenizer cannot take the text (${error.message.replace(/[.:].*$/s, '')})`;
		}
		throw error;
	}
}

function plane(length: number, positions: readonly number[], values: readonly number[]): Float32Array {
	const out = new Float32Array(length).fill(NaN);
	positions.forEach((position, i) => (out[position] = values[i]!));
	return out;
}

/** Over the tokens of which it can be told; NaN where there are none. */
function meanOf(values: Float32Array, positions: readonly number[]): number {
	const known = positions.map((position) => values[position]!).filter(Number.isFinite);
	return known.reduce((sum, value) => sum + value, 0) / known.length;
}

export function identity({ manifest, sha256 }: Model): { id: string; sha256: string } {
	return { id: manifest.id, sha256 };
}
