/** What a model does on the reference prompts: what its thoughts read as, what they matter, and what noise they bear. */
import * as v from 'valibot';
import { planVariants, type CausalTest, type Variant } from '../../analysis/causal';
import { spread } from '../../analysis/capacity';
import { tolerated } from '../../analysis/meter';
import { bootstrapMean, share } from '../../analysis/statistics';
import type { CohortRecord, CohortThought, Estimate } from '../../trace/evidence';
import { cohortSchema } from '../../trace/evidenceSchema';
import type { ArmPlan } from '../run/arm';
import { cleanRows, runAll } from '../causal/cleans';
import { Replacements } from '../causal/replacement';
import { sha256 } from '../model/folder';
import type { Model } from '../model/model';
import { Changes, type Change } from './changes';
import { settingsOf } from './reference';
import { massesOf } from './readings';
import type { Run, Sampling } from './runs';

/** Reference prompts on which all of many thoughts are changed at once: each change is a run of them all. */
const MAX_WHOLE = 50;

const TESTS: readonly CausalTest[] = ['resample', 'snap-1', 'jitter'];

/** `singles`: thoughts that are changed one by one; where absent, only what the unchanged thoughts say. */
export async function cohortOf(
	{ model, plan, prompts, options, store, signal, emit }: Sampling,
	runs: readonly Run[],
	role: CohortRecord['role'],
	singles: readonly number[] | undefined,
): Promise<CohortRecord> {
	const texts = prompts.map(({ text }) => text);
	const key = { what: 'cohort', model: model.sha256, ...model.depthKey, prompts: sha256(JSON.stringify(texts)), role, singles, ...settingsOf(plan, options) };
	const kept = await store.read(key);
	const found = kept && restored(kept.record);
	if (found) {
		return found;
	}
	const changes: Change[] = [];
	const chosen = singles ? runs : [];
	// What does not vary carries nothing through any noise.
	const tests = TESTS.filter((test) => test !== 'jitter' || varies(runs));
	const size = cleanRows(model);
	for (let start = 0; start < chosen.length; start += size) {
		const { context } = model.manifest.shape;
		const message = `Testing the reference prompts on ${model.manifest.name}`;
		const tick = (seconds: number) => emit({ kind: 'progress', message, fraction: start / chosen.length, seconds });
		tick(size * model.cost.seconds(context, context, false));
		changes.push(...(await changesOf(model, plan, runs, tests, singles!, start, options.seed, new Changes(model, signal, tick), signal)));
	}
	const record = await recordOf(model, plan, runs, changes, role, options.seed);
	await store.write(key, { record: JSON.stringify(record), tensors: new Map() });
	return record;
}

/** Of as many runs from `start` on as go side by side; each is resampled from the one after it. */
async function changesOf(
	model: Model,
	plan: ArmPlan,
	runs: readonly Run[],
	tests: readonly CausalTest[],
	singles: readonly number[],
	start: number,
	seed: number,
	changes: Changes,
	signal: AbortSignal,
): Promise<Change[]> {
	const some = runs.slice(start, start + cleanRows(model));
	const cleans = await runAll(model, plan, some.map(({ text }) => text), { seed }, signal);
	const branches = cleans.flatMap((clean, i) => {
		if (typeof clean === 'string') {
			return [];
		}
		const others = [runs[(start + i + 1) % runs.length]!];
		const replacements = new Replacements(model, others, {}, seed, `${plan.name} ${start + i}`);
		return planVariants(clean.run, tests, 'each', 1, singles)
			.filter((variant) => isWanted(variant) && (singles.length === clean.thoughts.length || isWorthIt(variant, start + i)))
			.map((variant) => ({ clean, variant, replacements, others }));
	});
	return changes.of(branches, plan);
}

/** Single thoughts with the later ones recomputed; all thoughts at once where that is what is asked. */
function isWanted({ test, form, step, later }: Variant): boolean {
	switch (test) {
		case 'resample':
			return step !== 'all' && later !== 'frozen';
		case 'snap-1':
			return form === 'rescaled' && later !== 'frozen';
		default:
			return step === 'all';
	}
}

/** Of many thoughts: on every prompt what the ladder asks of single ones, on some what changes all. `place`: of the prompt. */
function isWorthIt({ test, step }: Variant, place: number): boolean {
	return step === 'all' ? place < MAX_WHOLE : test === 'resample';
}

async function recordOf(
	model: Model,
	plan: ArmPlan,
	runs: readonly Run[],
	changes: readonly Change[],
	role: CohortRecord['role'],
	seed: number,
): Promise<CohortRecord> {
	const of = (test: string, step: number | 'all') => changes.filter((change) => change.test === test && change.step === step);
	const forms = [...new Set(changes.flatMap(({ test, form }) => (test === 'jitter' ? [form!] : [])))];
	const noise = forms.flatMap((form) => {
		const found = changes.filter((change) => change.test === 'jitter' && change.form === form && change.changed !== undefined);
		const unchanged = share(found.filter(({ changed }) => !changed).length, found.length);
		return found.length > 0 ? [{ ratio: Number(form), unchanged }] : [];
	});
	const count = runs[0]?.thoughts.length ?? 0;
	const masses = await massesOf(model, runs);
	const ratio = tolerated(noise);
	const measured = changes.length > 0;
	const thoughts = Array.from({ length: count }, (_, thought): CohortThought => {
		const vectors = runs.map(({ thoughts: own }) => own[thought]!);
		const { dimension, norm, bits } = spread(vectors);
		const resamples = of('resample', thought);
		const snaps = of('snap-1', thought);
		return {
			thought,
			live: estimated(masses[thought]!.live, seed),
			shuffled: estimated(masses[thought]!.shuffled, seed),
			resample: estimated(resamples.map(({ deltaLogOdds }) => deltaLogOdds), seed),
			resampleChanged: changedShare(resamples),
			snapKl: estimated(snaps.map(({ kl }) => kl), seed),
			snapChanged: changedShare(snaps),
			dimension,
			// Noise of a norm is spread evenly over the components.
			bits: dimension === 0 && measured ? 0 : ratio === undefined ? undefined : finite(bits((ratio * norm) ** 2 / vectors[0]!.length)),
		};
	});
	const whole = of('snap-1', 'all');
	const kl = estimated(whole.map((change) => change.kl), seed);
	const changed = changedShare(whole);
	return {
		role,
		model: { id: model.manifest.id, sha256: model.sha256 },
		arm: plan.name,
		prompts: runs.length,
		thoughts,
		snap: kl && changed && { kl, changed },
		noise,
	};
}

/** Whether some thought is not the same in all prompts. */
function varies(runs: readonly Run[]): boolean {
	return (runs[0]?.thoughts ?? []).some((_, thought) => spread(runs.map(({ thoughts }) => thoughts[thought]!)).dimension > 0);
}

/** Over what was measured; absent where that is too little for an interval. */
export function estimated(values: readonly number[], seed: number): Estimate | undefined {
	const numbers = values.filter(Number.isFinite);
	return numbers.length > 1 ? bootstrapMean(numbers, seed) : undefined;
}

/** As `estimated`. */
function changedShare(changes: readonly Change[]): Estimate | undefined {
	const measured = changes.filter(({ changed }) => changed !== undefined);
	return measured.length > 1 ? share(measured.filter(({ changed }) => changed).length, measured.length) : undefined;
}

function finite(value: number): number | undefined {
	return Number.isFinite(value) ? value : undefined;
}

function restored(text: string): CohortRecord | undefined {
	const result = v.safeParse(v.pipe(v.string(), v.parseJson(), cohortSchema), text);
	return result.success ? result.output : undefined;
}
