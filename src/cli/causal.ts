/** `causal`: what changing the thoughts of one prompt does to its answer. */
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { printable } from '../analysis/text';
import type { CausalRow, NamedPrompt } from '../engine/api';
import { checkArms } from './analyze';
import { inputFor, questionsFor } from './conversation';
import { chooseModel } from './model';
import type { Command } from './options';
import { readPrompt } from './promptfile';
import { readProblems } from './problems';
import type { Session } from './session';

const EXAMPLES = join(__dirname, '..', 'media', 'examples');
/** Each costs a run of every arm; a mean over more changes little. */
const MAX_REFERENCE = 300;

type Row = Omit<CausalRow, 'answer'> & { answer: string | null };

export async function causal(
	{ file, json, tests, reference, resamples, from, run }: Extract<Command, { kind: 'causal' }>,
	session: Session,
): Promise<string> {
	const { engine, signal, progress, note } = session;
	const read = await readPrompt(resolve(file));
	const { prompt } = read;
	const { settings } = prompt;
	const model = chooseModel(run.model, settings.model, resolve(file));
	[...prompt.warnings, ...(model.note === undefined ? [] : [model.note])].forEach(note);
	if ((settings.temperature ?? 0) !== 0) {
		note('The prompt asks for a temperature: causal tests compare the likeliest answers, so it was left out.');
	}
	const card = await engine.call('load', { model: model.folder }, { signal, onEvent: ({ message }) => progress(message) });
	checkArms(run, card.arms);
	const input = await inputFor(card, read, session);
	const textOf = async (path: string) => (await inputFor(card, await readPrompt(path), session)).text;
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
			reference: await readReference(reference, textOf, (questions) => questionsFor(card, questions, session)),
			resamples,
			donor: from === undefined ? undefined : { name: basename(from), text: await textOf(resolve(from)) },
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

/** A prompt file, a file of problems, or without either the examples. */
async function readReference(
	file: string | undefined,
	textOf: (path: string) => Promise<string>,
	textsOf: (questions: string[]) => Promise<string[]>,
): Promise<NamedPrompt[]> {
	if (file !== undefined && /\.jsonl?$/.test(file)) {
		const problems = (await readProblems(resolve(file))).slice(0, MAX_REFERENCE);
		const texts = await textsOf(problems.map(({ question }) => question));
		return texts.map((text, i) => ({ name: `${basename(file)} ${i}`, text }));
	}
	const examples = async () => (await readdir(EXAMPLES)).filter((name) => name.endsWith('.prompt.md'));
	const files = file === undefined ? (await examples()).map((name) => join(EXAMPLES, name)) : [resolve(file)];
	return Promise.all(files.map(async (path) => ({ name: basename(path), text: await textOf(path) })));
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
