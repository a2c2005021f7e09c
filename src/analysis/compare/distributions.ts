/** Distributions over tokens as a trace has them: the likeliest few. */
import { UNKNOWN_MODEL, type ArmRecord } from '../../trace/document';
import type { PlaneName, TraceSource } from '../../trace/planes';
import type { TopTokens } from './divergence';
import type { ArmPair } from './pairing';
import type { Comparand } from './side';
import { valuesAt } from './values';

/** How tokens of two traces can be told to be the same. */
export type SameTokens =
	/** One tokenizer. `vocabulary`: how many tokens it has. */
	| { by: 'id'; vocabulary: number }
	/** Imported from one model, by their texts. */
	| { by: 'text' }
	/** `why`: the end of a sentence. */
	| { by: 'nothing'; why: string };

export function sameTokens(one: Comparand, other: Comparand, pair: ArmPair): SameTokens {
	const [a, b] = [one.source.document, other.source.document];
	const has = ({ planes, source }: Comparand, arm: string) => planes(arm).includes(source.document.origin ? 'tokens.topk_logprob' : 'lens.topk_logit');
	if (!has(one, pair.a) || !has(other, pair.b)) {
		return { by: 'nothing', why: 'not both traces hold distributions over tokens' };
	}
	if (a.origin && b.origin) {
		const isSame = a.model.id === b.model.id && a.model.id !== UNKNOWN_MODEL;
		return isSame ? { by: 'text' } : { by: 'nothing', why: 'their sources do not name one model' };
	}
	if (a.origin || b.origin) {
		return { by: 'nothing', why: 'an imported trace does not say which tokenizer its tokens are of' };
	}
	const { tokenizerSha256, vocabulary } = a.model;
	return tokenizerSha256 === b.model.tokenizerSha256 && vocabulary === b.model.vocabulary
		? { by: 'id', vocabulary }
		: { by: 'nothing', why: 'the models have different tokenizers' };
}

/** Row-major [places, sites]: the logit lens; undefined where it was not read out. A place below 0 is none. */
export async function lensAt(source: TraceSource, arm: ArmRecord, places: readonly number[], sites: readonly number[]): Promise<(TopTokens | undefined)[]> {
	const all = source.document.model.layers + 1;
	const asked = places.map((place) => Math.max(0, place));
	const ids = await ranked(source, arm, 'lens.topk_id', asked, all);
	const logits = await ranked(source, arm, 'lens.topk_logit', asked, all);
	const lse = await valuesAt(source, arm.name, 'lens.lse', asked, all);
	return places.flatMap((place, i) =>
		sites.map((site) => {
			const [tokens, values, sum] = [cell(ids[i]!, site, all), cell(logits[i]!, site, all), place < 0 ? undefined : lse[i]![site]];
			return sum === undefined || !Number.isFinite(sum) || tokens.length === 0 || tokens.length !== values.length
				? undefined
				: { tokens, logprobs: values.map((logit) => logit - sum) };
		}),
	);
}

/**
 * What the token at each place was taken from: the last site of the position before it, or what an imported source lists in its place, by texts.
 */
export async function takenFrom(source: TraceSource, arm: ArmRecord, places: readonly number[], textOf: (id: number) => string): Promise<(TopTokens | undefined)[]> {
	const { document } = source;
	if (!document.origin) {
		return lensAt(source, arm, places.map((place) => place - 1), [document.model.layers]);
	}
	const ids = await ranked(source, arm, 'tokens.topk_id', places, 1);
	const logprobs = await ranked(source, arm, 'tokens.topk_logprob', places, 1);
	return places.map((_, i) => {
		const known = ids[i]!.map((id, rank) => ({ token: textOf(id), logprob: logprobs[i]![rank]! })).filter(({ logprob }) => Number.isFinite(logprob));
		return known.length === 0 ? undefined : { tokens: known.map(({ token }) => token), logprobs: known.map(({ logprob }) => logprob) };
	});
}

/** Rows of a plane whose last axis is of unknown length. */
async function ranked(source: TraceSource, arm: ArmRecord, plane: PlaneName, places: readonly number[], cells: number): Promise<number[][]> {
	const [start] = places;
	const first = start === undefined ? undefined : await source.read(arm.name, plane, { start, end: start + 1 });
	const rows = await valuesAt(source, arm.name, plane, places, first?.length || cells);
	return rows.map((row) => Array.from(row));
}

function cell(row: readonly number[], site: number, sites: number): number[] {
	const top = row.length / sites;
	return row.slice(site * top, (site + 1) * top);
}
