/** What changing each thought did to the answer, as a curve with its control. */
import type { EffectsView, Series } from '../../shared/panel';
import type { ArmRecord } from '../../trace/document';
import type { CausalRecord, EvidenceRecord } from '../../trace/evidence';
import { changesThought } from '../effects';
import { labelOf, ORDER } from '../testViews';
import { binned, measuredCount } from './bins';

/** The change that is fairest to the model, and the only one with several draws, first (README, "Evidence"). */
const FIRST = 'resample';
/** Changes that can be chosen: there are about twenty kinds. */
const MAX_CHANGES = 64;

/** Undefined where no single thought was changed. `change`: one of `changes`. */
export function effectsView(
	{ tests, twin }: EvidenceRecord,
	{ name: arm, thoughts }: ArmRecord,
	every: number,
	change?: string,
): EffectsView | undefined {
	const kinds = new Map<string, CausalRecord[]>();
	for (const record of tests) {
		if (record.arm === arm && isOfOne(record) && (record.step as number) < thoughts.length) {
			const name = nameOf(record);
			const found = kinds.get(name);
			kinds.set(name, found ?? [record]);
			found?.push(record);
		}
	}
	const changes = [...kinds]
		.map(([name, [first]]) => ({ name, label: labelOf(first!), place: placeOf(first!) }))
		.sort((a, b) => a.place - b.place)
		.slice(0, MAX_CHANGES);
	const shown = changes.find(({ name }) => name === change) ?? changes[0];
	if (!shown) {
		return undefined;
	}
	const records = kinds.get(shown.name)!;
	const own = seriesOf(records, thoughts.length, every);
	const controls = seriesOf(records.flatMap(({ control, step }) => (control ? [{ ...control, step }] : [])), thoughts.length, every);
	const [low, high] = domainOf(own.series, controls.series);
	const draws = Math.max(0, ...records.map((one) => one.draws?.n ?? 0));
	return {
		label: 'Δ log-odds',
		unit: 'nats',
		definition:
			`Δ log-odds of the unchanged answer when this thought alone becomes ${shown.label} and the later ones are computed again: ` +
			'below 0 the change speaks against the answer.' +
			(draws > 1 ? ` Mean over up to ${draws} draws with its 95 % interval (bootstrap).` : ' One draw: there is no interval.') +
			(twin ? ' Open squares: the same change on the control model, the twin without recurrence.' : ' There is no control model.') +
			' Hatched: not measured.',
		domain: low < high ? [low, high] : [-1, 1],
		series: own.series,
		measured: own.measured,
		control: controls.measured > 0 ? { kind: 'curve', label: 'twin', series: controls.series } : undefined,
		shown: shown.name,
		changes: changes.map(({ name, label }) => ({ name, label })),
	};
}

function isOfOne({ test, step, later }: CausalRecord): boolean {
	return typeof step === 'number' && later !== 'frozen' && test !== 'patch' && changesThought(test);
}

function nameOf({ test, form }: CausalRecord): string {
	return form === undefined ? test : `${test} ${form}`;
}

function placeOf({ test }: CausalRecord): number {
	return test === FIRST ? -1 : ORDER.includes(test) ? ORDER.indexOf(test) : ORDER.length;
}

/** From the lowest to the highest end of all that was measured, 0 between them. */
function domainOf(...all: Series[]): [number, number] {
	const ends = all.flatMap(({ low, high }) => [...low, ...high]).filter((value) => !Number.isNaN(value));
	return [ends.reduce((a, b) => Math.min(a, b), 0), ends.reduce((a, b) => Math.max(a, b), 0)];
}

/** The mean over draws where there are several, with its interval. */
function seriesOf(
	records: readonly Pick<CausalRecord, 'step' | 'deltaLogOdds' | 'draws'>[],
	count: number,
	every: number,
): { series: Series; measured: number } {
	const [values, low, high] = [0, 1, 2].map(() => new Float32Array(count).fill(NaN)) as [Float32Array, Float32Array, Float32Array];
	for (const { step, deltaLogOdds, draws } of records) {
		const at = step as number;
		values[at] = draws?.value ?? deltaLogOdds ?? NaN;
		[low[at], high[at]] = draws?.ci ?? [NaN, NaN];
	}
	return { series: binned(values, every, low, high), measured: measuredCount(values) };
}
