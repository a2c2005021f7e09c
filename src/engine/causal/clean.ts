/** An unchanged run of an arm, kept so that changed ones can go on from any of its positions. */
import { readAnswer } from '../../analysis/answers';
import type { CleanRun } from '../../analysis/causal';
import { recipeTokens, sentences } from '../../analysis/sentences';
import type { RunOptions, Step, Thought } from '../../trace/document';
import { checkFits, leadOf, type ArmPlan } from '../run/arm';
import type { Cache, Forward } from '../model/body';
import type { Last } from '../run/last';
import type { Model } from '../model/model';
import { LastReader } from '../run/readers';
import { ArmRun, prefill, samplingOf, type Prefix, type Reader } from '../run/run';
import type { Draw, Produced, ThoughtStep } from '../thinking/step';

/** How a thought came about, so that it can be computed again from another state. */
export interface Made {
	step: ThoughtStep;
	/** What was fed back [width]. */
	embed: Float32Array;
	/** What the thought before it handed on; absent for a segment's first. */
	carried?: Float32Array;
}

export interface Clean {
	/** For the plan of its variants. */
	run: CleanRun;
	/** Of all its positions. */
	cache: Cache;
	/** What each of its own positions said, by how many positions had been fed. */
	lasts: ReadonlyMap<number, Last>;
	/** What tests change of each thought: `Thinking.vectorOf`. */
	thoughts: readonly Float32Array[];
	made: readonly Made[];
	draw: Draw;
	/** Logits of the answer's first token. */
	logits: Float32Array;
	answer?: string;
}

/** Keeps what it reads. */
class Recorder implements Reader {
	readonly everything = false;
	readonly steps: Step[] = [];
	readonly lasts = new Map<number, Last>();
	readonly thoughts: Float32Array[] = [];
	readonly made: Made[] = [];
	cache: Cache;
	private readonly reader: LastReader;
	/** Of the last thought. */
	private before?: { step: ThoughtStep; carried?: Float32Array };

	constructor(
		private readonly model: Model,
		{ cache, last }: Prefix,
	) {
		this.reader = new LastReader(model);
		this.cache = cache;
		this.lasts.set(cache.length, last);
	}

	async read(forward: Forward, steps: readonly Step[]): Promise<Last> {
		const last = await this.reader.read(forward);
		this.steps.push(...steps);
		this.cache = forward.cache;
		this.lasts.set(forward.cache.length, last);
		return last;
	}

	thought(_: Thought, produced: Produced, __: Last, step: ThoughtStep): void {
		this.thoughts.push(this.model.thinking.vectorOf(step, produced));
		const carried = this.before?.step === step ? this.before.carried : undefined;
		this.made.push({ step, embed: produced.embed, ...(carried ? { carried } : {}) });
		this.before = { step, carried: produced.carried };
	}
}

/** Where the answer is decoded, as an index into the segments; undefined where it is not. */
export function answering({ segments }: ArmPlan): number | undefined {
	const found = segments.findIndex((segment) => segment.kind === 'decode' && segment.role === 'answer');
	return found < 0 ? undefined : found;
}

/** Runs greedily, up to the first answer. A sentence where the arm does not come to one. */
export async function recorded(
	model: Model,
	plan: ArmPlan,
	prompt: string,
	{ seed }: Pick<RunOptions, 'seed'>,
	signal: AbortSignal,
): Promise<Clean | string> {
	const until = answering(plan);
	if (until === undefined) {
		return `Arm ${plan.name} has no answer.`;
	}
	const { manifest, tokenizer } = model;
	const { ids } = tokenizer.encode(prompt);
	checkFits(plan, ids, manifest.shape.context);
	const reader = new LastReader(model);
	const prefix = await prefill(model, [...leadOf(plan, ids), ...ids], signal, (forward) => reader.read(forward));
	const recorder = new Recorder(model, prefix);
	const sampling = samplingOf({ seed, temperature: 0 }, plan);
	const answered = { ...plan, segments: plan.segments.slice(0, until + 1) };
	const run = new ArmRun(model, answered, prefix, recorder, sampling, signal);
	const { note } = await run.run();
	const first = recorder.steps.findIndex(({ kind }) => kind === 'answer');
	if (note !== undefined && first < 0) {
		return note;
	}
	const steps = first < 0 ? recorder.steps : recorder.steps.slice(0, first);
	const start = prefix.cache.length;
	return {
		run: cleanRun(model, start, steps),
		cache: recorder.cache,
		lasts: recorder.lasts,
		thoughts: recorder.thoughts,
		made: recorder.made,
		draw: sampling.draw,
		logits: await recorder.lasts.get(start + steps.length)!.logits(),
		answer: answerOf(
			model,
			run.written.filter(({ role }) => role === 'answer').map(({ id }) => id),
		),
	};
}

/** For the plan of variants: `steps` come after `prompt` positions. */
export function cleanRun({ manifest, tokenizer }: Model, prompt: number, steps: readonly Step[]): CleanRun {
	const { recipe, shape } = manifest;
	const spoken = sentences({ steps: [...steps] }, (id) => tokenizer.textOf(id), recipeTokens(recipe));
	return {
		prompt,
		steps,
		sentences: spoken.map((sentence) => sentence.steps),
		trainedLatents: recipe.trainedLatents,
		layers: shape.layers,
		vocabulary: shape.vocabulary,
	};
}

/** `written`: tokens of the answer. */
export function answerOf({ tokenizer, answerPattern }: Model, written: readonly number[]): string | undefined {
	return readAnswer(tokenizer.decode([...written]), answerPattern);
}
