/** The meter's three numbers ready for display: value, what it is a value of, its control, and its definition. */
import { decimals } from '../shared/decimals';
import type { MeterView } from '../shared/panel';
import type { CohortRecord, Estimate, EvidenceRecord, MeterRecord } from '../trace/evidence';
import { ordinal, percent, withInterval } from './estimates';
import { printable } from './text';

/** Numbers of one arm; those that were not measured are left out. */
export function meterViews(evidence: EvidenceRecord, arm: string): MeterView[] {
	const record = evidence.meter.find((one) => one.arm === arm);
	const made = record && [distance(evidence, record), effect(evidence, record), capacity(evidence, record)];
	return (made ?? [])
		.filter((one) => one !== undefined)
		.map((one) => ({ ...one, label: printable(one.label), control: printable(one.control), definition: printable(one.definition) }));
}

function distance({ ood, twin }: EvidenceRecord, { arm, distance: found }: MeterRecord): MeterView | undefined {
	if (!found) {
		return undefined;
	}
	const against = ood.find((one) => one.arm === arm);
	const nth = against ? `${ordinal(against.neighbour)} nearest` : 'nearest';
	const counts = against ? ` Compared with ${against.tokens.n} tokens and ${against.text.n} states of text.` : '';
	return {
		name: 'distance',
		value: `${ordinal(found.tokens)} pct`,
		label: `from tokens · ${ordinal(found.text)} from states of text`,
		control: found.twinTokens === undefined ? absent(twin) : `twin ${ordinal(found.twinTokens)} pct from tokens`,
		definition:
			`How far what is fed back is from language. Share of token embeddings whose distance to their own ${nth} token is smaller than the ` +
			`thought’s; the same among the model’s states at written words, which are far from token embeddings too. ` +
			`Median over the thoughts that are not spare.${counts} ${ofTwin(twin)}`,
	};
}

function effect({ twin }: EvidenceRecord, { effect: found }: MeterRecord): MeterView | undefined {
	if (!found) {
		return undefined;
	}
	const cohort = found.cohort ? [`this model ${withInterval(found.cohort.kl)}`, `n = ${found.cohort.kl.n}`] : [];
	const changes = [
		found.cohort && `On the reference prompts the answer changes in ${percent(found.cohort.changed)}`,
		found.twin && `on the twin in ${percent(found.twin.changed)}`,
	].filter((one) => one !== undefined);
	return {
		name: 'effect',
		value: `${decimals(found.kl)} nats`,
		label: `if every thought were its nearest token · the answer ${found.changed ? 'changes' : 'stays'}`,
		control: controls([found.twin && `twin ${withInterval(found.twin.kl)}`, ...cohort], found.twin !== undefined, twin),
		definition:
			'How much it matters that thoughts are not words. KL(unchanged || changed) of the answer’s first token when each thought is replaced by ' +
			`the embedding of the token that it decodes to, at its own norm, on this prompt: near 0, words would have served as well. Beside it the means over the reference prompts.` +
			`${changes.length > 0 ? ` ${sentence(changes)}` : ''} Intervals are 95 %. ${ofTwin(twin)}`,
	};
}

function capacity({ twin, cohorts }: EvidenceRecord, { arm, capacity: found }: MeterRecord): MeterView | undefined {
	if (!found) {
		return undefined;
	}
	const cohort = (role: CohortRecord['role']) => cohorts.find((one) => one.role === role && one.arm === arm);
	const dimension = `effective dimension ${decimals(found.dimension, 1)} of ${found.width}`;
	const [value, label] =
		found.bits === undefined
			? [decimals(found.dimension, 1), `effective dimensions a thought, of ${found.width}`]
			: [`≈ ${decimals(found.bits, 0)} bits`, `a thought · ${dimension}`];
	const others = cohort('twin')?.thoughts ?? [];
	const twins = [
		...(found.twinBits === undefined ? [] : [`≈ ${decimals(found.twinBits, 0)} bits`]),
		...(others.length === 0 ? [] : [`dimension ${decimals(mean(others.map((one) => one.dimension)), 1)}`]),
	];
	const prompts = cohort('model')?.prompts ?? found.unchanged[0]?.unchanged.n;
	const noise =
		found.noise === undefined
			? 'No noise that was tried leaves 90 % of the answers, so that bits cannot be told.'
			: `σ is that of the largest noise that leaves 90 % of the answers, ${decimals(found.noise)} of a thought’s norm.`;
	return {
		name: 'capacity',
		value,
		label,
		control: controls(
			[twins.length > 0 ? `twin ${twins.join(', ')}` : undefined, prompts === undefined ? undefined : `${prompts} prompts`],
			twins.length > 0,
			twin,
		),
		definition:
			'How much a thought can carry. Bits: ½ Σ log₂(1 + λ/σ²) over the eigenvalues λ of the thoughts’ covariance over the reference prompts, ' +
			`the capacity of a Gaussian channel of that spread. ${noise}${dropOf(found.unchanged)} Effective dimension: (Σλ)²/Σλ². Means over the thoughts. ${ofTwin(twin)}`,
	};
}

/** How many answers noise leaves, from the smallest to the largest. */
function dropOf(unchanged: readonly { ratio: number; unchanged: Estimate }[]): string {
	const kept = [...unchanged].sort((a, b) => a.ratio - b.ratio).map((one) => `at ${decimals(one.ratio)} ${percent(one.unchanged)}`);
	return kept.length > 0 ? ` Answers that stay: ${kept.join(', ')}.` : '';
}

/** `measured`: whether the twin was; that it was not is told first. Empty where nothing was compared with (yet). */
function controls(parts: readonly (string | undefined)[], measured: boolean, twin: EvidenceRecord['twin']): string {
	const known = parts.filter((part) => part !== undefined);
	return (measured ? known : [absent(twin) || (known.length > 0 ? 'not measured on the twin' : ''), ...known]).filter(Boolean).join(' · ');
}

/** Of a model without a twin; nothing where there is one, which may still be measured. */
function absent(twin: EvidenceRecord['twin']): string {
	return twin ? '' : 'no control: this model has no twin';
}

function ofTwin(twin: EvidenceRecord['twin']): string {
	return twin ? `The twin, ${twin.id}, is the control: the same model trained without recurrence.` : '';
}

function sentence(parts: readonly string[]): string {
	const text = parts.join(', ');
	return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

function mean(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}
