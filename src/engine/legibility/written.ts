/** Runs arms that write a chain of thought, and measures what each wrote. */
import type { Lexicon } from '../../analysis/legibility';
import { surprisalBits } from '../../analysis/lens';
import type { Step } from '../../trace/document';
import type { LegibilityEvent, LegibilityParams, LegibilityResult, WrittenChain } from '../api';
import { leadOf, planArms, type ArmPlan } from '../run/arm';
import type { Forward } from '../model/body';
import { answerOf } from '../causal/clean';
import { EngineError } from '../error';
import { checkProblem, seedOf } from '../run/evaluation';
import { identity, legibility } from './measure';
import type { Model } from '../model/model';
import { referenceWords } from './part';
import type { Peers } from './peers';
import { LastReader } from '../run/readers';
import type { Last } from '../run/last';
import { ArmRun, prefill, samplingOf, type Reader } from '../run/run';

/** Milliseconds between two events of progress. */
const TICK = 250;

export class WrittenRun {
	private readonly skipped: Set<string>;
	private readonly lexicon: Lexicon | undefined;
	private readonly last: LastReader;
	private told = { at: -Infinity, seconds: 0 };
	private fraction = 0;

	constructor(
		private readonly model: Model,
		private readonly peers: Peers,
		private readonly params: LegibilityParams,
		private readonly signal: AbortSignal,
		private readonly emit: (event: LegibilityEvent) => void,
	) {
		this.skipped = new Set(peers.skipped);
		this.last = new LastReader(model);
		this.lexicon = referenceWords(model);
		if (!this.lexicon) {
			this.skipped.add('The rate of rare words was not measured, because the model folder has no reference text.');
		}
	}

	async run(): Promise<LegibilityResult> {
		const { manifest, tokenizer } = this.model;
		const { prompts, arms, options } = this.params;
		const plans = planArms(manifest.recipe, arms, options, (token) => tokenizer.idOf(token)).filter(writes);
		if (plans.length === 0) {
			throw new EngineError('None of the arms writes a chain of thought: choose a model or arms that do.', 'bad-request');
		}
		this.model.checkRuns(plans);
		const encoded = prompts.map((prompt) => tokenizer.encode(prompt).ids);
		encoded.forEach((ids, index) => plans.forEach((plan) => checkProblem(plan, ids, manifest.shape.context, index)));
		for (const [index, ids] of encoded.entries()) {
			this.fraction = index / prompts.length;
			for (const plan of plans) {
				this.emit({ kind: 'chain', index, chain: await this.chain(plan, ids, index) });
			}
		}
		const { reference, base } = this.peers;
		return { reference: reference && identity(reference), base: base && identity(base), skipped: [...this.skipped] };
	}

	private async chain(plan: ArmPlan, ids: readonly number[], index: number): Promise<WrittenChain> {
		const { model, signal } = this;
		const { options, prompts } = this.params;
		const { cost, manifest } = model;
		this.tick(cost.seconds(manifest.shape.context, manifest.shape.context, false));
		const start = await prefill(model, [...leadOf(plan, ids), ...ids], signal, (forward) => this.last.read(forward));
		const recorder = new Recorder(this.last, plan, ids);
		const sampling = samplingOf({ ...options, seed: seedOf(options.seed, index) }, plan);
		const run = new ArmRun(model, plan, start, recorder, sampling, signal);
		await run.run();
		const { steps, logprobs } = recorder;
		const answer = answerOf(
			model,
			run.written.filter(({ role }) => role === 'answer').map(({ id }) => id),
		);
		const found = await legibility(model, {
			prompt: prompts[index]!,
			arm: { name: plan.name, steps },
			peers: this.peers,
			lexicon: this.lexicon,
			signal,
			tick: (seconds) => this.tick(seconds),
		});
		found?.skipped.forEach((why) => this.skipped.add(why));
		const plane = (name: string) => found?.planes.find((one) => one.plane === name)?.values;
		const [reference, kl] = [plane('legibility.surprisal'), plane('legibility.kl')];
		return {
			arm: plan.name,
			answer,
			record: found?.record,
			sentences: (found?.sentences ?? []).map(({ role, text, verdict, steps: positions }) => ({
				role,
				text,
				verdict,
				tokens: positions.map((position) => ({
					id: steps[position]!.id,
					text: model.tokenizer.textOf(steps[position]!.id),
					bits: surprisalBits(logprobs[position]!),
					referenceBits: reference?.[position] ?? NaN,
					kl: kl?.[position] ?? NaN,
				})),
			})),
		};
	}

	/** Often enough to watch; a longer wait than the last one is told at once, because the watchdog goes by it. */
	private tick(seconds: number): void {
		const now = performance.now();
		if (now - this.told.at > TICK || seconds > this.told.seconds) {
			this.told = { at: now, seconds };
			this.emit({ kind: 'progress', message: 'Reading the chains of thought', fraction: this.fraction, seconds });
		}
	}
}

function writes({ segments }: ArmPlan): boolean {
	return segments.some((segment) => segment.kind === 'decode' && segment.role === 'thought');
}

/** Keeps what was fed, and what the model gave to it. */
class Recorder implements Reader {
	readonly everything = false;
	/** Of the whole sequence, the prompt included; NaN where unknown. */
	readonly steps: Step[];
	readonly logprobs: number[];

	constructor(
		private readonly last: LastReader,
		plan: ArmPlan,
		prompt: readonly number[],
	) {
		this.steps = [
			...leadOf(plan, prompt).map((id): Step => ({ kind: 'token', id, forced: true })),
			...prompt.map((id): Step => ({ kind: 'prompt', id })),
		];
		this.logprobs = this.steps.map(() => NaN);
	}

	read(forward: Forward, steps: readonly Step[], logprobs: readonly number[]): Promise<Last> {
		this.steps.push(...steps);
		this.logprobs.push(...logprobs);
		return this.last.read(forward);
	}

	thought(): void {}
}
