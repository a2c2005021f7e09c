/** What a set of problems is run with, and what each problem gave: the lines of a journal, and what a result is counted from. */
import * as v from 'valibot';
import { answer, count, flag, line, list, MAX_ARMS, MAX_TESTS, model, nullable, step } from './limits';

/** The model itself, and the control without recurrence beside it. */
export type Role = 'model' | 'twin';

export const setupSchema = v.object({
	producer: line,
	model: v.object(model),
	twin: v.optional(v.object(model)),
	/** `n` problems from the start of a file of `of`; the hash is the whole file's. */
	data: v.object({ name: line, sha256: line, n: count, of: count }),
	options: v.object({
		arms: v.optional(list(line, MAX_ARMS)),
		latents: v.optional(count),
		loops: v.optional(count),
		noise: v.optional(v.number()),
		seed: count,
		temperature: v.number(),
		maxTokens: v.optional(count),
		/** Absent: as the model's chat template writes the questions, where it has one. */
		chatTemplate: v.optional(v.literal('off')),
	}),
	/** Names of the tests; none where absent. Each takes other prompts' thoughts from the first `reference` problems. */
	causal: v.optional(v.object({ tests: list(line, MAX_TESTS), reference: count })),
});

/** One run over a set. Two runs with the same setup give the same outcomes. */
export type Setup = v.InferOutput<typeof setupSchema>;

const answerOutcome = v.object({ arm: line, answer, right: flag, seconds: v.number() });

const testOutcome = v.object({
	arm: line,
	test: line,
	form: v.optional(line),
	step,
	trained: v.optional(flag),
	answer,
	right: flag,
	/** Whether the answer is another one than the unchanged run's. */
	changed: flag,
	/** Of tests that put in another prompt's thoughts: whether the answer is that prompt's. */
	follows: v.optional(flag),
	/** Nats; null where not measured. */
	deltaLogOdds: nullable,
	kl: nullable,
});

/** What one of the two models did on one problem: its answers, or its causal tests. */
export const outcomeSchema = v.variant('kind', [
	v.object({ kind: v.literal('answers'), role: v.picklist(['model', 'twin']), problem: count, answers: list(answerOutcome, MAX_ARMS) }),
	v.object({ kind: v.literal('tests'), role: v.picklist(['model', 'twin']), problem: count, tests: list(testOutcome, MAX_TESTS) }),
]);

export type AnswerOutcome = v.InferOutput<typeof answerOutcome>;
export type TestOutcome = v.InferOutput<typeof testOutcome>;
export type Outcome = v.InferOutput<typeof outcomeSchema>;

/** What tells one test of a set from another. */
export function testKey({ arm, test, form, step }: Pick<TestOutcome, 'arm' | 'test' | 'form' | 'step'>): string {
	return JSON.stringify([arm, test, form ?? null, step]);
}
