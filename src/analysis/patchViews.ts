/** Heatmaps of what patching the residual stream did to the answer: one for each thing that is put in, all on one scale. */
import type { ProbeView } from '../shared/panel';
import { contains, type Range } from '../shared/range';
import { effectPlane, type PlaneName } from '../trace/planes';
import type { EvidenceIndex } from './evidenceIndex';
import { printable } from './text';

const PREFIX = 'patch:';
/** Heatmaps of a file from elsewhere: a state with all of them is sent with every change. */
const MAX_FORMS = 16;

const LABELS: ReadonlyMap<string, string> = new Map([
	['zero', 'zero'],
	['mean', 'the step’s mean'],
	['resample', 'another prompt’s'],
]);

/** Empty where nothing was patched. */
export function patchViews(index: EvidenceIndex, arm: string): ProbeView[] {
	const records = index.patchesOf(arm);
	const forms = [...new Set(records.map(({ form = '' }) => form))].sort((a, b) => place(a) - place(b)).slice(0, MAX_FORMS);
	const limit = roundUp(records.reduce((most, { deltaLogOdds }) => Math.max(most, Math.abs(deltaLogOdds ?? 0)), 0));
	return forms.map((form) => ({
		name: `${PREFIX}${form}`,
		kind: 'patch',
		domain: [-limit, limit],
		label: LABELS.get(form) ?? printable(form),
	}));
}

/** What is put in, of the name of a patch's heatmap; undefined of another's. */
export function patchForm(name: string): string | undefined {
	return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
}

/** The plane with the effects of a patch. */
export function patchPlane(form: string): PlaneName {
	return effectPlane('patch', form || undefined);
}

/** Row-major [rows, sites]: effects of the same patches on the control model; undefined where it was not patched. */
export function patchControl(index: EvidenceIndex, arm: string, form: string, rows: Range, sites: number): Float32Array | undefined {
	const values = new Float32Array((rows.end - rows.start) * sites).fill(NaN);
	let found = false;
	for (const { form: own = '', step, site, control } of index.patchesOf(arm)) {
		if (own === form && control && typeof step === 'number' && site !== undefined && contains(rows, step) && site < sites) {
			values[(step - rows.start) * sites + site] = control.deltaLogOdds ?? NaN;
			found = true;
		}
	}
	return found ? values : undefined;
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
