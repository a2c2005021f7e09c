/** Effects of causal tests as planes of a trace, and beside each other on a model and on its control. */
import type { CausalRecord } from '../trace/evidence';
import { effectPlane, planeSpec, type PlaneName } from '../trace/planes';

/** Which change a record is about, whatever it did: the same text on a model and on its control. */
export function changeOf({ arm, test, form, step, site, later }: CausalRecord): string {
	return JSON.stringify([arm, test, form, step, site, later]);
}

/** Each record with what the same change did on the control. */
export function withControl(records: readonly CausalRecord[], controls: readonly CausalRecord[]): CausalRecord[] {
	const known = new Map(controls.map((control) => [changeOf(control), control]));
	return records.map((record) => {
		const found = known.get(changeOf(record));
		if (!found) {
			return record;
		}
		const { answer, changed, deltaLogOdds, kl, draws } = found;
		return { ...record, control: { answer, changed, deltaLogOdds, kl, draws } };
	});
}

/** Planes of the changes of single latent thoughts of an arm whose later thoughts were not kept: [K], of patches [K, sites]. */
export function effectPlanes(
	records: readonly CausalRecord[],
	arm: string,
	thoughts: number,
	sites: number,
): Map<PlaneName, Float32Array> {
	const planes = new Map<PlaneName, Float32Array>();
	for (const { arm: own, test, form, step, site, later, deltaLogOdds } of records) {
		if (own !== arm || typeof step !== 'number' || later === 'frozen' || !changesThought(test) || step >= thoughts) {
			continue;
		}
		const name = effectPlane(test, form);
		const width = planeSpec(name)!.axes.length > 0 ? sites : 1;
		const plane = planes.get(name) ?? new Float32Array(thoughts * width).fill(NaN);
		planes.set(name, plane);
		plane[step * width + (width > 1 ? (site ?? 0) : 0)] = deltaLogOdds ?? NaN;
	}
	return planes;
}

/** Others count or name sentences by `step`. */
export function changesThought(test: string): boolean {
	return test !== 'truncate' && test !== 'early-answer' && test !== 'drop-span';
}
