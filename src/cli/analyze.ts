/** `analyze`: one prompt file, all arms, for people or as JSON. */
import { basename, resolve } from 'node:path';
import type { AnalyzeEvent, EvidenceParams, ModelCard } from '../engine/api';
import { LiveTrace } from '../trace/live';
import { cacheFolder } from './cache';
import { inputFor, questionsFor } from './conversation';
import { chooseModel } from './model';
import { RunError, UsageError } from './failure';
import type { Command, EvidenceFlags, RunFlags } from './options';
import { readProblems } from './problems';
import { readPrompt } from './promptfile';
import { Readouts } from './readouts';
import { report } from './report';
import type { Session } from './session';
import { checkOutFile } from './target';

const DEFAULT_TOP_K = 10;

/** The whole output. */
export async function analyze(
	{ file, json, out, probes, run, evidence }: Extract<Command, { kind: 'analyze' }>,
	session: Session,
): Promise<string> {
	const { engine, signal, progress, note } = session;
	const path = resolve(file);
	const read = await readPrompt(path);
	const { prompt } = read;
	if (out !== undefined) {
		await checkOutFile(out);
	}
	const model = chooseModel(run.model, prompt.settings.model, path);
	const notes = [...prompt.warnings, ...(model.note === undefined ? [] : [model.note])];
	if (json) {
		// The report for people has them at its end.
		notes.forEach(note);
	}
	const card = await engine.call('load', { model: model.folder }, { signal, onEvent: ({ message }) => progress(message) });
	checkArms(run, card.arms);
	const { settings } = prompt;
	const params = {
		model: model.folder,
		notes,
		prompt: await inputFor(card, read, session),
		arms: run.arms ?? settings.arms,
		options: {
			latents: run.latents ?? settings.latents,
			seed: run.seed ?? settings.seed ?? 0,
			temperature: run.temperature ?? settings.temperature ?? 0,
			maxTokens: run.maxTokens ?? settings.maxTokens,
			topK: run.topK ?? DEFAULT_TOP_K,
		},
		out: out === undefined ? undefined : resolve(out),
		evidence: evidence && (await evidenceParams(evidence, settings.candidates, card, session)),
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
			case 'arm':
				return live?.setArm(event.arm, event.tokens);
			case 'written':
				written = true;
				return;
			case 'evidence':
				return;
			case 'rows':
				return live?.addRows(event.arm, event.plane, event.rows, event.data);
		}
	};
	const { document } = await engine.call('analyze', params, { signal, onEvent: receive }).catch((error: Error) => {
		const how = signal.aborted ? 'The tests were cancelled' : `The tests failed (${error.message.replace(/\.$/, '')})`;
		throw written ? new RunError(`${how}: ${out} has what the arms did; run it again for the tests.`) : error;
	});
	const readouts = new Readouts(live!, document);
	return json ? `${JSON.stringify(await toJson(readouts, out))}\n` : report(readouts, { file, out, card });
}

/** Arms on the command line are usage; those of a prompt file are its author's. */
export function checkArms({ arms = [] }: RunFlags, known: readonly string[]): void {
	const unknown = arms.find((arm) => !known.includes(arm));
	if (unknown !== undefined) {
		throw new UsageError(`This model has no arm ${JSON.stringify(unknown.slice(0, 60))}: use ${known.join(', ')}.`);
	}
}

async function evidenceParams(
	{ reference, twin, base, referenceModel, candidates }: EvidenceFlags,
	written: string[] | undefined,
	card: ModelCard,
	session: Session,
): Promise<EvidenceParams> {
	const folderOf = (flag: string | undefined) => (flag === undefined ? undefined : chooseModel(flag, undefined, '').folder);
	const problems = reference === undefined ? undefined : await readProblems(resolve(reference));
	const questions = problems && (await questionsFor(card, problems.map(({ question }) => question), session));
	return {
		reference: questions && { name: basename(reference!), prompts: questions },
		twin: folderOf(twin),
		base: folderOf(base),
		referenceModel: folderOf(referenceModel),
		candidates: candidates ?? written,
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
					...(arm.feedback !== undefined
						? {
								thoughts: thoughts.map(({ index, spare, layers }) => ({
									index,
									spare: spare ?? null,
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
