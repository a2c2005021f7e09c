/** `causal`: what changing the thoughts of one prompt does to its answer. */
import { readdir } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { CAUSAL_TESTS, type CausalTest } from '../../analysis/causal';
import { printable } from '../../analysis/text';
import type { CausalRow, ModelCard, NamedPrompt } from '../../engine/api';
import { inputFor, questionsFor, type Rendering } from '../../engine/caller/conversation';
import { command } from '../command';
import { UsageError } from '../failure';
import { ALL_THOUGHTS_FLAG, allThoughts, checkArms, RUN_FLAGS, runFlags, type RunFlags } from '../flags/run';
import { given, JSON_FLAG, list, named, number, oneFile, oneOf } from '../flags/values';
import { plainDecimals } from '../../shared/decimals';
import { chooseModel } from '../model';
import { readPrompt, type ReadPrompt } from '../promptfile';
import { isProblemFile, readProblems } from '../problems';
import { withSession, type Session } from '../session';

const EXAMPLES = join(__dirname, '..', 'media', 'examples');
/** Each costs a run of every arm; a mean over more changes little. */
const MAX_REFERENCE = 300;

/** As many as there are reference prompts at most. */
const MAX_RESAMPLES = 300;

interface Options {
	file: string;
	json: boolean;
	tests: CausalTest[];
	reference?: string;
	resamples?: number;
	from?: string;
	thoughts?: 'all';
	run: RunFlags;
}

/** The tests compare the likeliest answers. */
const { temperature: _, ...GREEDY } = RUN_FLAGS;

export const causal = command<Options>({
	name: 'causal',
	synopsis: [
		'FILE [--tests ablate-zero,…] [--reference FILE|DATA.json] [--resamples N] [--from FILE] [--all-thoughts]',
		'[--model DIR] [--arms …] [--latents N] [--loops N] [--noise X] [--seed N] [--max-tokens N] [--no-chat-template] [--json]',
	],
	notes: [
		`Tests of causal: ${CAUSAL_TESTS.filter((test) => test !== 'interchange').join(', ')};`,
		'and interchange, which needs --from. All where --tests is absent.',
	],
	flags: {
		...JSON_FLAG,
		...GREEDY,
		...ALL_THOUGHTS_FLAG,
		tests: { type: 'string' },
		reference: { type: 'string' },
		resamples: { type: 'string' },
		from: { type: 'string' },
	},
	read: (files, values) => ({
		file: oneFile('causal', files),
		json: given(values, 'json'),
		tests: testsOf(list(values, 'tests'), named(values, 'from') !== undefined),
		reference: named(values, 'reference'),
		resamples: number(values, 'resamples', 1, MAX_RESAMPLES),
		from: named(values, 'from'),
		thoughts: allThoughts(values),
		run: runFlags(values),
	}),
	run: (options) => withSession(options.run.execution, (session) => test(options, session)),
});

/** Another prompt's thoughts are put in where it is given, whichever tests are asked for; without a list all are run. */
function testsOf(names: readonly string[] | undefined, hasOther: boolean): CausalTest[] {
	const wanted = names?.map((name) => oneOf('test', CAUSAL_TESTS, name));
	if (wanted?.includes('interchange') && !hasOther) {
		throw new UsageError('interchange puts in the thoughts of another prompt: name its file with --from.');
	}
	return CAUSAL_TESTS.filter((test) => (test === 'interchange' ? hasOther : (wanted?.includes(test) ?? true)));
}

type Row = Omit<CausalRow, 'answer'> & { answer: string | null };

async function test(
	{ file, json, tests, reference, resamples, from, thoughts, run }: Options,
	session: Session,
): Promise<string> {
	const { engine, signal, progress, note } = session;
	const read = await readPrompt(resolve(file));
	const { prompt } = read;
	const others = await readReference(reference);
	const donor = from === undefined ? undefined : await readPrompt(resolve(from));
	const { settings } = prompt;
	const model = await chooseModel(run.model, settings.model, resolve(file));
	[...prompt.warnings, ...(model.note === undefined ? [] : [model.note])].forEach(note);
	if ((settings.temperature ?? 0) !== 0) {
		note('The prompt asks for a temperature: causal tests compare the likeliest answers, so it was left out.');
	}
	const card = await engine.call('load', { model: model.folder }, { signal, onEvent: ({ message }) => progress(message) });
	checkArms(run, card.arms);
	const rendering = { ...session, chatTemplate: run.chatTemplate ?? settings.chatTemplate };
	const input = await inputFor(card, read, rendering);
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
				loops: run.loops ?? settings.loops,
				noise: run.noise ?? settings.noise,
				seed: run.seed ?? settings.seed ?? 0,
				maxTokens: run.maxTokens ?? settings.maxTokens,
			},
			tests,
			scope: 'each',
			reference: await texts(card, others, rendering),
			resamples,
			thoughts,
			donor: donor && { name: basename(from!), text: (await inputFor(card, donor, rendering)).text },
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

/** Prompts that were read before the model is known, which says how they are given. */
type References = { kind: 'problems'; name: string; questions: string[] } | { kind: 'prompts'; files: (ReadPrompt & { name: string })[] };

/** A prompt file, a file of problems, or without either the examples. */
async function readReference(file: string | undefined): Promise<References> {
	if (file !== undefined && isProblemFile(file)) {
		const problems = (await readProblems(resolve(file))).slice(0, MAX_REFERENCE);
		return { kind: 'problems', name: basename(file), questions: problems.map(({ question }) => question) };
	}
	const examples = async () => (await readdir(EXAMPLES)).filter((name) => name.endsWith('.prompt.md'));
	const paths = file === undefined ? (await examples()).map((name) => join(EXAMPLES, name)) : [resolve(file)];
	const files = await Promise.all(paths.map(async (path) => ({ name: basename(path), ...(await readPrompt(path)) })));
	// An example that names its model is not of the kind of the others.
	return { kind: 'prompts', files: file === undefined ? files.filter(({ prompt }) => prompt.settings.model === undefined) : files };
}

async function texts(card: ModelCard, references: References, rendering: Rendering): Promise<NamedPrompt[]> {
	switch (references.kind) {
		case 'problems': {
			const given = await questionsFor(card, references.questions, rendering);
			return given.map((text, i) => ({ name: `${references.name} ${i}`, text }));
		}
		case 'prompts':
			return Promise.all(references.files.map(async (file) => ({ name: file.name, text: (await inputFor(card, file, rendering)).text })));
	}
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
	const number = (value: number) => plainDecimals(value, 3);
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
