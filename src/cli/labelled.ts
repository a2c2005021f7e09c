/** What the `probe` commands read before they run: labelled prompts, and the model. */
import { resolve } from 'node:path';
import { questionsFor } from '../engine/caller/conversation';
import { parseLabelled, type LabelledPrompt } from '../prompts/labelled';
import { messageOf, RunError } from './failure';
import type { ProbeFlags } from './flags/probe';
import { checkArms } from './flags/run';
import { chooseModel } from './model';
import type { Session } from './session';
import { readText } from './textfile';

/** For the usage of commands that take labelled prompts. */
export const LABELLED_NOTES = [
	'DATA.jsonl is one {"prompt", "label": 0|1|"class", "group"?, "step"?} a line; with --task any prompts, and without DATA the model\'s own.',
];

/** A million short prompts. */
const MAX_LABELLED_BYTES = 256 * 1024 * 1024;

/** `labels`: of the prompts, where no task gives them. */
export async function prepare(
	{ file, task, at, sites, run }: Omit<ProbeFlags, 'json'> & { file?: string },
	session: Session,
	labels: 'required' | 'optional' = 'required',
) {
	const { engine, signal, progress } = session;
	const path = file === undefined ? undefined : resolve(file);
	const { folder: model } = await chooseModel(run.model, undefined, path ?? '.');
	const examples = path === undefined ? undefined : await readLabelled(path, task === undefined ? labels : 'ignored');
	const card = await engine.call('load', { model }, { signal, onEvent: ({ message }) => progress(message) });
	checkArms(run, card.arms);
	const given = examples && (await questionsFor(card, examples.map(({ prompt }) => prompt), { ...session, chatTemplate: run.chatTemplate }));
	const { latents, loops, noise, seed = 0, temperature = 0, maxTokens } = run;
	return {
		states: { model, arm: run.arms?.[0], at, sites, options: { latents, loops, noise, seed, temperature, maxTokens } },
		examples: given && examples.map((example, i) => ({ ...example, prompt: given[i]! })),
	};
}

async function readLabelled(path: string, labels: Parameters<typeof parseLabelled>[1]): Promise<LabelledPrompt[]> {
	const text = await readText(path, MAX_LABELLED_BYTES, 'a file of labelled prompts');
	return attempt(() => parseLabelled(text, labels), `${path} cannot be used. `);
}

/** What pure code refuses is what the run failed of. */
export function attempt<T>(body: () => T, before = ''): T {
	try {
		return body();
	} catch (error) {
		throw new RunError(`${before}${messageOf(error)}`);
	}
}

