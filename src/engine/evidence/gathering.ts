/** The second phase of an analysis: comparisons, tests and controls of its arms' thoughts, each told as soon as it is there. */
import { effectPlanes, withControl } from '../../analysis/effects';
import { MEASURES, NEIGHBOUR } from '../../analysis/ood';
import type { Task } from '../../analysis/task';
import type { ArmRecord, RunOptions } from '../../trace/document';
import type { EvidenceRecord } from '../../trace/evidence';
import type { PlaneName } from '../../trace/planes';
import type { EvidenceParams, ProgressEvent } from '../api';
import { planArms, type ArmPlan } from '../arm';
import { recorded } from '../causal/clean';
import { EngineError } from '../error';
import { legibilityPart } from '../legibility/part';
import type { Lend } from '../legibility/peers';
import type { Model } from '../model';
import type { Models } from '../models';
import { concluded, type ArmEvidence } from './conclusion';
import { compared, distances, siteOf, type Ood } from './ood';
import { candidatesOf, readsOf } from './readings';
import { affordable, referenceSet, type ReferenceSet } from './reference';
import { twinOf } from './relative';
import { runsOf, type Run } from './runs';
import { Store } from './store';
import { testsOf } from './tests';
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
			await this.part(`The thoughts of arm ${arm.plan.name} were not read`, () => this.read(model, arm, 'model'));
		}
		await this.part('The twin was not run', () => this.twin());
		await this.part('Random weights are no control here', () => this.random());
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
		const { records, skipped } = await this.tested(model, plans);
		this.record.tests = records;
		skipped.forEach((why) => this.skip(why));
		for (const { plan, thoughts } of this.arms) {
			for (const [plane, values] of effectPlanes(records, plan.name, thoughts.length, model.manifest.shape.layers + 1)) {
				this.outlet.plane(plan.name, plane, values);
			}
		}
		this.emit();
	}

	private tested(model: Model, plans: readonly ArmPlan[]) {
		const { prompt, options } = this.subject;
		const { signal, emit } = this.outlet;
		const reference = this.set ? affordable(this.set, model, plans[0]!) : [];
		return testsOf(model, prompt, plans.map(({ name }) => name), options, reference, signal, emit);
	}

	/** Reads an arm's thoughts on one of the models, of which the plan may differ. */
	private async read(model: Model, arm: ArmEvidence, role: 'model' | 'twin' | 'random', plan = arm.plan, clean = arm.clean): Promise<void> {
		const { prompt, task, options } = this.subject;
		const runs = (await this.runs(model, plan)).filter(({ text }) => text !== prompt);
		const reads = await readsOf(model, clean, arm.candidates, task, runs, options.seed);
		arm.reads = { ...arm.reads, [role]: reads };
		this.emit();
	}

	private async runs(model: Model, plan: ArmPlan): Promise<Run[]> {
		const { options } = this.subject;
		const { signal, emit } = this.outlet;
		// With the prompt among them a thought would be compared with itself.
		const prompts = this.set ? affordable(this.set, model, plan) : [];
		return runsOf({ model, plan, prompts, options, store: this.store, signal, emit });
	}

	private async twin(): Promise<void> {
		const found = await twinOf(this.subject.model, this.subject.evidence);
		if (found.kind === 'missing') {
			return this.skip(found.why);
		}
		const { signal } = this.outlet;
		const progress = (message: string, fraction?: number, seconds?: number) =>
			this.outlet.emit({ kind: 'progress', message, fraction, seconds });
		await this.shared.models.use(found.folder, { signal, progress }, async (twin) => {
			this.record.twin = { id: twin.manifest.id, sha256: twin.sha256 };
			const plans = planArms(twin.manifest.recipe, this.subject.plans.map(({ name }) => name), this.subject.options, (token) => twin.tokenizer.idOf(token));
			const { records } = await this.tested(twin, plans);
			this.record.tests = withControl(this.record.tests, records);
			this.emit();
			await this.control(twin, 'twin');
		});
	}

	private async random(): Promise<void> {
		const { signal } = this.outlet;
		const progress = (message: string, fraction?: number, seconds?: number) =>
			this.outlet.emit({ kind: 'progress', message, fraction, seconds });
		const use = { signal, progress, randomised: RANDOM_SEED };
		await this.shared.models.use(this.subject.model.folder, use, (model) => this.control(model, 'random'));
	}

	private async control(model: Model, role: 'twin' | 'random'): Promise<void> {
		const { prompt, options } = this.subject;
		for (const arm of this.arms) {
			const [plan] = planArms(model.manifest.recipe, [arm.plan.name], options, (token) => model.tokenizer.idOf(token));
			const clean = await recorded(model, plan!, prompt, options, this.outlet.signal);
			if (typeof clean === 'string' || clean.thoughts.length !== arm.clean.thoughts.length) {
				throw new EngineError(`it gives no answer in arm ${arm.plan.name}`, 'bad-model');
			}
			if (role === 'twin') {
				arm.twinDistances = await distances(model, clean.thoughts);
			}
			await this.read(model, arm, role, plan, clean);
		}
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
