/** One of the models that are compared, on the prompt and on the reference prompts. */
import { spreadThoughts } from '../../analysis/singles';
import type { CohortRecord } from '../../trace/evidence';
import { planArms, type ArmPlan } from '../run/arm';
import { recorded, type Clean } from '../causal/clean';
import { cohortSingles } from '../causal/singles';
import { EngineError } from '../error';
import type { Model } from '../model/model';
import { cohortOf } from './cohort';
import type { ArmEvidence } from './conclusion';
import { readsOf, type Read } from './readings';
import { affordable, type ReferenceSet } from './reference';
import { runsOf, type Run, type Sampling } from './runs';
import type { Store } from './store';
import type { Outlet, Subject } from './subject';
import { drawsOf, testsOf, type Tested } from './tests';

/** Variants of a reference prompt's run in a cohort, for the budget, beside each chosen thought resampled and snapped: all snapped, four noises. */
const WHOLE_VARIANTS = 5;

export class Side {
	/** Runs of the reference prompts, by arm. */
	private readonly known = new Map<string, Run[]>();

	constructor(
		readonly model: Model,
		private readonly subject: Subject,
		private readonly set: ReferenceSet | undefined,
		private readonly store: Store,
		private readonly outlet: Outlet,
	) {}

	/** Those of the arms that this model has. */
	plans(names: readonly string[]): ArmPlan[] {
		const { manifest, tokenizer } = this.model;
		const own = names.filter((name) => Object.hasOwn(manifest.recipe.arms, name));
		return planArms(manifest.recipe, own, this.subject.options, (token) => tokenizer.idOf(token));
	}

	plan(name: string): ArmPlan {
		const [plan] = this.plans([name]);
		if (!plan) {
			throw new EngineError(`It has no arm ${name}.`, 'bad-model');
		}
		return plan;
	}

	/** Its greedy runs of the prompt in the arms. Fails where it does not think as often as the model under analysis. */
	async cleans(arms: readonly ArmEvidence[]): Promise<ReadonlyMap<string, Clean>> {
		const { prompt, options } = this.subject;
		const cleans = new Map<string, Clean>();
		for (const { plan, thoughts } of arms) {
			const clean = await recorded(this.model, this.plan(plan.name), prompt, options, this.outlet.signal);
			if (typeof clean === 'string' || clean.thoughts.length !== thoughts.length) {
				throw new EngineError(`Its arm ${plan.name} comes to no answer after as many thoughts.`, 'bad-model');
			}
			cleans.set(plan.name, clean);
		}
		return cleans;
	}

	/** Tests of the prompt in arms, of which `cleans` has those with thoughts. */
	async tested(plans: readonly ArmPlan[], cleans: ReadonlyMap<string, Clean>): Promise<Tested> {
		const { prompt, options, evidence } = this.subject;
		const { signal, emit } = this.outlet;
		const others = new Map<string, Run[]>();
		for (const plan of plans.filter(({ name }) => cleans.has(name))) {
			others.set(plan.name, await this.others(plan));
		}
		const { records, singles, skipped } = await testsOf(this.model, prompt, plans, options, evidence.thoughts, others, signal, emit);
		for (const plan of plans.filter(({ name }) => others.has(name))) {
			const [clean, runs] = [cleans.get(plan.name)!, others.get(plan.name)!];
			const draws = await drawsOf(this.model, plan, clean, runs, singles.get(plan.name), options.seed, signal, emit);
			for (const record of records) {
				const isDrawn = record.arm === plan.name && record.test === 'resample' && record.later !== 'frozen';
				if (isDrawn && typeof record.step === 'number') {
					record.draws = draws[record.step];
				}
			}
		}
		return { records, singles, skipped };
	}

	async reads({ plan: { name }, candidates }: ArmEvidence, clean: Clean): Promise<Read[]> {
		const { task, options } = this.subject;
		const others = await this.others(this.plan(name));
		this.progress('Reading the thoughts', others.length * clean.thoughts.length);
		return readsOf(this.model, clean, candidates, task, others, options.seed, this.outlet.signal);
	}

	/** Undefined where there are too few reference prompts for any mean. */
	async cohort(name: string, role: CohortRecord['role']): Promise<CohortRecord | undefined> {
		const plan = this.plan(name);
		const runs = await this.runs(plan);
		const effects = role !== 'random weights';
		const singles = this.singles(runs[0]?.thoughts.length ?? 0);
		const sampling = this.sampling(plan, effects ? 1 + 2 * singles.length + WHOLE_VARIANTS : 1);
		const texts = new Set(sampling.prompts.map(({ text }) => text));
		const chosen = runs.filter(({ text }) => texts.has(text));
		return chosen.length > 1 ? cohortOf(sampling, chosen, role, effects ? singles : undefined) : undefined;
	}

	/** Thoughts that are changed one by one on every reference prompt, of so many. */
	singles(count: number): number[] {
		return this.subject.evidence.thoughts === 'all' ? spreadThoughts(count, count) : cohortSingles(count);
	}

	/** Runs of the reference prompts but for the one under analysis. */
	private async others(plan: ArmPlan): Promise<Run[]> {
		return (await this.runs(plan)).filter(({ text }) => text !== this.subject.prompt);
	}

	private async runs(plan: ArmPlan): Promise<Run[]> {
		const found = this.known.get(plan.name) ?? (await runsOf(this.sampling(plan, 1)));
		this.known.set(plan.name, found);
		return found;
	}

	/** `times`: how often every prompt is run. */
	private sampling(plan: ArmPlan, times: number): Sampling {
		const { signal, emit } = this.outlet;
		const prompts = this.set ? affordable(this.set, this.model, plan, times) : [];
		return { model: this.model, plan, prompts, options: this.subject.options, store: this.store, signal, emit };
	}

	/** `positions`: how many are computed or read out before the next event. */
	private progress(message: string, positions: number): void {
		const { cost, manifest } = this.model;
		this.outlet.emit({ kind: 'progress', message, seconds: cost.seconds(positions, manifest.shape.context, true) });
	}
}
