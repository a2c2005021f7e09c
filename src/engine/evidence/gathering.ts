/** The second phase of an analysis: comparisons, tests and controls of its arms' thoughts, each told as soon as it is there. */
import { effectPlanes, withControl } from '../../analysis/effects';
import { MEASURES, NEIGHBOUR } from '../../analysis/ood';
import type { CohortRecord, EvidenceRecord, SinglesRecord } from '../../trace/evidence';
import type { ArmPlan } from '../run/arm';
import { recorded, type Clean } from '../causal/clean';
import { EngineError } from '../error';
import { legibilityPart } from '../legibility/part';
import type { Lend } from '../legibility/peers';
import type { Model } from '../model/model';
import type { Use } from '../model/models';
import { siteOf } from './clouds';
import { concluded, type ArmEvidence } from './conclusion';
import { compared, distances } from './ood';
import { candidatesOf } from './readings';
import { referenceSet, type ReferenceSet } from './reference';
import { stopsItself } from './runs';
import { twinOf, type Relative } from './relative';
import { Side } from './side';
import { Store } from './store';
import type { Outlet, Shared, Subject } from './subject';
import { WeightsError } from './weights';

/** Seed of the control with random weights: the same for every analysis, so that what it does is computed once. */
const RANDOM_SEED = 0;

/** Bytes of graphs that are put into another order: of more, the wait is not worth a control that says so little. */
const MAX_RANDOM_BYTES = 512 * 1024 * 1024;

export class Gathering {
	private readonly record: EvidenceRecord;
	private readonly set: ReferenceSet | undefined;
	private readonly store: Store;
	private readonly arms: ArmEvidence[] = [];
	private readonly own: Side;

	constructor(
		private readonly subject: Subject,
		private readonly shared: Shared,
		private readonly outlet: Outlet,
	) {
		const { evidence, model, options } = subject;
		this.store = new Store(evidence.cache);
		this.set = referenceSet(evidence, model);
		this.own = this.side(model);
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
		const { plans, options, task, evidence } = this.subject;
		if (task && evidence.candidates) {
			this.skip('The candidates that were given were not used, because the prompt has a graph of its own.');
		}
		if (options.temperature > 0) {
			this.skip('Tests and controls are of greedy runs, whatever the temperature of the arms.');
		}
		if (!this.set) {
			this.skip('Nothing was compared with other prompts, because there is no reference set: name one.');
		}
		const twin = await twinOf(this.subject.model, evidence);
		if (twin.kind === 'found') {
			// Known from the start: what is shown before it was measured must not say that there is none.
			this.record.twin = { id: twin.id, sha256: twin.sha256 };
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
				arm.reads = { model: await this.own.reads(arm, arm.clean) };
				this.emit();
			});
		}
		await this.part('The twin was not run', () => this.twin(twin));
		await this.part('Random weights are no control here', () => this.random());
		for (const { plan } of this.arms) {
			await this.part(`Arm ${plan.name} was not run on the reference prompts`, () => this.cohort(this.own, plan.name, 'model'));
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
			if (stopsItself(plan)) {
				this.skip(`Thoughts of arm ${plan.name} were not compared with other prompts', because each prompt ends its thinking after a number of its own.`);
			}
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
		arm.compared = clean.made.map(({ embed }) => compared(embed, reference));
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
		const lend: Lend = (folder, work) => this.shared.models.use(folder, { signal, progress }, (model) => work(model.atDepth(this.subject.options)));
		const { records, skipped } = await legibilityPart(this.subject, lend, this.outlet);
		this.record.legibility = records;
		skipped.forEach((why) => this.skip(why));
		this.emit();
	}

	private async tests(): Promise<void> {
		const { model, plans } = this.subject;
		const cleans = new Map(this.arms.map(({ plan, clean }) => [plan.name, clean]));
		const { records, singles, skipped } = await this.own.tested(plans, cleans);
		this.record.tests = records;
		skipped.forEach((why) => this.skip(why));
		for (const { plan, thoughts } of this.arms.filter((arm) => singles.has(arm.plan.name))) {
			this.singles({ arm: plan.name, of: thoughts.length, thoughts: [...singles.get(plan.name)!], cohort: this.own.singles(thoughts.length) });
		}
		for (const { plan, thoughts } of this.arms) {
			for (const [plane, values] of effectPlanes(records, plan.name, thoughts.length, model.manifest.shape.layers + 1)) {
				this.outlet.plane(plan.name, plane, values);
			}
		}
		this.emit();
	}

	/** What was not measured because there are so many thoughts. */
	private singles(record: SinglesRecord): void {
		const { arm, of, thoughts, cohort } = record;
		this.record.singles = [...(this.record.singles ?? []), record];
		this.skip(
			`Of the ${of} thoughts of arm ${arm} ${thoughts.length} were changed one by one, at equal distances, and ${cohort.length} on the reference prompts: the effects of the others are not known.`,
		);
	}

	private async cohort(side: Side, arm: string, role: CohortRecord['role']): Promise<void> {
		const found = await side.cohort(arm, role);
		if (found) {
			this.record.cohorts.push(found);
			this.emit();
		}
	}

	private async twin(relative: Relative): Promise<void> {
		if (relative.kind === 'missing') {
			return this.skip(relative.why);
		}
		await this.shared.models.use(relative.folder, this.use(), async (lent) => {
			const twin = lent.atDepth(this.subject.options);
			const side = this.side(twin);
			const cleans = await side.cleans(this.arms);
			const { records } = await side.tested(side.plans(this.subject.plans.map(({ name }) => name)), cleans);
			this.record.tests = withControl(this.record.tests, records);
			for (const arm of this.arms) {
				arm.twinDistances = await distances(twin, cleans.get(arm.plan.name)!.made.map(({ embed }) => embed));
			}
			this.emit();
			await this.control(side, 'twin', cleans);
		}).catch((error: unknown) => {
			this.record.twin = undefined;
			throw error;
		});
	}

	private async random(): Promise<void> {
		const { folder, manifest } = this.subject.model;
		if (manifest.files.weights.length > 0) {
			throw new WeightsError('its weights lie in files beside its graphs, which are read in place');
		}
		if (manifest.files.body.bytes + manifest.files.head.bytes > MAX_RANDOM_BYTES) {
			throw new WeightsError(`its graphs have more than ${MAX_RANDOM_BYTES / 2 ** 20} MiB`);
		}
		await this.shared.models.use(folder, { ...this.use(), randomised: RANDOM_SEED }, async (model) => {
			const side = this.side(model.atDepth(this.subject.options));
			await this.control(side, 'random weights', await side.cleans(this.arms));
		});
	}

	private async control(side: Side, role: 'twin' | 'random weights', cleans: ReadonlyMap<string, Clean>): Promise<void> {
		for (const arm of this.arms) {
			const { name } = arm.plan;
			arm.reads = { ...arm.reads, [role === 'twin' ? 'twin' : 'random']: await side.reads(arm, cleans.get(name)!) };
			await this.cohort(side, name, role);
		}
	}

	private side(model: Model): Side {
		return new Side(model, this.subject, this.set, this.store, this.outlet);
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
		Object.assign(this.record, concluded(this.arms, this.record));
		this.outlet.evidence(structuredClone(this.record));
	}
}
