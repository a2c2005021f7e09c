/** The second phase of an analysis: comparisons, tests and controls of its arms' thoughts, each told as soon as it is there. */
import { effectPlanes, withControl } from '../../analysis/effects';
import { MEASURES, NEIGHBOUR } from '../../analysis/ood';
import type { Task } from '../../analysis/task';
import type { ArmRecord, RunOptions } from '../../trace/document';
import type { CohortRecord, EvidenceRecord } from '../../trace/evidence';
import type { PlaneName } from '../../trace/planes';
import type { EvidenceParams, ProgressEvent } from '../api';
import { planArms, type ArmPlan } from '../arm';
import { recorded, type Clean } from '../causal/clean';
import { EngineError } from '../error';
import { legibilityPart } from '../legibility/part';
import type { Lend } from '../legibility/peers';
import type { Model } from '../model';
import type { Models, Use } from '../models';
import { cohortOf } from './cohort';
import { concluded, type ArmEvidence } from './conclusion';
import { compared, distances, siteOf, type Ood } from './ood';
import { candidatesOf, readsOf, type Read } from './readings';
import { affordable, referenceSet, type ReferenceSet } from './reference';
import { twinOf } from './relative';
import { runsOf, type Run, type Sampling } from './runs';
import { Store } from './store';
import { drawsOf, testsOf, type Tested } from './tests';
import { WeightsError } from './weights';

/** Seed of the control with random weights: the same for every analysis, so that what it does is computed once. */
const RANDOM_SEED = 0;

/** What the first phase found, and what evidence is wanted of it. */
export interface Subject {
	model: Model;
	prompt: string;
	task: Task | undefined;
	plans: readonly ArmPlan[];
	arms: readonly ArmRecord[];
	options: RunOptions;
	evidence: EvidenceParams;
}

/** What several analyses share. */
export interface Shared {
	models: Models;
	ood: Ood;
}

/** Where parts go as they come. */
export interface Outlet {
	signal: AbortSignal;
	emit(event: ProgressEvent): void;
	/** Values of a light plane of an arm, a row for each thought or position. */
	plane(arm: string, plane: PlaneName, values: Float32Array): void;
	evidence(record: EvidenceRecord): void;
}

export class Gathering {
	private readonly record: EvidenceRecord;
	private readonly set: ReferenceSet | undefined;
	private readonly store: Store;
	private readonly arms: ArmEvidence[] = [];
	/** Runs of the reference prompts, by model and arm. */
	private readonly known = new Map<string, Run[]>();

	constructor(
		private readonly subject: Subject,
		private readonly shared: Shared,
		private readonly outlet: Outlet,
	) {
		const { evidence, model, options } = subject;
		this.store = new Store(evidence.cache);
		this.set = referenceSet(evidence, model);
		const { name = 'none', sha256 = '', prompts = [] } = this.set ?? {};
		this.record = {
			reference: { name, sha256, prompts: prompts.length },
			seed: options.seed,
			tests: [],
			ood: [],
			readings: [],
			claims: [],
			meter: [],
			legibility: [],
			cohorts: [],
			skipped: [],
		};
	}

	/** Never fails for what cannot be measured: that stands in `skipped`. */
	async run(): Promise<EvidenceRecord> {
		const { model, plans, options } = this.subject;
		if (options.temperature > 0) {
			this.skip('Tests and controls are of greedy runs, whatever the temperature of the arms.');
		}
		if (!this.set) {
			this.skip('Nothing was compared with other prompts, because there is no reference set: name one.');
		}
		for (const plan of plans.filter(({ feedback }) => feedback !== undefined)) {
			await this.part(`Arm ${plan.name} has no evidence`, () => this.begin(plan));
		}
		for (const arm of this.arms) {
			await this.part(`How far thoughts of arm ${arm.plan.name} are from tokens and text was not measured`, () => this.distance(arm));
		}
		await this.part('How legible the chains of thought are was not measured', () => this.legibility());
		await this.part('Nothing was tested by changing it', () => this.tests());
		for (const arm of this.arms) {
			await this.part(`The thoughts of arm ${arm.plan.name} were not read`, async () => {
				const others = await this.others(model, arm.plan);
				arm.reads = { model: await this.reads(model, arm, arm.clean, others) };
				this.emit();
			});
		}
		await this.part('The twin was not run', () => this.twin());
		await this.part('Random weights are no control here', () => this.random());
		for (const arm of this.arms) {
			await this.part(`Arm ${arm.plan.name} was not run on the reference prompts`, () => this.cohort(model, arm.plan, 'model'));
		}
		this.emit();
		return this.record;
	}

	private async begin(plan: ArmPlan): Promise<void> {
		const { model, prompt, task, options, arms, evidence } = this.subject;
		const clean = await recorded(model, plan, prompt, options, this.outlet.signal);
		const { thoughts } = arms.find(({ name }) => name === plan.name)!;
		if (typeof clean === 'string' || clean.thoughts.length !== thoughts.length) {
			this.skip(`Arm ${plan.name} has no evidence, because it came to no answer.`);
		} else if (thoughts.length > 0) {
			const answers = arms.flatMap(({ answer }) => (answer === undefined ? [] : [answer]));
			const candidates = thoughts.map(({ index }) => candidatesOf(index, task, evidence.candidates ?? answers));
			this.arms.push({ plan, thoughts, clean, candidates });
		}
	}

	private async distance(arm: ArmEvidence): Promise<void> {
		const { model } = this.subject;
		const { plan, clean } = arm;
		if (!this.set) {
			return;
		}
		const { signal, emit } = this.outlet;
		// With the prompt among them a thought would be compared with itself.
		const prompts = this.set.prompts.filter((text) => text !== this.subject.prompt);
		const reference = await this.shared.ood.reference({ model, plan, prompts, store: this.store, signal, emit });
		arm.compared = clean.thoughts.map((vector) => compared(vector, reference));
		for (const name of MEASURES) {
			const rows = arm.compared.flatMap((found) => [found[name].value, found[name].tokens, found[name].text]);
			this.outlet.plane(plan.name, `ood.${name}`, Float32Array.from(rows));
		}
		const { tokens, text } = reference;
		this.record.ood.push({ arm: plan.name, feedback: plan.feedback!, site: siteOf(plan), neighbour: NEIGHBOUR, tokens, text });
		this.emit();
	}

	private async legibility(): Promise<void> {
		const { signal } = this.outlet;
		const progress = (message: string, fraction?: number, seconds?: number) =>
			this.outlet.emit({ kind: 'progress', message, fraction, seconds });
		const lend: Lend = (folder, work) => this.shared.models.use(folder, { signal, progress }, work);
		const { records, skipped } = await legibilityPart(this.subject, lend, this.outlet);
		this.record.legibility = records;
		skipped.forEach((why) => this.skip(why));
		this.emit();
	}

	private async tests(): Promise<void> {
		const { model, plans } = this.subject;
		const { records, skipped } = await this.tested(model, plans, new Map(this.arms.map(({ plan, clean }) => [plan.name, clean])));
		this.record.tests = records;
		skipped.forEach((why) => this.skip(why));
		for (const { plan, thoughts } of this.arms) {
			for (const [plane, values] of effectPlanes(records, plan.name, thoughts.length, model.manifest.shape.layers + 1)) {
				this.outlet.plane(plan.name, plane, values);
			}
		}
		this.emit();
	}

	/** Tests on one of the models; `cleans`: its runs of the prompt, by arm. */
	private async tested(model: Model, plans: readonly ArmPlan[], cleans: ReadonlyMap<string, Clean>): Promise<Tested> {
		const { prompt, options } = this.subject;
		const { signal, emit } = this.outlet;
		const others = new Map<string, Run[]>();
		for (const plan of plans.filter(({ name }) => cleans.has(name))) {
			others.set(plan.name, await this.others(model, plan));
		}
		const { records, skipped } = await testsOf(model, prompt, plans, options, others, signal, emit);
		for (const plan of plans.filter(({ name }) => others.has(name))) {
			const draws = await drawsOf(model, plan, cleans.get(plan.name)!, others.get(plan.name)!, options.seed, signal);
			for (const record of records) {
				const isDrawn = record.arm === plan.name && record.test === 'resample' && record.later !== 'frozen';
				if (isDrawn && typeof record.step === 'number') {
					record.draws = draws[record.step];
				}
			}
		}
		return { records, skipped };
	}

	private reads(model: Model, arm: ArmEvidence, clean: Clean, others: readonly Run[]): Promise<Read[]> {
		const { task, options } = this.subject;
		return readsOf(model, clean, arm.candidates, task, others, options.seed, this.outlet.signal);
	}

	/** Runs of the reference prompts but for the one under analysis. */
	private async others(model: Model, plan: ArmPlan): Promise<Run[]> {
		return (await this.runs(model, plan)).filter(({ text }) => text !== this.subject.prompt);
	}

	private async runs(model: Model, plan: ArmPlan): Promise<Run[]> {
		const key = `${model.sha256} ${plan.name}`;
		const found = this.known.get(key) ?? (await runsOf(this.sampling(model, plan)));
		this.known.set(key, found);
		return found;
	}

	private sampling(model: Model, plan: ArmPlan): Sampling {
		const { signal, emit } = this.outlet;
		const prompts = this.set ? affordable(this.set, model, plan) : [];
		return { model, plan, prompts, options: this.subject.options, store: this.store, signal, emit };
	}

	private async cohort(model: Model, plan: ArmPlan, role: CohortRecord['role']): Promise<void> {
		const runs = await this.runs(model, plan);
		if (runs.length > 1) {
			this.record.cohorts.push(await cohortOf(this.sampling(model, plan), runs, role, role !== 'random weights'));
			this.emit();
		}
	}

	private async twin(): Promise<void> {
		const found = await twinOf(this.subject.model, this.subject.evidence);
		if (found.kind === 'missing') {
			return this.skip(found.why);
		}
		await this.shared.models.use(found.folder, this.use(), async (twin) => {
			this.record.twin = { id: twin.manifest.id, sha256: twin.sha256 };
			const plans = this.plansOf(twin, this.subject.plans.map(({ name }) => name));
			const cleans = await this.cleans(twin);
			const { records } = await this.tested(twin, plans, cleans);
			this.record.tests = withControl(this.record.tests, records);
			for (const arm of this.arms) {
				arm.twinDistances = await distances(twin, cleans.get(arm.plan.name)!.thoughts);
			}
			this.emit();
			await this.control(twin, 'twin', cleans);
		});
	}

	private async random(): Promise<void> {
		const { folder } = this.subject.model;
		await this.shared.models.use(folder, { ...this.use(), randomised: RANDOM_SEED }, async (model) =>
			this.control(model, 'random weights', await this.cleans(model)),
		);
	}

	private async control(model: Model, role: 'twin' | 'random weights', cleans: ReadonlyMap<string, Clean>): Promise<void> {
		for (const arm of this.arms) {
			const { name } = arm.plan;
			const [plan] = this.plansOf(model, [name]);
			const reads = await this.reads(model, arm, cleans.get(name)!, await this.others(model, plan!));
			arm.reads = { ...arm.reads, [role === 'twin' ? 'twin' : 'random']: reads };
			await this.cohort(model, plan!, role);
		}
	}

	/** The prompt on a control, in the arms that have thoughts. Fails where the control does not think as often. */
	private async cleans(model: Model): Promise<ReadonlyMap<string, Clean>> {
		const { prompt, options } = this.subject;
		const cleans = new Map<string, Clean>();
		for (const { plan: own, clean: expected } of this.arms) {
			const [plan] = this.plansOf(model, [own.name]);
			const clean = await recorded(model, plan!, prompt, options, this.outlet.signal);
			if (typeof clean === 'string' || clean.thoughts.length !== expected.thoughts.length) {
				throw new EngineError(`Its arm ${own.name} comes to no answer after as many thoughts.`, 'bad-model');
			}
			cleans.set(own.name, clean);
		}
		return cleans;
	}

	private plansOf({ manifest, tokenizer }: Model, names: string[]): ArmPlan[] {
		return planArms(manifest.recipe, names, this.subject.options, (token) => tokenizer.idOf(token));
	}

	private use(): Use {
		const { signal, emit } = this.outlet;
		return { signal, progress: (message, fraction, seconds) => emit({ kind: 'progress', message, fraction, seconds }) };
	}

	private async part(what: string, work: () => Promise<void>): Promise<void> {
		try {
			await work();
		} catch (error) {
			if (this.outlet.signal.aborted || !(error instanceof EngineError || error instanceof WeightsError)) {
				throw error;
			}
			this.skip(error instanceof WeightsError ? `${what}, because ${error.message}.` : `${what}: ${error.message}`);
		}
	}

	private skip(why: string): void {
		this.record.skipped.push(why);
	}

	/** A complete snapshot of what there is. */
	private emit(): void {
		Object.assign(this.record, concluded(this.arms, this.record, this.subject.model.manifest.shape.width));
		this.outlet.evidence(structuredClone(this.record));
	}
}
