/** The meter of a run: how far its thoughts are from tokens, how much they matter, how much they can carry; each with its control. */
import type { CohortRecord, MeterRecord } from '../trace/evidence';
import { quantile } from './statistics';

export interface MeterInput {
	arm: string;
	width: number;
	/** Of every thought; the percentiles of its kNN distances among token embeddings and states of text, NaN where not measured. */
	thoughts: readonly { spare?: string; tokens: number; text: number; twinTokens?: number }[];
	/** All thoughts snapped to their nearest token, on this prompt. */
	snap?: { kl: number | null; changed: boolean };
	cohort?: CohortRecord;
	twin?: CohortRecord;
}

export function meterOf({ arm, width, thoughts, snap, cohort, twin }: MeterInput): MeterRecord {
	const used = thoughts.filter(({ spare }) => spare === undefined);
	const [tokens, text, twinTokens] = [
		median(used.map((one) => one.tokens)),
		median(used.map((one) => one.text)),
		median(used.map((one) => one.twinTokens ?? NaN)),
	];
	return {
		arm,
		...(tokens === undefined || text === undefined ? {} : { distance: { tokens, text, twinTokens } }),
		...(typeof snap?.kl === 'number'
			? { effect: { kl: snap.kl, changed: snap.changed, cohort: cohort?.snap, twin: twin?.snap } }
			: {}),
		...(cohort && cohort.thoughts.length > 0 ? { capacity: capacityOf(cohort, width, twin) } : {}),
	};
}

function capacityOf(cohort: CohortRecord, width: number, twin: CohortRecord | undefined): MeterRecord['capacity'] {
	return {
		dimension: mean(cohort.thoughts.map(({ dimension }) => dimension))!,
		width,
		bits: mean(cohort.thoughts.map(({ bits }) => bits)),
		noise: tolerated(cohort.noise),
		twinBits: twin && mean(twin.thoughts.map(({ bits }) => bits)),
		unchanged: cohort.noise,
	};
}

/** Share of answers that noise has to leave for the thoughts to be read through it. */
const KEPT = 0.9;

/** The largest ratio of noise that leaves 90 % of the answers; absent where the smallest one does not. */
export function tolerated(noise: CohortRecord['noise']): number | undefined {
	const kept = noise.filter(({ unchanged }) => unchanged.value >= KEPT).map(({ ratio }) => ratio);
	return kept.length > 0 ? Math.max(...kept) : undefined;
}

/** Absent where one value is. */
function mean(values: readonly (number | undefined)[]): number | undefined {
	return values.length === 0 || values.includes(undefined)
		? undefined
		: (values as number[]).reduce((sum, value) => sum + value, 0) / values.length;
}

/** Of what was measured; absent where nothing was. */
function median(values: readonly number[]): number | undefined {
	const measured = Float64Array.from(values.filter((value) => !Number.isNaN(value))).sort();
	return measured.length > 0 ? quantile(measured, 0.5) : undefined;
}
