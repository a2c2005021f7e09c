/** Causal tests: every variant of a run starts from the cache that it shares with the unchanged one. */
import { isWritten, needsReference, planVariants, type CausalTest, type Feed, type Variant } from '../../analysis/causal';
import { effect } from '../../analysis/effect';
import { generator } from '../../shared/random';
import type { CausalEvent, CausalParams, CausalResult, CausalRow, NamedPrompt } from '../api';
import { planArms, type ArmPlan } from '../arm';
import { shortened, type Forward, type Input } from '../body';
import { answerOf, recorded, type Clean } from './clean';
import type { Model } from '../model';
import { LastReader } from '../readers';
import { Replacements, type Other } from './replacement';
import { ArmRun, lastSite, thoughtOf, type Last, type Prefix } from '../run';

export class CausalRun {
	private readonly reader: LastReader;
	/** Thoughts of reference prompts and donors, by arm and text: many prompts may share them. */
	private readonly others = new Map<string, Other | undefined>();
	private readonly skipped = new Map<string, string>();

	constructor(
		private readonly model: Model,
		private readonly params: CausalParams,
		private readonly signal: AbortSignal,
		private readonly emit: (event: CausalEvent) => void,
	) {
		this.reader = new LastReader(model);
	}

	async run(): Promise<CausalResult> {
		const begun = performance.now();
		const { recipe } = this.model.manifest;
		const { arms, options, prompts, first = 0 } = this.params;
		const { tokenizer, unavailable } = this.model;
		const plans = planArms(recipe, arms, options, (token) => tokenizer.idOf(token)).filter(({ feedback, segments }) =>
			feedback === undefined
				? segments.some((segment) => segment.kind === 'decode' && segment.role === 'thought')
				: !unavailable.has('latents'),
		);
		const tests = this.params.tests.filter((test) => this.isAvailable(test));
		const ran = new Set<CausalTest>();
		for (let index = first; index < prompts.length; index++) {
			this.progress('Testing the thoughts', index / prompts.length);
			for (const plan of plans) {
				(await this.arm(index, prompts[index]!, plan, tests)).forEach((test) => ran.add(test));
			}
		}
		for (const test of tests.filter((one) => !ran.has(one))) {
			const what = isWritten(test) ? 'written' : 'latent';
			this.skip(test, `it changes ${what} thoughts, and no arm that was run has any`);
		}
		return {
			runtimeSeconds: (performance.now() - begun) / 1000,
			skipped: [...this.skipped].map(([test, why]) => `${test} was not run, because ${why}.`),
		};
	}

	/** The tests that had something to change. */
	private async arm(index: number, prompt: string, plan: ArmPlan, tests: readonly CausalTest[]): Promise<Set<CausalTest>> {
		const { options, scope, donor } = this.params;
		const answering = plan.segments.findIndex((segment) => segment.kind === 'decode' && segment.role === 'answer');
		const clean = await recorded(this.model, plan, prompt, options, this.signal);
		if (typeof clean === 'string' || answering < 0) {
			this.skip(`Arm ${plan.name}`, 'it gives no answer to compare with');
			return new Set();
		}
		const variants = planVariants(clean.run, tests, scope);
		const asked = new Set(variants.map(({ test }) => test));
		if (variants.length === 0) {
			return asked;
		}
		const others = [...asked].some(needsReference) ? await this.references(prompt, plan, clean) : [];
		const given = donor && asked.has('transplant') ? await this.other(donor, plan, clean) : undefined;
		const replacements = new Replacements(this.model, others, given, options.seed, `${plan.name} ${index}`);
		this.emit({ kind: 'clean', index, arm: plan.name, answer: clean.answer });
		for (const variant of variants) {
			if (needsReference(variant.test) && others.length === 0 && variant.form !== 'zero') {
				this.skip(variant.test, 'there is no reference prompt with as many thoughts besides the tested one');
			} else if (variant.test === 'transplant' && !given) {
				this.skip(variant.test, 'the other prompt has fewer thoughts');
			} else {
				const row = await this.row(plan.name, clean, variant, replacements, plan.segments.slice(answering));
				this.emit({ kind: 'row', index, row });
			}
		}
		return asked;
	}

	private async row(
		arm: string,
		clean: Clean,
		variant: Variant,
		replacements: Replacements,
		segments: ArmPlan['segments'],
	): Promise<CausalRow> {
		const prefix = await this.follow(clean, variant, replacements);
		const { test, form, step, site, later, trained } = variant;
		const greedy = { temperature: 0, uniform: generator(this.params.options.seed, arm) };
		const plan = { name: arm, before: [], segments, fixed: 0 };
		const run = new ArmRun(this.model, plan, prefix, this.reader, greedy, this.signal);
		await run.run();
		const answer = answerOf(this.model, run.written);
		const logits = await this.model.head.logits(lastSite(prefix.last, this.model));
		return {
			arm,
			test,
			form,
			step,
			site,
			later,
			trained,
			answer,
			changed: answer !== clean.answer,
			...effect(clean.logits, logits),
			by: inWords(variant, replacements),
		};
	}

	/** Feeds what the variant says. Thoughts that follow from a state are computed from the changed one. */
	private async follow(clean: Clean, { prefix, feeds }: Variant, replacements: Replacements): Promise<Prefix> {
		const { body } = this.model;
		let cache = shortened(clean.cache, prefix);
		let last: Last | undefined = clean.lasts.get(prefix)!;
		let forward: Forward | undefined;
		const state = async () => (last ??= await this.reader.read(forward!));
		for (const feed of feeds) {
			this.signal.throwIfAborted();
			const input = await this.input(feed, clean, replacements, state);
			forward = await body.forward(input, cache, { patch: this.patch(feed, replacements) });
			cache = forward.cache;
			last = undefined;
		}
		return { cache, last: await state() };
	}

	private async input(feed: Feed, clean: Clean, replacements: Replacements, state: () => Promise<Last>): Promise<Input> {
		switch (feed.kind) {
			case 'tokens':
				return { ids: feed.ids };
			case 'keep':
				return { embeddings: joined(feed.thoughts.map((thought) => clean.thoughts[thought]!)) };
			case 'think': {
				const { thought, by } = feed;
				const last = await state();
				const own = await thoughtOf(this.model, clean.feedbacks[thought]!, last, thought);
				return { embeddings: by ? await replacements.thought(by, thought, own, last) : own };
			}
		}
	}

	private patch(feed: Feed, replacements: Replacements) {
		if (feed.kind !== 'think' || !feed.patch) {
			return undefined;
		}
		const { site, by } = feed.patch;
		const { width } = this.model.manifest.shape;
		return { site, keep: new Float32Array(width), add: replacements.stream(by, feed.thought, site) };
	}

	/** Reference prompts but for the tested one; those after it in the list come first. */
	private async references(prompt: string, plan: ArmPlan, clean: Clean): Promise<Other[]> {
		const { reference } = this.params;
		const own = reference.findIndex(({ text }) => text === prompt);
		const others: Other[] = [];
		for (const other of [...reference.slice(own + 1), ...reference.slice(0, own + 1)]) {
			const found = other.text === prompt ? undefined : await this.other(other, plan, clean);
			if (found) {
				others.push(found);
			}
		}
		return others;
	}

	/** Undefined where it has fewer thoughts than the tested run. */
	private async other({ name, text }: NamedPrompt, plan: ArmPlan, { thoughts }: Clean): Promise<Other | undefined> {
		const key = `${plan.name} ${text}`;
		if (!this.others.has(key)) {
			this.progress('Running the reference prompts');
			const clean = await recorded(this.model, plan, text, this.params.options, this.signal);
			this.others.set(key, typeof clean === 'string' ? undefined : { name, thoughts: clean.thoughts, resid: fedAt(clean) });
		}
		const found = this.others.get(key);
		return found && found.thoughts.length >= thoughts.length ? found : undefined;
	}

	private isAvailable(test: CausalTest): boolean {
		const { unavailable } = this.model;
		const why =
			(isWritten(test) ? undefined : unavailable.get('latents')) ??
			(test === 'patch' ? unavailable.get('patches') : undefined) ??
			(test === 'mixture' ? unavailable.get('neighbours') : undefined) ??
			(test === 'transplant' && !this.params.donor ? 'no other prompt was given' : undefined);
		if (why !== undefined) {
			this.skip(test, why);
		}
		return why === undefined;
	}

	private progress(message: string, fraction?: number): void {
		const { cost, manifest } = this.model;
		const { context } = manifest.shape;
		this.emit({ kind: 'progress', message, fraction, seconds: cost.seconds(context, context, false) });
	}

	private skip(what: string, why: string): void {
		this.skipped.set(what, why);
	}
}

/** Residual streams [sites, width] of the positions where thoughts were fed. */
function fedAt({ run, lasts }: Clean): Float32Array[] {
	return run.steps.flatMap(({ kind }, i) => (kind === 'latent' ? [lasts.get(run.prompt + i + 1)!.resid] : []));
}

function joined(vectors: readonly Float32Array[]): Float32Array {
	const width = vectors[0]!.length;
	const out = new Float32Array(vectors.length * width);
	vectors.forEach((vector, i) => out.set(vector, i * width));
	return out;
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
