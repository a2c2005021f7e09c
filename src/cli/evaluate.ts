/** `eval`: answers of every arm on a file of problems, with Wilson intervals. */
import { resolve } from 'node:path';
import { matchesGold } from '../analysis/answers';
import { wilson } from '../analysis/statistics';
import { checkArms } from './analyze';
import { evaluateCausal, type CausalResult } from './causal';
import { chooseModel } from './model';
import type { Command } from './options';
import { readProblems } from './problems';
import type { Session } from './session';

interface ArmResult {
	correct: number;
	accuracy: number;
	/** Wilson's 95 % interval. */
	ci: [number, number];
	/** Of computing, all problems together; the prompt's share is counted in the arm that ran first. */
	seconds: number;
}

export async function evaluate(
	{ file, json, limit, causal, run }: Extract<Command, { kind: 'eval' }>,
	session: Session,
): Promise<string> {
	const { engine, signal, progress } = session;
	const path = resolve(file);
	const problems = (await readProblems(path)).slice(0, limit);
	const { folder: model } = chooseModel(run.model, undefined, path);
	const card = await engine.call('load', { model }, { signal, onEvent: ({ message }) => progress(message) });
	checkArms(run, card.arms);
	const pattern = card.answer === undefined ? undefined : new RegExp(card.answer, 'u');
	const counts = new Map<string, { correct: number; seconds: number }>();
	const options = {
		latents: run.latents,
		seed: run.seed ?? 0,
		temperature: run.temperature ?? 0,
		maxTokens: run.maxTokens,
		topK: 1,
	};
	const step = Math.max(1, Math.floor(problems.length / 10));
	await engine.call(
		'evaluate',
		{ model, prompts: problems.map(({ question }) => question), arms: run.arms, options },
		{
			signal,
			onEvent: (event) => {
				if (event.kind === 'progress') {
					return;
				}
				const { index, arm, answer, seconds } = event;
				const count = counts.get(arm) ?? { correct: 0, seconds: 0 };
				count.correct += matchesGold(answer, problems[index]!.answer, pattern) ? 1 : 0;
				count.seconds += seconds;
				counts.set(arm, count);
				if ((index + 1) % step === 0) {
					progress(`${index + 1} of ${problems.length} problems`);
				}
			},
		},
	);
	const n = problems.length;
	const arms = Object.fromEntries(
		[...counts].map(([arm, { correct, seconds }]): [string, ArmResult] => [
			arm,
			{ correct, accuracy: correct / n, ci: wilson(correct, n), seconds },
		]),
	);
	const tested = causal ? await evaluateCausal({ model, problems, run, pattern }, session) : undefined;
	return json ? `${JSON.stringify({ n, arms, causal: tested })}\n` : table(n, arms, tested);
}

function table(n: number, arms: Record<string, ArmResult>, causal: readonly CausalResult[] = []): string {
	const rows = [
		...Object.entries(arms).map(([name, { correct, seconds, ...share }]) => ({
			name,
			share,
			counted: `${correct} of ${n}  ${seconds.toFixed(1)} s`,
		})),
		...causal.flatMap(({ arm, test, form, step, trained, n: tested, correct, follows, ...share }) => {
			const name = [arm, test, form, step, trained ? 'as trained' : ''].filter((part) => part !== undefined && part !== '').join(' ');
			const followed = follows && {
				name: `${name}, follows the thoughts`,
				share: { accuracy: follows.value, ci: follows.ci },
				counted: `${Math.round(follows.value * follows.n)} of ${follows.n}`,
			};
			return [{ name, share, counted: `${correct} of ${tested}` }, ...(followed ? [followed] : [])];
		}),
	];
	const width = Math.max(...rows.map(({ name }) => name.length));
	const lines = rows.map(({ name, share: { accuracy, ci }, counted }) => {
		const [low, high] = ci.map((bound) => (bound * 100).toFixed(1));
		return `${name.padEnd(width)}  ${(accuracy * 100).toFixed(1).padStart(5)} %  (95 % interval ${low} to ${high})  ${counted}`;
	});
	return `${lines.join('\n')}\n`;
}
