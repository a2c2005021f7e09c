/** `probe train`, `probe eval` and `probe features`: fits and measures probes, and gives their inputs to other programs. */
import { stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { labelsOfFile, labelsOfTask } from '../analysis/labels';
import { printable } from '../analysis/text';
import type { ProbeCellReport, ProbeReport } from '../engine/api';
import { parseLabelled, type LabelledPrompt } from '../prompts/labelled';
import { encodeHeader } from '../trace/container';
import { replaceBytes } from '../trace/replace.node';
import { checkArms } from './analyze';
import { messageOf, RunError, UsageError } from './failure';
import { questionsFor } from './conversation';
import { chooseModel } from './model';
import type { Command, ProbeFlags } from './options';
import { readText } from './textfile';
import type { Session } from './session';

const NAME = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

export async function trainProbe(command: Extract<Command, { kind: 'probe-train' }>, session: Session): Promise<string> {
	const { out, label, json, task, file } = command;
	const { engine, signal, progress } = session;
	const name = command.name ?? nameOf(out);
	if (!NAME.test(name)) {
		throw new UsageError(`--name should be words of small letters and digits with dashes between them, not ${JSON.stringify(name.slice(0, 60))}.`);
	}
	await checkFolder(out);
	const { states, examples } = await prepare(command, session);
	const source = file === undefined ? 'the model’s reference prompts' : basename(file);
	const params = { ...states, examples, task, source, name, label, out: resolve(out) };
	const report = await engine.call('trainProbe', params, { signal, onEvent: ({ message }) => progress(message) });
	return json ? `${JSON.stringify({ ...report, out })}\n` : `${table(report)}Written: ${printable(out)}\n`;
}

export async function evaluateProbe(command: Extract<Command, { kind: 'probe-eval' }>, session: Session): Promise<string> {
	const { probe, json, task } = command;
	const { engine, signal, progress } = session;
	const { states, examples } = await prepare({ ...command, at: 'thoughts' }, session, 'optional');
	const params = { model: states.model, options: states.options, probe: resolve(probe), examples, task };
	const report = await engine.call('evaluateProbe', params, { signal, onEvent: ({ message }) => progress(message) });
	return json ? `${JSON.stringify(report)}\n` : table(report);
}

/**
 * One safetensors file: `features` F32 [n, steps, sites, width], NaN where a prompt has fewer steps, `labels` I8 [n, steps, classes]
 * with −1 for none, `groups` I32 [n].
 */
export async function features(command: Extract<Command, { kind: 'probe-features' }>, session: Session): Promise<string> {
	const { out, json, task } = command;
	const { engine, signal, progress } = session;
	await checkFolder(out);
	const { states, examples = [] } = await prepare(command, session);
	const prompts = examples.map(({ prompt }) => prompt);
	const parts: { index: number; step: number; data: Float32Array }[] = [];
	let steps = 0;
	const { arm, sites, width } = await engine.call(
		'features',
		{ ...states, prompts },
		{
			signal,
			onEvent: (event) => {
				if (event.kind === 'progress') {
					return progress(event.message);
				}
				steps = Math.max(steps, event.steps.end);
				parts.push({ index: event.index, step: event.steps.start, data: event.data });
			},
		},
	);
	const targets = attempt(() => (task ? labelsOfTask(prompts, task) : labelsOfFile(examples)));
	const classes = targets.classes?.length ?? 1;
	const n = prompts.length;
	const values = new Float32Array(n * steps * sites.length * width).fill(NaN);
	parts.forEach(({ index, step, data }) => values.set(data, (index * steps + step) * sites.length * width));
	const labels = Int8Array.from(prompts.flatMap((_, i) => targets.of(i, steps).flatMap((one) => [...one])));
	const names = [...new Set(examples.map(({ group }) => group))];
	const groups = Int32Array.from(examples, ({ group }) => names.indexOf(group));
	const tensors = [
		{ name: 'features', dtype: 'F32', shape: [n, steps, sites.length, width], data: values },
		{ name: 'groups', dtype: 'I32', shape: [n], data: groups },
		{ name: 'labels', dtype: 'I8', shape: [n, steps, classes], data: labels },
	];
	const metadata = { format: 'neuralese-features', arm, at: states.at, sites: JSON.stringify(sites), classes: JSON.stringify(targets.classes ?? []) };
	const bytes = [encodeHeader(tensors, metadata), ...tensors.map(({ data }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
	await replaceBytes(resolve(out), 'The file', Buffer.concat(bytes));
	const summary = { arm, prompts: n, steps, sites, width, classes: targets.classes ?? null, out };
	return json ? `${JSON.stringify(summary)}\n` : `${n} prompts × ${steps} steps × ${sites.length} sites × ${width} values of arm ${arm}: ${printable(out)}\n`;
}

/** A million short prompts. */
const MAX_LABELLED_BYTES = 256 * 1024 * 1024;

/** What the commands read before they run. `labels`: of the prompts, where no task gives them. */
async function prepare(
	{ file, task, at, sites, run }: Omit<ProbeFlags, 'json'>,
	{ engine, signal, progress }: Session,
	labels: 'required' | 'optional' = 'required',
) {
	const path = file === undefined ? undefined : resolve(file);
	const { folder: model } = chooseModel(run.model, undefined, path ?? '.');
	const examples = path === undefined ? undefined : await readLabelled(path, task === undefined ? labels : 'ignored');
	const card = await engine.call('load', { model }, { signal, onEvent: ({ message }) => progress(message) });
	checkArms(run, card.arms);
	const { latents, seed = 0, temperature = 0, maxTokens } = run;
	const given = examples && (await questionsFor(card, examples.map(({ prompt }) => prompt), { engine, signal, progress }));
	return {
		states: { model, arm: run.arms?.[0], at, sites, options: { latents, seed, temperature, maxTokens } },
		examples: given && examples.map((example, i) => ({ ...example, prompt: given[i]! })),
	};
}

async function readLabelled(path: string, labels: Parameters<typeof parseLabelled>[1]): Promise<LabelledPrompt[]> {
	const text = await readText(path, MAX_LABELLED_BYTES, 'a file of labelled prompts');
	return attempt(() => parseLabelled(text, labels), `${path} cannot be used. `);
}

function attempt<T>(body: () => T, before = ''): T {
	try {
		return body();
	} catch (error) {
		throw new RunError(`${before}${messageOf(error)}`);
	}
}

async function checkFolder(out: string): Promise<void> {
	if (!(await stat(dirname(resolve(out))).catch(() => undefined))?.isDirectory()) {
		throw new RunError(`The folder of ${out} does not exist: create it, or choose another --out.`);
	}
	if ((await stat(resolve(out)).catch(() => undefined))?.isDirectory()) {
		throw new RunError(`${out} is a folder: give --out a file name.`);
	}
}

/** The probe's name where none is given: the file's, as far as it can be one. */
function nameOf(path: string): string {
	return basename(path)
		.replace(/(\.probe)?\.safetensors$/, '')
		.toLowerCase()
		.replace(/[^a-z0-9]+/g, '-')
		.replace(/^-+|-+$/g, '');
}

const COLUMNS = ['step', 'site', 'AUROC', '95 %', 'control', 'selectivity', '95 %', 'shuffled', 'random', 'ECE', 'recall@1%FPR', '95 %', 'n', 'penalty'];

function table({ name, label, arm, at, model, prompts, groups, cells, unfitted, notes, seconds }: ProbeReport): string {
	const rows = cells.map((cell) => [String(cell.step), String(cell.layer), ...numbers(cell)]);
	const widths = COLUMNS.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
	const line = (row: readonly string[]) => `  ${row.map((one, i) => one.padStart(widths[i]!)).join('  ')}`;
	const split = groups.training > 0 ? `${groups.training} groups fitted, ${groups.heldOut} held out` : `${groups.heldOut} groups`;
	const where = at === 'thoughts' ? 'thoughts' : 'ends of written sentences';
	return [
		`Probe ${name}: ${printable(label)}`,
		`  ${model.id}, arm ${arm}, ${where}; ${prompts} prompts, ${split}; ${seconds.reading.toFixed(1)} s reading, ${seconds.fitting.toFixed(1)} s fitting`,
		'',
		line(COLUMNS),
		...rows.map(line),
		'',
		'AUROC of prompts that the fit has not seen; intervals by a bootstrap over groups. control: the same fit and test on a coin for each',
		'word; selectivity: AUROC less control; shuffled: the same fit on shuffled labels; random: random directions, turned on the training',
		'groups. ECE: expected calibration error. recall@1%FPR: share of positives found where at most 1 % of the negatives are. –: not measured.',
		...(unfitted.length > 0 ? [`Not fitted or not measured, for want of both labels (step/site): ${unfitted.map((one) => one.join('/')).join(' ')}`] : []),
		...notes.map((note) => `Note: ${printable(note)}`),
		'',
	].join('\n');
}

function numbers({ auroc, ci, control, selectivity, selectivityCi, shuffled, random, ece, recallAt1Fpr, recallCi, n, penalty }: ProbeCellReport): string[] {
	const shown = (value: number) => (Number.isNaN(value) ? '–' : value.toFixed(3));
	const interval = ([low, high]: [number, number]) => (Number.isNaN(low) ? '–' : `${low.toFixed(2)}–${high.toFixed(2)}`);
	return [
		...[shown(auroc), interval(ci), shown(control), shown(selectivity), interval(selectivityCi), shown(shuffled), shown(random)],
		...[shown(ece), shown(recallAt1Fpr), interval(recallCi), String(n), Number.isNaN(penalty) ? '–' : String(penalty)],
	];
}
