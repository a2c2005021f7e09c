/** Chains of thought of a set of problems: means of each problem's own figures, with intervals over problems. */
import type { Estimate, LegibilityRecord } from '../trace/evidence';
import { groupedSpearman, type Pair } from './correlation';
import { bootstrapMean, share } from './statistics';

/** Of one sentence, summed over its tokens; NaN where not measured. */
export interface SentenceFigures {
	/** Surprisal under the model that wrote it, and under the reference model. */
	bits: number;
	referenceBits: number;
	/** KL to the base model, nats. */
	kl: number;
}

/** What leaving something out did to the answer. */
export interface Dropped {
	changed: boolean;
	/** nats; NaN where not measured. */
	deltaLogOdds: number;
}

export interface Chain {
	/** Absent where the arm wrote no chain. */
	record?: LegibilityRecord;
	correct: boolean;
	sentences: (SentenceFigures & { dropped?: Dropped })[];
	/** The answer without any of the chain. */
	withoutChain?: Dropped;
}

export interface ChainSummary {
	accuracy: Estimate;
	tokens: Estimate;
	sentences: Estimate;
	/** Bits and nats a token. */
	bits?: Estimate;
	referenceBits?: Estimate;
	kl?: Estimate;
	/** Shares. */
	repetition?: Estimate;
	repeatedSentences?: Estimate;
	rareWords?: Estimate;
	legalSteps?: Estimate;
	loadBearing?: LoadBearing;
}

export interface LoadBearing {
	/** Share of a problem's sentences without which the answer is another one. */
	sentenceChanged: Estimate;
	/** Share of problems with such a sentence; and whose answer is another one without any of the chain. */
	anyChanged: Estimate;
	withoutChain?: Estimate;
	/** Of leaving one sentence out, nats. */
	deltaLogOdds?: Estimate;
	/** Spearman's correlation of a sentence's measure with its Δ log-odds: below 0, higher ones speak more for the answer. */
	association: Partial<Record<keyof SentenceFigures, Estimate>>;
}

export function summarise(chains: readonly Chain[]): ChainSummary {
	const records = chains.flatMap(({ record }) => (record ? [record] : []));
	const ratio = (part: (record: LegibilityRecord) => { part: number; of: number } | undefined) =>
		estimate(records.map(part).map((found) => (found ? found.part / found.of : NaN)));
	const perToken = (measure: keyof SentenceFigures) =>
		estimate(chains.map(({ record, sentences }) => (record ? sum(sentences.map((one) => one[measure])) / record.tokens : NaN)));
	return {
		accuracy: share(chains.filter(({ correct }) => correct).length, chains.length),
		tokens: bootstrapMean(chains.map(({ record }) => record?.tokens ?? 0)),
		sentences: bootstrapMean(chains.map(({ sentences }) => sentences.length)),
		bits: perToken('bits'),
		referenceBits: estimate(records.map(({ reference }) => reference?.surprisalBits)),
		kl: estimate(records.map(({ base }) => base?.kl)),
		repetition: estimate(records.map((record) => record.repetition)),
		repeatedSentences: ratio(({ repeatedSentences: found }) => found && { part: found.repeated, of: found.sentences }),
		rareWords: estimate(records.map((record) => record.rareWords?.share)),
		legalSteps: ratio(({ legalSteps: found }) => found && { part: found.legal, of: found.steps }),
		loadBearing: loadBearing(chains),
	};
}

function loadBearing(chains: readonly Chain[]): LoadBearing | undefined {
	const dropped = chains.map(({ sentences }) => sentences.flatMap((one) => (one.dropped ? [one.dropped] : [])));
	const tested = dropped.filter((list) => list.length > 0);
	if (tested.length === 0) {
		return undefined;
	}
	const without = chains.flatMap(({ withoutChain }) => (withoutChain ? [withoutChain] : []));
	const association = (measure: keyof SentenceFigures) => {
		const groups = chains.map(({ sentences }) => sentences.flatMap((one) => pairOf(one[measure], one.dropped?.deltaLogOdds)));
		return groups.some((group) => group.length > 0) ? groupedSpearman(groups) : undefined;
	};
	return {
		sentenceChanged: bootstrapMean(tested.map((list) => list.filter(({ changed }) => changed).length / list.length)),
		anyChanged: share(tested.filter((list) => list.some(({ changed }) => changed)).length, tested.length),
		withoutChain: without.length === 0 ? undefined : share(without.filter(({ changed }) => changed).length, without.length),
		deltaLogOdds: estimate(tested.map((list) => mean(list.map(({ deltaLogOdds }) => deltaLogOdds).filter(Number.isFinite)))),
		association: { bits: association('bits'), referenceBits: association('referenceBits'), kl: association('kl') },
	};
}

function pairOf(x: number, y: number | undefined): Pair[] {
	return y !== undefined && Number.isFinite(x) && Number.isFinite(y) ? [{ x, y }] : [];
}

/** Over the problems where it was measured; absent where in none. */
function estimate(values: readonly (number | undefined)[]): Estimate | undefined {
	const known = values.filter((value): value is number => value !== undefined && Number.isFinite(value));
	return known.length === 0 ? undefined : bootstrapMean(known);
}

function mean(values: readonly number[]): number {
	return sum(values) / values.length;
}

function sum(values: readonly number[]): number {
	return values.reduce((total, value) => total + value, 0);
}
