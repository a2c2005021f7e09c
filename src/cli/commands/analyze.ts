/** `analyze`: one prompt file, all arms, for people or as JSON. */
import { basename, resolve } from 'node:path';
import type { AnalyzeEvent, EvidenceParams } from '../../engine/api';
import { inputFor, questionsFor, templateNote } from '../../engine/caller/conversation';
import { LiveTrace } from '../../trace/live';
import { report } from '../analysisText';
import { cacheFolder } from '../cache';
import { command } from '../command';
import { RunError, UsageError } from '../failure';
import { ALL_THOUGHTS_FLAG, allThoughts, checkArms, PEER_FLAGS, peerFlags, RUN_FLAGS, runFlags, type PeerFlags, type RunFlags } from '../flags/run';
import { given, JSON_FLAG, list, named, oneFile, type Values } from '../flags/values';
import { loopsJson } from '../loopText';
import { chooseModel } from '../model';
import { readProblems } from '../problems';
import { readPrompt } from '../promptfile';
import { Readouts } from '../readouts';
import { withSession, type Session } from '../session';
import { checkOutFile } from '../target';

const DEFAULT_TOP_K = 10;

interface Options {
	file: string;
	json: boolean;
	out?: string;
	probes?: string[];
	run: RunFlags;
	/** Undefined where none is to be gathered. */
	evidence?: EvidenceFlags;
}

/** What evidence is gathered from; absent where the flag was not given. */
interface EvidenceFlags extends PeerFlags {
	reference?: string;
	twin?: string;
	candidates?: string[];
	thoughts?: 'all';
}

const EVIDENCE_FLAGS = {
	reference: { type: 'string' },
	twin: { type: 'string' },
	...PEER_FLAGS,
	candidates: { type: 'string' },
	...ALL_THOUGHTS_FLAG,
} as const;

export const analyze = command<Options>({
	name: 'analyze',
	synopsis: [
		'FILE [--model DIR] [--arms latent,cot,direct] [--latents N] [--loops N] [--noise X] [--seed N] [--temperature X]',
		'[--max-tokens N] [--top-k K] [--probes P,…] [--out X.trace.safetensors] [--no-chat-template] [--json]',
		'[--no-evidence] [--reference DATA.json] [--twin DIR] [--base DIR] [--reference-model DIR]',
		'[--candidates a,b] [--all-thoughts]',
	],
	flags: {
		...JSON_FLAG,
		...RUN_FLAGS,
		'top-k': { type: 'string' },
		out: { type: 'string' },
		'no-evidence': { type: 'boolean' },
		...EVIDENCE_FLAGS,
		probes: { type: 'string' },
	},
	read: (files, values) => ({
		file: oneFile('analyze', files),
		json: given(values, 'json'),
		out: named(values, 'out'),
		probes: list(values, 'probes'),
		run: runFlags(values),
		evidence: evidenceFlags(values),
	}),
	run: (options) => withSession(options.run.execution, (session) => run(options, session)),
});

function evidenceFlags(values: Values): EvidenceFlags | undefined {
	const flags = {
		reference: named(values, 'reference'),
		twin: named(values, 'twin'),
		...peerFlags(values),
		candidates: list(values, 'candidates'),
		thoughts: allThoughts(values),
	};
	const wanted = Object.keys(EVIDENCE_FLAGS).find((flag) => values[flag] !== undefined);
	if (given(values, 'no-evidence') && wanted !== undefined) {
		throw new UsageError(`--${wanted} is for evidence: leave out --no-evidence.`);
	}
	return given(values, 'no-evidence') ? undefined : flags;
}

async function run({ file, json, out, probes, run: flags, evidence }: Options, session: Session): Promise<string> {
	const { engine, signal, progress, note } = session;
	const path = resolve(file);
	const read = await readPrompt(path);
	const { prompt } = read;
	if (out !== undefined) {
		await checkOutFile(out, [file, evidence?.reference, ...(probes ?? [])]);
	}
	const gathered = evidence && (await evidenceParams(evidence, prompt.settings.candidates));
	const model = await chooseModel(flags.model, prompt.settings.model, path);
	const rendering = { ...session, chatTemplate: flags.chatTemplate ?? prompt.settings.chatTemplate };
	const notes = [...prompt.warnings, ...(model.note === undefined ? [] : [model.note])];
	if (json) {
		// The report for people has them at its end.
		notes.forEach(note);
	}
	const load = (folder: string) => engine.call('load', { model: folder }, { signal, onEvent: ({ message }) => progress(message) });
	// Before anything runs, because a wrong name should be known at once.
	for (const folder of new Set([gathered?.twin, gathered?.base, gathered?.referenceModel])) {
		if (folder !== undefined) {
			await load(folder);
		}
	}
	const card = await load(model.folder);
	checkArms(flags, card.arms);
	if (gathered?.reference) {
		gathered.reference.prompts = await questionsFor(card, gathered.reference.prompts, rendering);
	}
	const { settings } = prompt;
	const template = templateNote(card, prompt, rendering.chatTemplate);
	const params = {
		model: model.folder,
		notes: [...notes, ...(template === undefined ? [] : [template])],
		prompt: await inputFor(card, read, rendering),
		arms: flags.arms ?? settings.arms,
		options: {
			latents: flags.latents ?? settings.latents,
			loops: flags.loops ?? settings.loops,
			noise: flags.noise ?? settings.noise,
			seed: flags.seed ?? settings.seed ?? 0,
			temperature: flags.temperature ?? settings.temperature ?? 0,
			maxTokens: flags.maxTokens ?? settings.maxTokens,
			topK: flags.topK ?? DEFAULT_TOP_K,
		},
		out: out === undefined ? undefined : resolve(out),
		evidence: gathered,
		probes: probes?.map((probe) => resolve(probe)),
		strictProbes: true,
	};
	let live: LiveTrace | undefined;
	let written = false;
	const receive = (event: AnalyzeEvent) => {
		switch (event.kind) {
			case 'progress':
				return progress(event.message);
			case 'started':
				live = new LiveTrace(event.document);
				return;
			case 'written':
				written = true;
				return;
			default:
				return live?.receive(event);
		}
	};
	const { document } = await engine.call('analyze', params, { signal, onEvent: receive }).catch((error: Error) => {
		const how = signal.aborted ? 'The tests were cancelled' : `The tests failed (${error.message.replace(/\.$/, '')})`;
		throw written ? new RunError(`${how}: ${out} has what the arms did; run it again for the tests.`) : error;
	});
	const readouts = new Readouts(live!, document);
	return json ? `${JSON.stringify(await toJson(readouts, out))}\n` : report(readouts, { file, out, card });
}

async function evidenceParams(
	{ reference, twin, base, referenceModel, candidates, thoughts }: EvidenceFlags,
	written: string[] | undefined,
): Promise<EvidenceParams> {
	const folderOf = async (flag: string | undefined) => (flag === undefined ? undefined : (await chooseModel(flag, undefined, '')).folder);
	const problems = reference === undefined ? undefined : await readProblems(resolve(reference));
	return {
		reference: problems && { name: basename(reference!), prompts: problems.map(({ question }) => question) },
		twin: await folderOf(twin),
		base: await folderOf(base),
		referenceModel: await folderOf(referenceModel),
		candidates: candidates ?? written,
		thoughts,
		cache: cacheFolder(),
	};
}

async function toJson(readouts: Readouts, out: string | undefined) {
	const { model, prompt, arms, notes } = readouts.document;
	const entries = await Promise.all(
		arms.map(async (arm) => {
			const thoughts = await readouts.thoughts(arm);
			const tokens = await readouts.tokens(arm);
			return [
				arm.name,
				{
					text: arm.text,
					answer: arm.answer ?? null,
					state: arm.state,
					tokens: tokens.map(({ id, text, logprob }) => ({ id, text, logprob })),
					loops: await loopsJson(readouts.live, arm),
					...(arm.feedback !== undefined
						? {
								stopped: arm.stopped ?? null,
								thoughts: thoughts.map(({ index, spare, codes, gate, readout, layers }) => ({
									index,
									spare: spare ?? null,
									codes,
									gate,
									readout,
									layers: layers.map((top, layer) => ({ layer, top })),
								})),
							}
						: {}),
				},
			] as const;
		}),
	);
	return {
		model: { id: model.id, sha256: model.sha256 },
		prompt: prompt.text,
		arms: Object.fromEntries(entries),
		probes: await readouts.probes(),
		evidence: readouts.document.evidence ?? null,
		notes,
		trace: out ?? null,
	};
}
