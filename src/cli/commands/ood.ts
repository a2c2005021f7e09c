/** `ood`: how far each thought of a prompt is from token embeddings and from states of text. */
import { basename, resolve } from 'node:path';
import { printable } from '../../analysis/text';
import type { OodArm, OodResult, OodRow } from '../../engine/api';
import { inputFor, questionsFor } from '../../engine/caller/conversation';
import { command } from '../command';
import { checkArms, RUN_FLAGS, runFlags, type RunFlags } from '../flags/run';
import { given, JSON_FLAG, named, oneFile } from '../flags/values';
import { chooseModel } from '../model';
import { readPrompt } from '../promptfile';
import { readProblems } from '../problems';
import { withSession, type Session } from '../session';

interface Options {
	file: string;
	json: boolean;
	reference?: string;
	run: RunFlags;
}

export const ood = command<Options>({
	name: 'ood',
	synopsis: ['FILE [--reference DATA.json] [--model DIR] [--arms …] [--latents N] [--loops N] [--noise X] [--seed N] [--temperature X]', '[--max-tokens N] [--no-chat-template] [--json]'],
	flags: { ...JSON_FLAG, ...RUN_FLAGS, reference: { type: 'string' } },
	read: (files, values) => ({
		file: oneFile('ood', files),
		json: given(values, 'json'),
		reference: named(values, 'reference'),
		run: runFlags(values),
	}),
	run: (options) => withSession(options.run.execution, (session) => measure(options, session)),
});

const STATES = { normed: 'states after the final norm', resid: 'states before the final norm' };

async function measure({ file, json, reference, run }: Options, session: Session): Promise<string> {
	const { engine, signal, progress, note } = session;
	const path = resolve(file);
	const read = await readPrompt(path);
	const { prompt } = read;
	const problems = reference === undefined ? undefined : await readProblems(resolve(reference));
	const model = await chooseModel(run.model, prompt.settings.model, path);
	[...prompt.warnings, ...(model.note === undefined ? [] : [model.note])].forEach(note);
	const onEvent = ({ message }: { message: string }) => progress(message);
	const card = await engine.call('load', { model: model.folder }, { signal, onEvent });
	checkArms(run, card.arms);
	const { settings } = prompt;
	const rendering = { ...session, chatTemplate: run.chatTemplate ?? settings.chatTemplate };
	const input = await inputFor(card, read, rendering);
	const questions = problems && (await questionsFor(card, problems.map(({ question }) => question), rendering));
	const params = {
		model: model.folder,
		prompt: input.text,
		arms: run.arms,
		options: {
			latents: run.latents ?? settings.latents,
			loops: run.loops ?? settings.loops,
			noise: run.noise ?? settings.noise,
			seed: run.seed ?? settings.seed ?? 0,
			temperature: run.temperature ?? settings.temperature ?? 0,
			maxTokens: run.maxTokens ?? settings.maxTokens,
			topK: 1,
		},
		reference: questions && { name: basename(reference!), prompts: questions },
	};
	const result = await engine.call('ood', params, { signal, onEvent });
	return json
		? `${JSON.stringify({ ...result, prompt: input.text })}\n`
		: table(result);
}

function table({ arms, neighbour, reference, notes }: OodResult): string {
	const source = `${reference.prompts} prompts (${reference.source})`;
	const lines = arms.flatMap((arm) => [
		`Arm ${arm.name}: ${printable(arm.feedback)} fed back`,
		`  % tokens: percentile among ${among(arm.tokens, 'token embeddings')}`,
		`  % text:   percentile among ${among(arm.text, STATES[arm.site])}, of ${printable(source)}`,
		'',
		`  thought  ${'measure'.padEnd(19)}${'value'.padStart(9)}${'% tokens'.padStart(10)}${'% text'.padStart(8)}`,
		...arm.rows.map((row, i) => rowLine(row, arm.rows[i - 1])),
		...spareLines(arm),
		'',
	]);
	const kth = `kNN distances are to neighbour ${neighbour}. Every token and state is measured without itself.`;
	return `${[...lines, kth, ...notes.map((note) => `Note: ${printable(note)}`)].join('\n')}\n`;
}

function among({ n, of }: OodArm['tokens'], what: string): string {
	return n === of ? `all ${n} ${what}` : `${n} of ${of} ${what}`;
}

function rowLine({ thought, measure, value, tokens, text }: OodRow, before: OodRow | undefined): string {
	const index = before?.thought === thought ? '' : String(thought);
	const numbers = `${value.toFixed(3).padStart(9)}${rank(tokens).padStart(10)}${rank(text).padStart(8)}`;
	return `  ${index.padStart(7)}  ${measure.padEnd(19)}${Number.isNaN(value) ? 'not measured' : numbers}`;
}

function rank(percentile: number): string {
	return Number.isNaN(percentile) ? '–' : percentile.toFixed(1);
}

function spareLines({ rows }: OodArm): string[] {
	const spare = new Map(rows.flatMap(({ thought, spare: why }) => (why === undefined ? [] : [[thought, why] as const])));
	return [...spare].map(([thought, why]) => `  thought ${thought} is spare: ${why}`);
}
