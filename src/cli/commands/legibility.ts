/** `legibility`: how usual and how repetitive a chain of thought is, of one prompt or of many, and whether the answer depends on it. */
import { basename, resolve } from 'node:path';
import { summarise, type Chain, type Dropped } from '../../analysis/chains';
import type { CausalRow, LegibilityEvent, LegibilityParams, LegibilityResult, ModelCard, WrittenChain } from '../../engine/api';
import { inputFor, questionsFor } from '../../engine/caller/conversation';
import { command } from '../command';
import { UsageError } from '../failure';
import { checkArms, PEER_FLAGS, peerFlags, RUN_FLAGS, runFlags, type PeerFlags, type RunFlags } from '../flags/run';
import { checkGreedy, given, JSON_FLAG, MAX_COUNT, number, oneFile } from '../flags/values';
import { chainTable, summaryTable } from '../legibilityText';
import { chooseModel } from '../model';
import { isProblemFile, PROBLEMS_NOTE, readProblems } from '../problems';
import { readPrompt } from '../promptfile';
import { withSession, type Session } from '../session';

interface Options {
	file: string;
	json: boolean;
	limit?: number;
	loadBearing: boolean;
	peers: PeerFlags;
	run: RunFlags;
}

/** It is of what is written: thoughts have no say in it. */
const { latents: _, ...WRITTEN } = RUN_FLAGS;

export const legibility = command<Options>({
	name: 'legibility',
	synopsis: [
		'FILE|DATA.json [--reference-model DIR] [--base DIR] [--model DIR] [--arms cot] [--load-bearing]',
		'[--limit N] [--loops N] [--seed N] [--temperature X] [--max-tokens N] [--no-chat-template] [--json]',
	],
	notes: [PROBLEMS_NOTE],
	flags: { ...JSON_FLAG, ...WRITTEN, limit: { type: 'string' }, ...PEER_FLAGS, 'load-bearing': { type: 'boolean' } },
	read: (files, values) => {
		checkGreedy(values, 'load-bearing');
		return {
			file: oneFile('legibility', files),
			json: given(values, 'json'),
			limit: number(values, 'limit', 1, MAX_COUNT),
			loadBearing: given(values, 'load-bearing'),
			peers: peerFlags(values),
			run: runFlags(values),
		};
	},
	run: (options) => withSession(options.run.execution, (session) => (isProblemFile(options.file) ? ofProblems(options, session) : ofPrompt(options, session))),
});

/** One arm's chain of one prompt, and what leaving parts of it out did. */
export interface Tested extends WrittenChain {
	/** Of each sentence of the chain, in order. */
	dropped: CausalRow[];
	/** Answers that are forced after the first k sentences. */
	early: CausalRow[];
}

async function ofPrompt(options: Options, session: Session): Promise<string> {
	const { file, json, limit, run } = options;
	if (limit !== undefined) {
		throw new UsageError('--limit is for a file of problems: leave it out, or name a .json or .jsonl file.');
	}
	const path = resolve(file);
	const read = await readPrompt(path);
	const { prompt } = read;
	const { settings } = prompt;
	const model = await chooseModel(run.model, settings.model, path);
	[...prompt.warnings, ...(model.note === undefined ? [] : [model.note])].forEach(session.note);
	const merged = {
		...run,
		arms: run.arms,
		loops: run.loops ?? settings.loops,
		seed: run.seed ?? settings.seed,
		maxTokens: run.maxTokens ?? settings.maxTokens,
		temperature: run.temperature ?? (options.loadBearing ? undefined : settings.temperature),
	};
	const textOf = async (card: ModelCard) => [(await inputFor(card, read, { ...session, chatTemplate: run.chatTemplate ?? settings.chatTemplate })).text];
	const { card, result, chains, prompts } = await measure({ ...options, run: merged }, model.folder, textOf, session);
	const [arms = []] = chains;
	return json ? line({ ...header(card, result), prompt: prompts[0], arms: byArm(arms, (arm) => jsonOf(arm, options.loadBearing)), skipped: result.skipped }) : chainTable(arms, result);
}

async function ofProblems(options: Options, session: Session): Promise<string> {
	const { file, json, limit, run } = options;
	const path = resolve(file);
	const problems = (await readProblems(path)).slice(0, limit);
	const { folder } = await chooseModel(run.model, undefined, path);
	const textsOf = (card: ModelCard) => questionsFor(card, problems.map(({ question }) => question), { ...session, chatTemplate: run.chatTemplate });
	const { card, result, chains } = await measure(options, folder, textsOf, session);
	const { engine, signal } = session;
	const golds = await engine.call('golds', { model: folder, texts: problems.map(({ answer }) => answer) }, { signal });
	const names = [...new Set(chains.flatMap((arms) => arms.map(({ arm }) => arm)))];
	const summaries = Object.fromEntries(
		names.map((name) => [
			name,
			summarise(chains.flatMap((arms, i) => arms.filter(({ arm }) => arm === name).map((arm) => chainOf(arm, golds[i]!)))),
		]),
	);
	return json
		? line({ ...header(card, result), data: basename(path), n: problems.length, arms: summaries, skipped: result.skipped })
		: summaryTable(summaries, result, `${problems.length} problems of ${basename(path)}`);
}

interface Measured {
	card: ModelCard;
	result: LegibilityResult;
	/** By prompt, and in each the arms. */
	chains: Tested[][];
	/** As they were given to the model. */
	prompts: string[];
}

/** Models that are named are loaded first, so that a wrong name fails before anything runs. */
async function measure(
	{ peers, loadBearing, run }: Options,
	model: string,
	textsOf: (card: ModelCard) => Promise<string[]>,
	session: Session,
): Promise<Measured> {
	const { engine, signal, progress } = session;
	const folderOf = async (flag: string | undefined) => (flag === undefined ? undefined : (await chooseModel(flag, undefined, '')).folder);
	const others = { base: await folderOf(peers.base), referenceModel: await folderOf(peers.referenceModel) };
	const load = (folder: string) => engine.call('load', { model: folder }, { signal, onEvent: ({ message }) => progress(message) });
	for (const folder of new Set([others.base, others.referenceModel])) {
		if (folder !== undefined) {
			await load(folder);
		}
	}
	const card = await load(model);
	checkArms(run, card.arms);
	const prompts = await textsOf(card);
	const params: LegibilityParams = {
		model,
		prompts,
		arms: run.arms,
		options: { loops: run.loops, seed: run.seed ?? 0, temperature: run.temperature ?? 0, maxTokens: run.maxTokens, topK: 1 },
		...others,
	};
	const chains: Tested[][] = prompts.map(() => []);
	const receive = (event: LegibilityEvent) => {
		if (event.kind === 'progress') {
			return progress(prompts.length === 1 ? event.message : `${event.message}${percent(event.fraction)}`);
		}
		chains[event.index]!.push({ ...event.chain, dropped: [], early: [] });
	};
	const result = await engine.call('legibility', params, { signal, onEvent: receive });
	if (loadBearing) {
		const skipped = await test(params, chains, session);
		const tested = chains.flat().filter(({ dropped }) => dropped.length > 0).length;
		const cut = chains.flat().filter(({ record, dropped }) => record && dropped.length === 0).length;
		result.skipped.push(...(tested === 0 ? skipped : cut === 0 ? [] : [`${cut} chains came to no answer, so no sentence of them was left out.`]));
	}
	return { card, result, chains, prompts };
}

/** Leaves out every sentence of every chain. The chains are the same ones: both calls answer greedily. */
async function test({ model, prompts, options }: LegibilityParams, chains: Tested[][], { engine, signal, progress }: Session): Promise<string[]> {
	const arms = [...new Set(chains.flatMap((list) => list.map(({ arm }) => arm)))];
	const { skipped } = await engine.call(
		'causal',
		{
			model,
			prompts,
			arms,
			options: { loops: options.loops, seed: options.seed, maxTokens: options.maxTokens },
			tests: ['drop-span', 'early-answer'],
			scope: 'each',
			reference: [],
		},
		{
			signal,
			onEvent: (event) => {
				switch (event.kind) {
					case 'progress':
						return progress(prompts.length === 1 ? event.message : `Leaving sentences out${percent(event.fraction)}`);
					case 'clean':
						return;
					case 'row': {
						const chain = chains[event.index]!.find(({ arm }) => arm === event.row.arm)!;
						(event.row.test === 'drop-span' ? chain.dropped : chain.early).push(event.row);
					}
				}
			},
		},
	);
	return skipped;
}

/** In tenths, so that the error output of a long run stays short. */
function percent(fraction = 0): string {
	return `: ${Math.floor(fraction * 10) * 10} %`;
}

function chainOf({ record, answer, sentences, dropped, early }: Tested, gold: string): Chain {
	const without = early.find(({ step }) => step === 0);
	return {
		record,
		correct: answer === gold,
		sentences: sentences
			.filter(({ role }) => role === 'thought')
			.map(({ tokens }, i) => ({
				bits: tokens.reduce((sum, token) => sum + token.bits, 0),
				referenceBits: tokens.reduce((sum, token) => sum + token.referenceBits, 0),
				kl: tokens.reduce((sum, token) => sum + token.kl, 0),
				dropped: droppedOf(dropped.find(({ step }) => step === i)),
			})),
		withoutChain: droppedOf(without),
	};
}

function droppedOf(row: CausalRow | undefined): Dropped | undefined {
	return row && { changed: row.changed, deltaLogOdds: row.deltaLogOdds };
}

function header({ id, sha256 }: ModelCard, { reference, base }: LegibilityResult) {
	return { model: { id, sha256 }, reference: reference ?? null, base: base ?? null };
}

function byArm<T>(arms: readonly Tested[], value: (arm: Tested) => T): Record<string, T> {
	return Object.fromEntries(arms.map((arm) => [arm.arm, value(arm)]));
}

function jsonOf({ answer, record, sentences, dropped, early }: Tested, tested: boolean) {
	const shown = ({ answer: said, changed, deltaLogOdds, kl }: CausalRow) => ({ answer: said ?? null, changed, deltaLogOdds, kl });
	return {
		answer: answer ?? null,
		figures: record ?? null,
		sentences: sentences.map((sentence, i) => ({
			...sentence,
			...(tested ? { without: dropped.filter(({ step }) => sentence.role === 'thought' && step === i).map(shown)[0] ?? null } : {}),
		})),
		...(tested ? { early: early.map((row) => ({ sentences: row.step, ...shown(row) })) } : {}),
	};
}

function line(value: object): string {
	return `${JSON.stringify(value)}\n`;
}
