/** The evidence of a run for people: the meter, and a line for each thought with its level and its controls. */
import { legibilityView } from '../analysis/legibilityView';
import { printable } from '../analysis/text';
import type { CausalRecord, ClaimRecord, Estimate, EvidenceRecord, LegibilityRecord, MeterRecord } from '../trace/evidence';

const COLUMNS = ['thought', 'level', 'claim', 'live', 'shuffled', 'p', 'twin', 'random', 'resample Δ', 'on twin'] as const;
/** Columns of words. */
const LEFT = new Set<string>(['level', 'claim']);

export function evidenceLines(evidence: EvidenceRecord): string[] {
	const { reference, twin, meter, legibility, claims, skipped, singles = [] } = evidence;
	const control = twin ? `; twin: ${printable(twin.id)}` : '';
	return [
		`Evidence, against ${reference.prompts} reference prompts (${printable(reference.name)})${control}`,
		...meter.flatMap(meterLines),
		...legibility.flatMap(legibilityLines),
		...(claims.length > 0 ? table(evidence) : []),
		...whyNotHigher(claims),
		...skipped.map((why) => `  Not measured: ${printable(why)}`),
		...(singles.length > 0 ? ['  With --all-thoughts each thought is changed.'] : []),
		'',
	];
}

function meterLines({ arm, distance, effect, capacity }: MeterRecord): string[] {
	const lines: string[] = [];
	if (distance) {
		const { tokens, text, twinTokens } = distance;
		const twin = twinTokens === undefined ? '' : `; the twin's dummy ${percentile(twinTokens)}`;
		lines.push(`from tokens   ${percentile(tokens)} percentile of token embeddings, ${percentile(text)} of states of text${twin}`);
	}
	if (effect) {
		const { kl, changed, cohort, twin } = effect;
		const over = cohort ? `; over ${cohort.kl.n} prompts KL ${estimate(cohort.kl)}, ${share(cohort.changed)} change` : '';
		const control = twin ? `; on the twin KL ${estimate(twin.kl)}, ${share(twin.changed)}` : '';
		lines.push(`matters       snapped to tokens: KL ${kl.toFixed(2)} nats, the answer ${changed ? 'changes' : 'stays'}${over}${control}`);
	}
	if (capacity) {
		const { dimension, width, bits, noise, twinBits } = capacity;
		const at = noise === undefined ? '' : ` at noise ${noise}`;
		const channel = bits === undefined ? 'bits not measured' : `${bits.toFixed(1)} bits${at}`;
		const twin = twinBits === undefined ? '' : `; the twin ${twinBits.toFixed(1)} bits`;
		lines.push(`can carry     ${dimension.toFixed(1)} of ${width} dimensions, ${channel} a thought${twin}`);
	}
	return lines.length > 0 ? [`  Meter of arm ${printable(arm)}`, ...lines.map((line) => `    ${line}`)] : [];
}

function legibilityLines(record: LegibilityRecord): string[] {
	const { figures } = legibilityView(record);
	return [`  Chain of thought of arm ${printable(record.arm)}`, ...figures.map(({ label, value }) => `    ${label}: ${value}`)];
}

function table({ claims, readings, tests }: EvidenceRecord): string[] {
	const rows = claims.map(({ arm, thought, claim, level }) => {
		const reading = readings.find((one) => one.arm === arm && one.thought === thought);
		const resample = tests.find((one) => one.arm === arm && one.test === 'resample' && one.step === thought && one.later !== 'frozen');
		return [
			nameOf({ arm, thought }, claims),
			`L${level}`,
			printable(claim),
			number(reading?.live),
			number(reading?.shuffled?.value),
			number(reading?.shuffled?.p),
			number(reading?.twin),
			number(reading?.random),
			delta(resample),
			delta(resample?.control),
		];
	});
	const widths = COLUMNS.map((name, i) => Math.max(name.length, ...rows.map((row) => row[i]!.length)));
	const line = (row: readonly string[]) =>
		`  ${row.map((cell, i) => (LEFT.has(COLUMNS[i]!) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ')}`.trimEnd();
	return [line(COLUMNS), ...rows.map(line)];
}

/** Of a thought; with its arm where several arms have thoughts. */
function nameOf({ arm, thought }: Pick<ClaimRecord, 'arm' | 'thought'>, claims: readonly ClaimRecord[]): string {
	return claims.some((other) => other.arm !== arm) ? `${printable(arm)} ${thought}` : `${thought}`;
}

/** What keeps claims from the next level: a line for all thoughts that the same does. */
function whyNotHigher(claims: readonly ClaimRecord[]): string[] {
	const thoughts = new Map<string, Pick<ClaimRecord, 'arm' | 'thought'>[]>();
	for (const { arm, thought, rungs } of claims) {
		const rung = rungs.find(({ state }) => state !== 'reached');
		if (rung) {
			const line = `not L${rung.level}: ${printable(rung.why)}`;
			thoughts.set(line, [...(thoughts.get(line) ?? []), { arm, thought }]);
		}
	}
	return [...thoughts].map(([line, those]) => `  ${named(those, claims)} ${those.length === 1 ? 'is' : 'are'} ${line}`);
}

/** Thoughts that follow each other are named by the first and the last: `0–3, 7`. */
function named(thoughts: readonly Pick<ClaimRecord, 'arm' | 'thought'>[], claims: readonly ClaimRecord[]): string {
	const runs: { first: string; last: ClaimRecord['thought']; arm: string; count: number }[] = [];
	for (const { arm, thought } of thoughts) {
		const run = runs.at(-1);
		if (run?.arm === arm && run.last === thought - 1) {
			Object.assign(run, { last: thought, count: run.count + 1 });
		} else {
			runs.push({ first: nameOf({ arm, thought }, claims), last: thought, arm, count: 1 });
		}
	}
	return runs.map(({ first, last, count }) => (count === 1 ? first : `${first}–${last}`)).join(', ');
}

function delta(record: Pick<CausalRecord, 'deltaLogOdds' | 'changed'> | undefined): string {
	return record ? `${number(record.deltaLogOdds ?? undefined)}${record.changed ? ' *' : ''}` : '–';
}

function number(value: number | undefined): string {
	return value === undefined ? '–' : value.toFixed(3);
}

function percentile(value: number): string {
	return value.toFixed(1);
}

function estimate({ value, ci: [low, high] }: Estimate): string {
	return `${value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

function share({ value, ci: [low, high] }: Estimate): string {
	return `${(value * 100).toFixed(0)} % [${(low * 100).toFixed(0)}, ${(high * 100).toFixed(0)}]`;
}
