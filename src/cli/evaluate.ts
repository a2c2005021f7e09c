/** `eval`: answers of every arm on a file of problems, with Wilson intervals. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { matchesGold } from '../analysis/answers';
import { wilson } from '../analysis/statistics';
import { checkArms } from './analyze';
import { RunError } from './failure';
import { chooseModel } from './model';
import type { Command } from './options';
import type { Session } from './session';

interface Problem {
	question: string;
	answer: string;
}

interface ArmResult {
	correct: number;
	accuracy: number;
	/** Wilson's 95 % interval. */
	ci: [number, number];
	/** Of computing, all problems together; the prompt's share is counted in the arm that ran first. */
	seconds: number;
}

export async function evaluate(
	{ file, json, limit, run }: Extract<Command, { kind: 'eval' }>,
	{ engine, signal, progress }: Session,
): Promise<string> {
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
	return json ? `${JSON.stringify({ n, arms })}\n` : table(n, arms);
}

function table(n: number, arms: Record<string, ArmResult>): string {
	const width = Math.max(...Object.keys(arms).map((arm) => arm.length));
	const lines = Object.entries(arms).map(([arm, { correct, accuracy, ci, seconds }]) => {
		const [low, high] = ci.map((bound) => (bound * 100).toFixed(1));
		const share = `${(accuracy * 100).toFixed(1).padStart(5)} %  (95 % interval ${low} to ${high})`;
		return `${arm.padEnd(width)}  ${share}  ${correct} of ${n}  ${seconds.toFixed(1)} s`;
	});
	return `${lines.join('\n')}\n`;
}

async function readProblems(path: string): Promise<Problem[]> {
	const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
		throw new RunError(`${path} cannot be read (${error.code ?? error.message}): check the name.`);
	});
	const items = parsed(text.trim());
	const wrong = items?.findIndex((item) => !isProblem(item)) ?? 0;
	if (!items || items.length === 0 || wrong >= 0) {
		const where = items && items.length > 0 ? ` (item ${wrong} has no "question" and "answer")` : '';
		throw new RunError(
			`${path} is not ProsQA's JSON${where}: give a list of {"question", "answer"}, or one such object a line.`,
		);
	}
	return items as Problem[];
}

/** One JSON list, or one object a line. */
function parsed(text: string): unknown[] | undefined {
	try {
		if (text.startsWith('[')) {
			return JSON.parse(text) as unknown[];
		}
		return text
			.split('\n')
			.filter((line) => line.trim() !== '')
			.map((line) => JSON.parse(line) as unknown);
	} catch {
		return undefined;
	}
}

function isProblem(item: unknown): item is Problem {
	const { question, answer } = (item ?? {}) as Record<string, unknown>;
	return typeof question === 'string' && typeof answer === 'string';
}
