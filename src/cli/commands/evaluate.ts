/** `eval`: answers of every arm, and causal tests, on a file of problems, with intervals and comparisons. */
import { resolve } from 'node:path';
import type { Comparison, Evaluation, Interval, Side } from '../../analysis/evaluation/result';
import { armLabel, percent, percentBounds, points, pValue, testLabel } from '../../analysis/report/format';
import { printable } from '../../analysis/text';
import { evaluateSet } from '../../engine/caller/dataset';
import { producer } from '../../engine/product';
import { command } from '../command';
import { RunError, UsageError } from '../failure';
import { checkArms, RUN_FLAGS, runFlags, type RunFlags } from '../flags/run';
import { checkGreedy, given, JSON_FLAG, MAX_COUNT, named, number, oneFile, quoted, type Values } from '../flags/values';
import { chooseModel } from '../model';
import { PROBLEMS_NOTE, readProblemSet } from '../problems';
import { withSession, type Session } from '../session';
import { checkOutFile } from '../target';

interface Options {
	file: string;
	json: boolean;
	limit?: number;
	causal: boolean;
	/** Of the control: a folder, or the one that the model names. */
	twin?: string | true;
	out?: string;
	run: RunFlags;
}

export const evaluate = command<Options>({
	name: 'eval',
	synopsis: [
		'DATA.json [--model DIR] [--arms …] [--latents N] [--loops N] [--noise X] [--seed N] [--temperature X] [--max-tokens N]',
		'[--limit N] [--causal] [--twin[=DIR]] [--out RESULT.json] [--no-chat-template] [--json]',
	],
	notes: [PROBLEMS_NOTE],
	flags: {
		...JSON_FLAG,
		...RUN_FLAGS,
		limit: { type: 'string' },
		causal: { type: 'boolean' },
		twin: { type: 'string' },
		out: { type: 'string' },
	},
	bare: ['twin'],
	read: (files, values) => {
		checkGreedy(values, 'causal');
		return {
			file: fileOf(files, values),
			json: given(values, 'json'),
			limit: number(values, 'limit', 1, MAX_COUNT),
			causal: given(values, 'causal'),
			twin: values['twin'] === '' ? true : named(values, 'twin'),
			out: named(values, 'out'),
			run: runFlags(values),
		};
	},
	run: (options) => withSession(options.run.execution, (session) => run(options, session)),
});

/** Who writes the twin's folder after a space should read how it is written. */
function fileOf(files: readonly string[], values: Values): string {
	const extra = files[1];
	if (extra !== undefined && values['twin'] === '') {
		throw new UsageError(`eval takes one file, not also ${quoted(extra)}: a twin's folder is written --twin=DIR.`);
	}
	return oneFile('eval', files);
}

async function run(
	{ file, json, limit, causal, twin, out, run: flags }: Options,
	{ call, signal, progress, note }: Session,
): Promise<string> {
	const path = resolve(file);
	if (out !== undefined) {
		await checkOutFile(out, [file]);
	}
	const evaluation = await evaluateSet(
		{
			producer: producer(),
			model: (await chooseModel(flags.model, undefined, path)).folder,
			twin: typeof twin === 'string' ? (await chooseModel(twin, undefined, path)).folder : twin,
			data: await readProblemSet(path),
			limit,
			arms: flags.arms,
			options: {
				latents: flags.latents,
				loops: flags.loops,
				noise: flags.noise,
				seed: flags.seed ?? 0,
				temperature: flags.temperature ?? 0,
				maxTokens: flags.maxTokens,
			},
			causal,
			chatTemplate: flags.chatTemplate,
			out: out === undefined ? undefined : resolve(out),
		},
		{
			call,
			check: (card) => checkArms(flags, card.arms),
			signal,
			progress: tenths(progress),
			note,
		},
	).catch((error: unknown) => {
		throw signal.aborted && out !== undefined ? new RunError('Cancelled: the same command goes on where it stopped.') : error;
	});
	return json ? `${JSON.stringify(evaluation)}\n` : table(evaluation, out);
}

/** Only every tenth of the way: elsewhere than on a terminal each message is a line. */
function tenths(progress: (message: string) => void): (message: string, fraction?: number) => void {
	let shown = -1;
	return (message, fraction) => {
		const tenth = fraction === undefined ? undefined : Math.floor(fraction * 10);
		if (tenth === undefined || tenth !== shown || process.stderr.isTTY) {
			progress(message);
			shown = tenth ?? shown;
		}
	};
}

function table(evaluation: Evaluation, out: string | undefined): string {
	const { model, twin, notes, n } = evaluation;
	const sides = [
		...sideLines(evaluation, twin && `${model.id}:`),
		...(twin ? ['', ...sideLines(twin, `${twin.model.id}:`)] : []),
		...(twin
			? ['', `${model.id} less ${twin.model.id}, on the same ${n} problems:`, ...aligned(twin.against.map((one) => [testLabel(one), ...compared(one)]))]
			: []),
	];
	const legend = [
		'',
		'Intervals are 95 %: Wilson of a share, Newcombe of a difference on the same problems. p is McNemar\'s, exact and two-sided, not',
		'adjusted for the number of comparisons. Differences are of the first less the second, in points.',
	];
	return `${[
		...sides,
		...legend,
		...notes.map((one) => `Note: ${printable(one)}`),
		...(out === undefined ? [] : [`Result: ${printable(out)}`]),
	].join('\n')}\n`;
}

function sideLines({ arms, pairs, causal = [] }: Side, title: string | undefined): string[] {
	const shares = [
		...Object.entries(arms).map(([name, { correct, accuracy, ci, seconds }]) => [
			armLabel(name),
			`${percent(accuracy)} %`,
			bounds(ci),
			`${correct} right`,
			`${seconds.toFixed(1)} s`,
		]),
		...causal.map((one) => [
			testLabel(one),
			`${percent(one.accuracy)} %`,
			bounds(one.ci),
			`${one.correct} of ${one.n}`,
			`against unchanged p ${pValue(one.unchanged.p)}`,
		]),
	];
	return [
		...(title === undefined ? [] : [title]),
		...aligned(shares),
		...(pairs.length === 0 ? [] : ['', ...aligned(pairs.map((one) => [`${armLabel(one.a)} less ${armLabel(one.b)}`, ...compared(one)]))]),
	];
}

function compared({ onlyA, onlyB, p, difference, ci }: Comparison): string[] {
	return [points(difference), bounds(ci), `only first ${onlyA}, only second ${onlyB}`, `p ${pValue(p)}`];
}

function bounds([low, high]: Interval): string {
	return low === null ? '' : `(95 % interval ${percentBounds([low, high])})`;
}

/** The first column to the left, the second to the right, as numbers. */
function aligned(rows: readonly string[][]): string[] {
	const width = (column: number) => Math.max(...rows.map((row) => row[column]?.length ?? 0));
	return rows.map((row) =>
		row.map((cell, i) => (i === 1 ? cell.padStart(width(i)) : cell.padEnd(width(i)))).join('  ').trimEnd(),
	);
}
