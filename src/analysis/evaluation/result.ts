/**
 * The result of a run over a set of problems: what `eval --out` writes and `report` reads. JSON; accuracies and shares are 0..1, their
 * intervals 95 % (Wilson of a share, bootstrap over problems of a mean, Newcombe of a paired difference); p is McNemar's exact
 * two-sided one, not adjusted for the number of tests. `null`: not measured.
 */
import * as v from 'valibot';
import { describeIssue } from '../../trace/schema';
import { answer, count, flag, line, list, MAX_ARMS, MAX_PROBLEMS, MAX_TESTS, model, nullable, step } from './limits';
import { setupSchema } from './outcome';

export const EVALUATION_FORMAT = 'neuralese-evaluation';
export const EVALUATION_VERSION = 1;

const interval = v.tuple([nullable, nullable]);

/** Two on the same problems: how many only one of them got right, and accuracy of `a` less that of `b`. */
const comparison = { onlyA: count, onlyB: count, p: v.number(), difference: nullable, ci: interval };
const pair = v.object({ a: line, b: line, ...comparison });

const armResult = v.object({ correct: count, accuracy: nullable, ci: interval, seconds: v.number() });

const causalResult = v.object({
	arm: line,
	test: line,
	form: v.optional(line),
	step,
	/** Of `truncate`: whether the model was trained with this many thoughts. */
	trained: v.optional(flag),
	/** Problems on which the test could be run. */
	n: count,
	correct: count,
	accuracy: nullable,
	ci: interval,
	/** Share of answers that are another than the unchanged run's. */
	changed: nullable,
	changedCi: interval,
	/** Of the answers that could: share that are those of the prompt whose thoughts were put in, where it is answered differently. */
	follows: v.optional(v.object({ value: nullable, ci: interval, n: count })),
	/** Means over the `measured` problems where they are finite, nats. */
	measured: count,
	deltaLogOdds: nullable,
	deltaLogOddsCi: interval,
	kl: nullable,
	klCi: interval,
	/** a: the unchanged arm; b: the test. */
	unchanged: v.object(comparison),
});

const side = {
	/** By the names of the arms. */
	arms: v.record(line, armResult),
	/** Every two arms; a is the later one in the recipe. */
	pairs: list(pair, (MAX_ARMS * (MAX_ARMS - 1)) / 2),
	causal: v.optional(list(causalResult, MAX_TESTS)),
};

/** a: the model; b: its twin; on the same arm, or on the same test of it. */
const against = v.object({
	arm: line,
	test: v.optional(line),
	form: v.optional(line),
	step: v.optional(step),
	...comparison,
});

/** By problem, for whoever wants to count otherwise. A test that was not run on a problem has null there. */
const outcomes = v.object({
	model: v.picklist(['model', 'twin']),
	arm: line,
	test: v.optional(line),
	form: v.optional(line),
	step: v.optional(step),
	answers: list(answer, MAX_PROBLEMS),
	right: list(v.nullable(flag), MAX_PROBLEMS),
	changed: v.optional(list(v.nullable(flag), MAX_PROBLEMS)),
	deltaLogOdds: v.optional(list(nullable, MAX_PROBLEMS)),
	kl: v.optional(list(nullable, MAX_PROBLEMS)),
});

const evaluationSchema = v.object({
	format: v.literal(EVALUATION_FORMAT),
	version: v.literal(EVALUATION_VERSION),
	...v.omit(setupSchema, ['twin', 'causal']).entries,
	/** ISO 8601, UTC. */
	created: line,
	/** For example `onnxruntime-node 1.30.0, cpu`. */
	runtime: line,
	seed: count,
	/** Problems that were run. */
	n: count,
	...side,
	/** The control without recurrence on the same problems. */
	twin: v.optional(v.object({ model: v.object(model), ...side, against: list(against, MAX_ARMS + MAX_TESTS) })),
	/** What was asked for and could not be run: one sentence each. */
	notes: list(line, 1_000),
	outcomes: list(outcomes, 2 * (MAX_ARMS + MAX_TESTS)),
});

export type Evaluation = v.InferOutput<typeof evaluationSchema>;
export type ArmResult = v.InferOutput<typeof armResult>;
export type CausalResult = v.InferOutput<typeof causalResult>;
export type Comparison = Omit<v.InferOutput<typeof pair>, 'a' | 'b'>;
export type Pair = v.InferOutput<typeof pair>;
export type Against = v.InferOutput<typeof against>;
export type Outcomes = v.InferOutput<typeof outcomes>;
export type Interval = v.InferOutput<typeof interval>;
/** One model's part of a result. */
export type Side = Pick<Evaluation, 'arms' | 'pairs' | 'causal'>;

export type ParsedEvaluation = { ok: true; evaluation: Evaluation } | { ok: false; wrong: string };

/** The result, or in a few words what is wrong with it. */
export function parseEvaluation(text: string): ParsedEvaluation {
	let input: unknown;
	try {
		input = JSON.parse(text);
	} catch {
		return { ok: false, wrong: 'it is not JSON' };
	}
	const { format, version } = (input ?? {}) as Record<string, unknown>;
	if (format !== EVALUATION_FORMAT) {
		return { ok: false, wrong: 'it is not a result of eval' };
	}
	if (typeof version === 'number' && version > EVALUATION_VERSION) {
		return { ok: false, wrong: 'a newer version of Neuralese Inspector wrote it' };
	}
	const result = v.safeParse(evaluationSchema, input, { abortEarly: true });
	return result.success ? { ok: true, evaluation: result.output } : { ok: false, wrong: describeIssue(result.issues[0]) };
}
