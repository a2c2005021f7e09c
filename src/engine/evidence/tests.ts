/** Causal tests of one prompt on one model, as records of a trace. */
import { CAUSAL_TESTS, isWritten, planVariants, type CausalTest } from '../../analysis/causal';
import type { RunOptions } from '../../trace/document';
import type { CausalRecord, Estimate } from '../../trace/evidence';
import type { CausalRow, EvidenceParams, NamedPrompt, ProgressEvent } from '../api';
import type { ArmPlan } from '../run/arm';
import { CausalRun } from '../causal/sweep';
import type { Clean } from '../causal/clean';
import { Replacements } from '../causal/replacement';
import type { Model } from '../model/model';
import { Changes } from './changes';
import { estimated } from './cohort';
import type { Run } from './runs';

/** An interchange needs a prompt that was chosen for it; what noise does is asked of many prompts. */
const TESTS: readonly CausalTest[] = CAUSAL_TESTS.filter((test) => test !== 'interchange' && test !== 'jitter');

/** Those that have something to change in one of the arms. */
function testsFor(plans: readonly ArmPlan[]): CausalTest[] {
	const thinks = plans.some(({ feedback }) => feedback !== undefined);
	const writes = plans.some(({ segments }) => segments.some((segment) => segment.kind === 'decode' && segment.role === 'thought'));
	return TESTS.filter((test) => (isWritten(test) ? writes : thinks));
}

/** Other prompts that each thought is resampled from, where there are so many: a third more than the ladder asks for. */
const DRAWS = 32;

export interface Tested {
	records: CausalRecord[];
	/** Thoughts that were changed one by one, of arms where not all were. */
	singles: ReadonlyMap<string, readonly number[]>;
	/** What could not be tested, though it applies: one sentence each. */
	skipped: string[];
}

export async function testsOf(
	model: Model,
	prompt: string,
	plans: readonly ArmPlan[],
	options: RunOptions,
	thoughts: EvidenceParams['thoughts'],
	runs: ReadonlyMap<string, readonly Run[]>,
	signal: AbortSignal,
	emit: (event: ProgressEvent) => void,
): Promise<Tested> {
	const records: CausalRecord[] = [];
	const tests = testsFor(plans);
	if (tests.length === 0) {
		return { records, singles: new Map(), skipped: ['Nothing was tested by changing it, because no arm that was run has thoughts.'] };
	}
	const arms = plans.map(({ name }) => name);
	const run = new CausalRun(
		model,
		{ model: model.folder, prompts: [prompt], arms, options, tests, scope: 'each', thoughts, reference: referenceOf(runs) },
		signal,
		(event) => {
			if (event.kind === 'row') {
				records.push(recordOf(event.row));
			} else if (event.kind === 'progress') {
				emit(event);
			}
		},
	);
	for (const [arm, known] of runs) {
		known.forEach(({ text, ...other }) => run.others.know(arm, text, other));
	}
	await run.run();
	return { records, singles: run.singles, skipped: run.skipped.sentences({ all: false }) };
}

/** The prompts of all runs, each once. */
function referenceOf(runs: ReadonlyMap<string, readonly Run[]>): NamedPrompt[] {
	const texts = new Map([...runs.values()].flat().map(({ name, text }) => [text, name]));
	return [...texts].map(([text, name]) => ({ name, text }));
}

/** Δ log-odds of each thought when it is that of other prompts, one after the other, and the later ones follow from it; of `singles` only, where given. */
export async function drawsOf(
	model: Model,
	plan: ArmPlan,
	clean: Clean,
	others: readonly Run[],
	singles: readonly number[] | undefined,
	seed: number,
	signal: AbortSignal,
	emit: (event: ProgressEvent) => void,
): Promise<(Estimate | undefined)[]> {
	const chosen = others.slice(0, DRAWS);
	if (chosen.length === 0) {
		return clean.thoughts.map(() => undefined);
	}
	const replacements = new Replacements(model, chosen, {}, seed, plan.name);
	const variants = planVariants(clean.run, ['resample'], 'each', chosen.length, singles);
	const single = variants.filter(({ step, later }) => step !== 'all' && later !== 'frozen');
	const tick = (seconds: number) => emit({ kind: 'progress', message: 'Resampling the thoughts', seconds });
	const branches = single.map((variant) => ({ clean, variant, replacements, others: chosen }));
	const changes = await new Changes(model, signal, tick).of(branches, plan);
	return clean.thoughts.map((_, thought) =>
		estimated(changes.filter(({ step }) => step === thought).map(({ deltaLogOdds }) => deltaLogOdds), seed),
	);
}

/** Numbers that are not finite are not measured. */
function recordOf({ deltaLogOdds, kl, ...row }: CausalRow): CausalRecord {
	return { ...row, deltaLogOdds: finite(deltaLogOdds), kl: finite(kl) };
}

function finite(value: number): number | null {
	return Number.isFinite(value) ? value : null;
}
