/** Heatmaps of what patching the residual stream did to the answer: one for each thing that is put in, all on one scale. */
import type { ProbeView } from '../shared/panel';
import { effectPlane, type PlaneName } from '../trace/planes';
import type { EvidenceIndex } from './evidenceIndex';
import { printable } from './text';

const PREFIX = 'patch:';

const LABELS: ReadonlyMap<string, string> = new Map([
	['zero', 'zero'],
	['mean', 'the step’s mean'],
	['resample', 'another prompt’s'],
]);

/** Empty where nothing was patched. */
export function patchViews(index: EvidenceIndex, arm: string): ProbeView[] {
	const records = index.patchesOf(arm);
	const forms = [...new Set(records.map(({ form = '' }) => form))].sort((a, b) => place(a) - place(b));
	const limit = roundUp(records.reduce((most, { deltaLogOdds }) => Math.max(most, Math.abs(deltaLogOdds ?? 0)), 0));
	return forms.map((form) => ({
		name: `${PREFIX}${form}`,
		kind: 'patch',
		domain: [-limit, limit],
		label: LABELS.get(form) ?? printable(form),
	}));
}

/** The plane that a heatmap of a patch shows; undefined where it is not one of a patch. */
export function patchPlane(name: string): PlaneName | undefined {
	return name.startsWith(PREFIX) ? effectPlane('patch', name.slice(PREFIX.length) || undefined) : undefined;
}

function place(form: string): number {
	const known = [...LABELS.keys()].indexOf(form);
	return known < 0 ? LABELS.size : known;
}

/** To 1, 2 or 5 times a power of ten, so that a scale has round ends; 1 where there is nothing to show. */
export function roundUp(value: number): number {
	if (!(value > 0 && Number.isFinite(value))) {
		return 1;
	}
	const power = 10 ** Math.floor(Math.log10(value));
	return ([1, 2, 5].find((step) => value <= step * power * (1 + 1e-12)) ?? 10) * power;
}
