/** Causal tests: every variant of a run goes on from what it shares with the unchanged one, many side by side. */
import { hasDonor, isWritten, needsReference, planVariants, type CausalTest, type Variant } from '../../analysis/causal';
import { effect } from '../../analysis/effect';
import { parseTask } from '../../analysis/task';
import type { CausalEvent, CausalParams, CausalResult, CausalRow, NamedPrompt } from '../api';
import { planArms, type ArmPlan } from '../run/arm';
import type { Model } from '../model/model';
import { isDrawn } from '../thinking/step';
import { answerOf, type Clean } from './clean';
import { cleanRows, runAll } from './cleans';
import type { VariantLane } from './lane';
import { Others } from './others';
import { Replacements, type Donors } from './replacement';
import { singlesOf } from './singles';
import { Skipped } from './skipped';
import { Variants } from './variants';

export class CausalRun {
	/** Runs of the prompts that thoughts are taken from. */
	readonly others: Others;
	readonly skipped: Skipped;
	/** Thoughts that were changed one by one, by arm. */
	readonly singles = new Map<string, readonly number[]>();
	private readonly variants: Variants;
	/** Share of the prompts. */
	private tested = 0;

	constructor(
		private readonly model: Model,
		private readonly params: CausalParams,
		private readonly signal: AbortSignal,
		private readonly emit: (event: CausalEvent) => void,
	) {
		this.others = new Others(model, params.options, params.reference, signal, (fraction) =>
			this.progress('Running the reference prompts', fraction, this.cleanSeconds()),
		);
		this.variants = new Variants(model, signal, (seconds) => this.progress('Testing the thoughts', this.tested, seconds));
		this.skipped = new Skipped(params.prompts.length);
	}

	async run(): Promise<CausalResult> {
		const begun = performance.now();
		const { prompts, first = 0 } = this.params;
		const tests = this.params.tests.filter((test) => this.isAvailable(test));
		const plans = this.plans(tests);
		const ran = new Set<CausalTest>();
		const size = cleanRows(this.model);
		// In the blocks of a run from the start, so that a run that goes on rounds alike.
		for (let start = first - (first % size); start < prompts.length; start += size) {
			const some = prompts.slice(start, start + size);
			this.tested = start / prompts.length;
			this.progress('Running the prompts', this.tested, plans.length * this.cleanSeconds());
			const cleans = await Promise.all(plans.map((plan) => runAll(this.model, plan, some, this.params.options, this.signal)));
			for (const [i, prompt] of some.entries()) {
				if (start + i < first) {
					continue;
				}
				this.tested = (start + i) / prompts.length;
				for (const [arm, plan] of plans.entries()) {
					(await this.arm(start + i, prompt, plan, cleans[arm]![i]!, tests)).forEach((test) => ran.add(test));
				}
			}
		}
		for (const test of tests.filter((one) => !ran.has(one) && !this.skipped.has(one))) {
			const what = isWritten(test) ? 'written' : 'latent';
			this.skipped.always(test, `it changes ${what} thoughts, and no arm that was run has any`, 'kind');
		}
		return { runtimeSeconds: (performance.now() - begun) / 1000, skipped: this.skipped.sentences({ all: true }) };
	}

	/** Arms that have thoughts of the kind that some test changes. */
	private plans(tests: readonly CausalTest[]): ArmPlan[] {
		const { arms, options, scope } = this.params;
		const { manifest, tokenizer, unavailable } = this.model;
		const changesWritten = scope === 'each' && tests.some(isWritten);
		const changesLatent = tests.some((test) => !isWritten(test));
		return planArms(manifest.recipe, arms, options, (token) => tokenizer.idOf(token)).filter(({ feedback, segments }) =>
			feedback === undefined
				? changesWritten && segments.some((segment) => segment.kind === 'decode' && segment.role === 'thought')
				: changesLatent && !unavailable.has('latents'),
		);
	}

	/** The tests that had something to change. */
	private async arm(
		index: number,
		prompt: string,
		plan: ArmPlan,
		clean: Clean | string,
		tests: readonly CausalTest[],
	): Promise<Set<CausalTest>> {
		const { options, scope, resamples } = this.params;
		if (typeof clean === 'string') {
			this.skipped.add(`Arm ${plan.name}`, 'it gives no answer to compare with', index);
			return new Set();
		}
		const singles = this.chosen(plan.name, clean, tests);
		const planned = planVariants(clean.run, tests, scope, resamples, singles);
		const asked = new Set(planned.map(({ test }) => test));
		if (planned.length === 0) {
			return asked;
		}
		const others = [...asked].some(needsReference) ? await this.others.of(this.references(prompt), plan, clean) : [];
		const donors = await this.donors(prompt, plan, clean, asked);
		const replacements = new Replacements(this.model, others, donors, options.seed, `${plan.name} ${index}`);
		const kind = parseTask(prompt) ? 'missing' : 'kind';
		const variants = planned.filter((variant) => this.applies(variant, clean, index) && this.canRun(variant, replacements, index, kind));
		this.emit({ kind: 'clean', index, arm: plan.name, answer: clean.answer });
		for (const lane of await this.variants.run(variants.map((variant) => ({ clean, variant, replacements })), plan)) {
			this.emit({ kind: 'row', index, row: this.row(plan.name, clean, lane, replacements) });
		}
		return asked;
	}

	/** Undefined where all thoughts are changed one by one. */
	private chosen(arm: string, { run, thoughts: { length } }: Clean, tests: readonly CausalTest[]): readonly number[] | undefined {
		const { thoughts, resamples } = this.params;
		const singles = thoughts === 'all' ? undefined : singlesOf(this.model, run, tests, resamples);
		if (singles && singles.length < length) {
			this.singles.set(arm, singles);
			this.skipped.partly(`Of the ${length} thoughts of arm ${arm} ${singles.length} were changed one by one, at equal distances.`);
			return singles;
		}
		return undefined;
	}

	private row(arm: string, clean: Clean, { variant, answer: { logits, written } }: VariantLane, replacements: Replacements): CausalRow {
		const { test, form, step, site, later, trained } = variant;
		const answer = logits && answerOf(this.model, written);
		const donor = hasDonor(test) ? replacements.donors[test]?.answer : undefined;
		return {
			arm,
			test,
			form,
			step,
			site,
			later,
			trained,
			answer,
			changed: logits !== undefined && answer !== clean.answer,
			follows: donor === undefined || donor === clean.answer || !logits ? undefined : answer === donor,
			...(logits ? effect(clean.logits, logits) : { deltaLogOdds: NaN, kl: NaN }),
			by: inWords(variant, replacements),
		};
	}

	/** Whether the arm's thoughts have what the test changes. */
	private applies({ test }: Variant, { made: [first] }: Clean, index: number): boolean {
		const why =
			test === 'redraw' && !(first && isDrawn(first.step))
				? 'its thoughts are made without noise'
				: test === 'snap-code' && !(first && this.model.codes && this.model.thinking.isEdited(first.step))
					? 'its thoughts have no codes'
					: undefined;
		if (why !== undefined) {
			this.skipped.add(test, why, index, 'kind');
		}
		return why === undefined;
	}

	/** Where something of other prompts is missing, that is said. `transplant`: why there may be no other question about the same facts. */
	private canRun({ test, form }: Variant, { donors, count }: Replacements, index: number, transplant: 'missing' | 'kind'): boolean {
		const why =
			needsReference(test) && count === 0 && form !== 'zero'
				? 'there is no reference prompt with as many thoughts besides the tested one'
				: test === 'resample' && Number(form ?? 1) > count
					? `there are only ${count} reference prompts to draw from`
					: test === 'transplant' && !donors.transplant
						? 'no other question about the same facts is known: give a prompt to take thoughts from'
						: test === 'interchange' && !donors.interchange
							? 'the other prompt has fewer thoughts'
							: undefined;
		if (why !== undefined) {
			const part = test === 'patch' || (test === 'resample' && count > 0);
			this.skipped.add(part ? `A part of ${test}` : test, why, index, test === 'transplant' ? transplant : 'missing');
		}
		return why === undefined;
	}

	/** Reference prompts but for the tested one; those after it in the list come first. */
	private references(prompt: string): NamedPrompt[] {
		const { reference } = this.params;
		const own = reference.findIndex(({ text }) => text === prompt);
		return [...reference.slice(own + 1), ...reference.slice(0, own + 1)].filter(({ text }) => text !== prompt);
	}

	private async donors(prompt: string, plan: ArmPlan, clean: Clean, tests: ReadonlySet<CausalTest>): Promise<Donors> {
		const { donor } = this.params;
		const counterpart = tests.has('transplant') ? parseTask(prompt)?.counterpart() : undefined;
		const given = {
			interchange: tests.has('interchange') ? donor : undefined,
			transplant: counterpart === undefined ? donor : { name: counterpart.question, text: counterpart.text },
		};
		const found: Donors = {};
		for (const test of ['interchange', 'transplant'] as const) {
			const wanted = given[test];
			found[test] = wanted && (await this.others.of([wanted], plan, clean))[0];
		}
		return found;
	}

	private isAvailable(test: CausalTest): boolean {
		const { unavailable } = this.model;
		const why =
			(isWritten(test) ? undefined : unavailable.get('latents')) ??
			(test === 'patch' ? unavailable.get('patches') : undefined) ??
			(test === 'mixture' ? unavailable.get('neighbours') : undefined) ??
			(test === 'interchange' && !this.params.donor ? 'no other prompt was given' : undefined);
		if (why !== undefined) {
			this.skipped.always(test, why);
		}
		return why === undefined;
	}

	private progress(message: string, fraction: number, seconds: number): void {
		this.emit({ kind: 'progress', message, fraction, seconds });
	}

	/** Of the unchanged runs that are worked on at a time: each prompt is read, and its thoughts are computed. */
	private cleanSeconds(): number {
		const { cost, manifest } = this.model;
		const { context } = manifest.shape;
		return 2 * cleanRows(this.model) * cost.seconds(context, context, false);
	}
}

function inWords({ test, step, feeds }: Variant, replacements: Replacements): string {
	switch (test) {
		case 'truncate':
			return `${step} thoughts`;
		case 'early-answer':
			return `${step} sentences`;
		case 'drop-span':
			return `without sentence ${step}`;
		default: {
			const [feed] = feeds;
			if (feed?.kind !== 'think' || !(feed.patch ?? feed.by)) {
				throw new Error(`A variant of ${test} begins with what it does not change.`);
			}
			const what = step === 'all' ? 'thoughts' : `thought ${step}`;
			return feed.patch
				? replacements.describe(feed.patch.by, `stream at ${what}`)
				: replacements.describe(feed.by!, what);
		}
	}
}
