/** `causal`: what changing the thoughts of one prompt does to its answer; and of many, for `eval --causal`. */
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { matchesGold } from '../analysis/answers';
import { CAUSAL_TESTS, isWritten } from '../analysis/causal';
import { share, wilson } from '../analysis/statistics';
import { printable } from '../analysis/text';
import type { CausalRow, NamedPrompt } from '../engine/api';
import type { Problem } from '../prompts/problems';
import { checkArms } from './analyze';
import { chooseModel } from './model';
import type { Command, RunFlags } from './options';
import { readPrompt } from './promptfile';
import { readProblems } from './problems';
import type { Session } from './session';
import type { Estimate } from '../trace/evidence';

const EXAMPLES = join(__dirname, '..', 'media', 'examples');
/** Each costs a run of every arm; a mean over more changes little. */
const MAX_REFERENCE = 300;
/** Tests of `eval`: latent ones that need no prompt that is chosen for one problem. */
const WHOLE = CAUSAL_TESTS.filter((test) => !isWritten(test) && test !== 'patch' && test !== 'interchange');

type Row = Omit<CausalRow, 'answer'> & { answer: string | null };

export async function causal(
	{ file, json, tests, reference, resamples, from, run }: Extract<Command, { kind: 'causal' }>,
	{ engine, signal, progress, note }: Session,
): Promise<string> {
	const { prompt, input } = await readPrompt(resolve(file));
	const { settings } = prompt;
	const model = chooseModel(run.model, settings.model, resolve(file));
	[...prompt.warnings, ...(model.note === undefined ? [] : [model.note])].forEach(note);
	if ((settings.temperature ?? 0) !== 0) {
		note('The prompt asks for a temperature: causal tests compare the likeliest answers, so it was left out.');
	}
	const card = await engine.call('load', { model: model.folder }, { signal, onEvent: ({ message }) => progress(message) });
	checkArms(run, card.arms);
	const clean: Record<string, string | null> = {};
	const rows: Row[] = [];
	const { skipped } = await engine.call(
		'causal',
		{
			model: model.folder,
			prompts: [input.text],
			arms: run.arms ?? settings.arms,
			options: {
				latents: run.latents ?? settings.latents,
				seed: run.seed ?? settings.seed ?? 0,
				maxTokens: run.maxTokens ?? settings.maxTokens,
			},
			tests,
			scope: 'each',
			reference: await readReference(reference),
			resamples,
			donor: from === undefined ? undefined : { name: basename(from), text: (await readPrompt(resolve(from))).input.text },
		},
		{
			signal,
			onEvent: (event) => {
				switch (event.kind) {
					case 'progress':
						return progress(event.message);
					case 'clean':
						clean[event.arm] = event.answer ?? null;
						return;
					case 'row':
						rows.push({ ...event.row, answer: event.row.answer ?? null });
				}
			},
		},
	);
	if (json) {
		return `${JSON.stringify({ model: { id: card.id, sha256: card.sha256 }, prompt: input.text, clean, rows, skipped })}\n`;
	}
	return table(clean, rows, skipped);
}

/** One test's answers on a set of problems. */
export interface CausalResult extends Pick<CausalRow, 'arm' | 'test' | 'form' | 'step' | 'trained'> {
	/** Problems on which it was run. */
	n: number;
	correct: number;
	accuracy: number;
	/** Wilson's 95 % interval. */
	ci: [number, number];
	/** Share of answers that are another than the unchanged run's. */
	changed: number;
	/** Of `transplant`: share of answers that are those of the prompts whose thoughts were put in, where both answer differently. */
	follows?: Estimate;
	/** Means over the problems; `measured` of them are finite. */
	deltaLogOdds: number;
	kl: number;
	measured: number;
}

/** What changes all thoughts, on every problem; the problems are each other's reference. */
export async function evaluateCausal(
	{ model, problems, run, pattern }: { model: string; problems: readonly Problem[]; run: RunFlags; pattern?: RegExp },
	{ engine, signal, progress, note }: Session,
): Promise<CausalResult[]> {
	const rows = new Map<string, Tested[]>();
	const prompts = problems.map(({ question }) => question);
	const { skipped } = await engine.call(
		'causal',
		{
			model,
			prompts,
			arms: run.arms,
			options: { latents: run.latents, seed: run.seed ?? 0, maxTokens: run.maxTokens },
			tests: WHOLE,
			scope: 'whole',
			reference: prompts.slice(0, MAX_REFERENCE).map((text, i) => ({ name: `problem ${i}`, text })),
		},
		{
			signal,
			onEvent: (event) => {
				if (event.kind === 'progress') {
					return progress(event.message);
				}
				if (event.kind === 'clean') {
					return;
				}
				const { index, row } = event;
				const key = [row.arm, row.test, row.form, row.step].join(' ');
				rows.set(key, rows.get(key) ?? []);
				rows.get(key)!.push({ index, row });
			},
		},
	);
	skipped.forEach(note);
	return [...rows.values()].map((found) => resultOf(found, problems, pattern));
}

interface Tested {
	/** Of the problem. */
	index: number;
	row: CausalRow;
}

/** Of the rows of one test. */
function resultOf(tested: readonly Tested[], problems: readonly Problem[], pattern: RegExp | undefined): CausalResult {
	const { arm, test, form, step, trained } = tested[0]!.row;
	const n = tested.length;
	const rows = tested.map(({ row }) => row);
	const correct = tested.filter(({ index, row }) => matchesGold(row.answer, problems[index]!.answer, pattern)).length;
	const told = rows.filter(({ follows }) => follows !== undefined);
	const measured = rows.filter(({ deltaLogOdds, kl }) => Number.isFinite(deltaLogOdds) && Number.isFinite(kl));
	const mean = (of: (row: CausalRow) => number) => measured.reduce((sum, row) => sum + of(row), 0) / measured.length;
	return {
		...{ arm, test, form, step, trained, n, correct },
		accuracy: correct / n,
		ci: wilson(correct, n),
		changed: rows.filter(({ changed }) => changed).length / n,
		follows: told.length === 0 ? undefined : share(told.filter(({ follows }) => follows).length, told.length),
		deltaLogOdds: mean(({ deltaLogOdds }) => deltaLogOdds),
		kl: mean(({ kl }) => kl),
		measured: measured.length,
	};
}

/** A prompt file, a file of problems, or without either the examples. */
async function readReference(file: string | undefined): Promise<NamedPrompt[]> {
	if (file !== undefined && /\.jsonl?$/.test(file)) {
		const problems = (await readProblems(resolve(file))).slice(0, MAX_REFERENCE);
		return problems.map(({ question }, i) => ({ name: `${basename(file)} ${i}`, text: question }));
	}
	const examples = async () => (await readdir(EXAMPLES)).filter((name) => name.endsWith('.prompt.md'));
	const files = file === undefined ? (await examples()).map((name) => join(EXAMPLES, name)) : [resolve(file)];
	return Promise.all(files.map(async (path) => ({ name: basename(path), text: (await readPrompt(path)).input.text })));
}

const COLUMNS = ['test', 'step', 'later', 'answer', 'Δ log-odds', 'KL', 'replaced by'] as const;
/** Columns of numbers. */
const RIGHT = new Set<string>(['step', 'Δ log-odds', 'KL']);

function table(clean: Record<string, string | null>, rows: readonly Row[], skipped: readonly string[]): string {
	const blocks = Object.entries(clean).flatMap(([arm, answer]) => {
		const cells = rows.filter((row) => row.arm === arm).map(cellsOf);
		const widths = COLUMNS.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]!.length)));
		const line = (row: readonly string[]) =>
			row.map((cell, i) => (RIGHT.has(COLUMNS[i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!))).join('  ').trimEnd();
		return [`Arm ${arm}, unchanged: ${printable(answer ?? 'no answer')}`, line(COLUMNS), ...cells.map(line), ''];
	});
	const legend = [
		'An answer with a * is another than the unchanged one; with a → it is that of the prompt whose thoughts were put in. Δ log-odds: of the unchanged answer against the likeliest other token,',
		'in nats; KL(clean || changed) of the answer distribution, in nats; later: what became of the thoughts after the changed one.',
	];
	return `${[...blocks, ...legend, ...skipped.map((why) => `Note: ${printable(why)}`)].join('\n')}\n`;
}

function cellsOf({ test, form, step, site, later, trained, answer, changed, follows, deltaLogOdds, kl, by }: Row): string[] {
	const number = (value: number) => (Number.isFinite(value) ? value.toFixed(3) : '–');
	return [
		[test, form, site === undefined ? '' : `L${site}`].filter((part) => part).join(' '),
		`${step}`,
		later,
		`${printable(answer ?? 'none')}${changed ? ' *' : ''}${follows ? ' →' : ''}`,
		number(deltaLogOdds),
		number(kl),
		`${printable(by)}${trained === false ? ', not as trained' : ''}`,
	];
}
