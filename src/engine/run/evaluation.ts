/** Answers only, for many prompts: no lens, no trace. */
import { readAnswer } from '../../analysis/answers';
import type { EvaluateEvent, EvaluateParams } from '../api';
import { checkFits, leadOf, planArms, type ArmPlan } from './arm';
import { EngineError } from '../error';
import type { Model } from '../model/model';
import { LastReader } from './readers';
import { ArmRun, prefill, samplingOf, type Prefix } from './run';

const SEED_STRIDE = 0x9e3779b1;

/** Each prompt's seed follows from the run's and its place, so that a prompt's sample does not depend on `--limit`. */
export function seedOf(seed: number, index: number): number {
	return (seed + Math.imul(index, SEED_STRIDE)) >>> 0;
}

/** Seconds of computing. */
export async function evaluate(
	model: Model,
	{ prompts, first = 0, arms, options }: EvaluateParams,
	signal: AbortSignal,
	emit: (event: EvaluateEvent) => void,
): Promise<number> {
	const { recipe, shape } = model.manifest;
	const { tokenizer, cost } = model;
	const plans = planArms(recipe, arms, options, (token) => tokenizer.idOf(token));
	model.checkRuns(plans);
	const pattern = model.answerPattern;
	const reader = new LastReader(model);
	const begun = performance.now();
	emit({ kind: 'progress', message: 'Evaluating', fraction: 0, seconds: cost.seconds(shape.context, shape.context, false) });
	const encoded = prompts.map((prompt) => tokenizer.encode(prompt).ids);
	encoded.forEach((ids, index) => plans.forEach((plan) => checkProblem(plan, ids, shape.context, index)));
	for (let index = first; index < encoded.length; index++) {
		const ids = encoded[index]!;
		const prefixes = new Map<string, { prefix: Prefix; seconds: number }>();
		for (const plan of plans) {
			const key = plan.before.join();
			if (!prefixes.has(key)) {
				const start = performance.now();
				const prefix = await prefill(model, [...leadOf(plan, ids), ...ids], signal, (forward) => reader.read(forward));
				prefixes.set(key, { prefix, seconds: (performance.now() - start) / 1000 });
			}
			const { prefix, seconds } = prefixes.get(key)!;
			const start = performance.now();
			const sampling = samplingOf({ ...options, seed: seedOf(options.seed, index) }, plan);
			const run = new ArmRun(model, plan, prefix, reader, sampling, signal);
			await run.run();
			const answer = readAnswer(
				tokenizer.decode(run.written.filter(({ role }) => role === 'answer').map(({ id }) => id)),
				pattern,
			);
			emit({ kind: 'answer', index, arm: plan.name, answer, seconds: seconds + (performance.now() - start) / 1000 });
		}
	}
	return (performance.now() - begun) / 1000;
}

/** Before any of them runs, and with the problem's place, so that a long evaluation does not end in its middle. */
export function checkProblem(plan: ArmPlan, prompt: readonly number[], context: number, index: number): void {
	try {
		checkFits(plan, prompt, context);
	} catch (error) {
		throw new EngineError(`Problem ${index + 1} cannot be run. ${(error as Error).message}`, 'bad-request');
	}
}
