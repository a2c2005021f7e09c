/** What thoughts read as among candidates, and what the same candidates' mass is in other prompts' thoughts. */
import { bootstrapMean } from '../../analysis/statistics';
import {
	exceedance,
	listCandidates,
	liveTokens,
	massOf,
	namesOf,
	superposition,
	taskCandidates,
	type Candidate,
	type Names,
	type Superposition,
} from '../../analysis/superposition';
import { spareReason } from '../../analysis/spare';
import { parseTask, type Task } from '../../analysis/task';
import type { Estimate } from '../../trace/evidence';
import type { Clean } from '../causal/clean';
import type { Model } from '../model/model';
import { producedAt, type Run } from './runs';

/** Logits of one call at most, in values: 32 MB. */
const MAX_LOGITS = 8_000_000;
/** The head's own limit. */
const MAX_ROWS = 256;

export interface Read extends Superposition {
	/** The likeliest token, whatever the candidates are. */
	top: string;
	/** Of the same thought of the others. */
	shuffled?: Estimate & { p: number };
}

/** Of the task's graph where it is known, else of a list. */
export function candidatesOf(thought: number, task: Task | undefined, list: readonly string[]): Candidate[] {
	return task ? taskCandidates(task, thought) : listCandidates(list);
}

/** What each thought of a run reads as, by the lens at the last site; `others`: runs of other prompts. */
export async function readsOf(
	model: Model,
	clean: Clean,
	candidates: readonly (readonly Candidate[])[],
	task: Task | undefined,
	others: readonly Run[],
	seed: number,
	signal: AbortSignal,
): Promise<Read[]> {
	const names = candidateNames(model, candidates[0] ?? [], task);
	const states = producedAt(clean, model);
	const reads: Read[] = [];
	await eachLogits(model, states, (logits, i) => {
		const top = logits.indexOf(logits.reduce((most, logit) => Math.max(most, logit), -Infinity));
		reads.push({ ...superposition(logits, candidates[i]!, names), top: wordOf(model.tokenizer.textOf(top), task) });
	});
	for (const [i, reading] of reads.entries()) {
		signal.throwIfAborted();
		const live = liveTokens(candidates[i]!, names);
		const draws: number[] = [];
		await eachLogits(model, others.map((other) => other.states[i]!), (logits) => draws.push(massOf(logits, live)));
		if (draws.length > 1) {
			reading.shuffled = { ...bootstrapMean(draws, seed), p: exceedance(reading.live, draws) };
		}
	}
	return reads;
}

/**
 * Of each thought: mass on the live candidates of every run whose task is known and whose answer the thought has not passed, and the
 * mass of the same candidates in the next run's thought.
 */
export async function massesOf(model: Model, runs: readonly Run[]): Promise<{ live: number[]; shuffled: number[] }[]> {
	const tasks = runs.map(({ text }) => parseTask(text));
	const names = tasks.map((task) => task && candidateNames(model, taskCandidates(task, 0), task));
	const { trainedLatents } = model.manifest.recipe;
	const found: { live: number[]; shuffled: number[] }[] = [];
	for (let thought = 0; thought < (runs[0]?.states.length ?? 0); thought++) {
		const live = tasks.map((task, i) =>
			task && spareReason(thought, trainedLatents, task) === undefined
				? liveTokens(taskCandidates(task, thought), names[i]!)
				: undefined,
		);
		const masses: (typeof found)[number] = { live: [], shuffled: [] };
		const mass = (logits: Float32Array, ids: readonly number[] | undefined) => (ids ? [massOf(logits, ids)] : []);
		await eachLogits(model, runs.map(({ states }) => states[thought]!), (logits, i) => {
			masses.live.push(...mass(logits, live[i]));
			masses.shuffled.push(...mass(logits, runs.length > 1 ? live[(i || runs.length) - 1] : undefined));
		});
		found.push(masses);
	}
	return found;
}

function wordOf(text: string, task: Task | undefined): string {
	return task?.wordOf(text) ?? JSON.stringify(text);
}

/** Tokens of the model's vocabulary that name the candidates, which are the same for every thought but for their groups. */
export function candidateNames(model: Model, candidates: readonly Candidate[], task: Task | undefined): Names {
	const { tokenizer, manifest } = model;
	const texts = Array.from({ length: manifest.shape.vocabulary }, (_, id) => tokenizer.textOf(id));
	const first = (label: string) => [label, ` ${label}`].flatMap((text) => tokenizer.encode(text).ids.slice(0, 1));
	const labels = candidates.map(({ label }) => label);
	return namesOf(labels, texts, task?.wordOf, first);
}

/** Logits [V] of each state, in order. */
export async function eachLogits(
	model: Model,
	states: readonly Float32Array[],
	visit: (logits: Float32Array, index: number) => void,
): Promise<void> {
	const { width, vocabulary } = model.manifest.shape;
	const most = Math.max(1, Math.min(MAX_ROWS, Math.floor(MAX_LOGITS / vocabulary)));
	for (let start = 0; start < states.length; start += most) {
		const part = states.slice(start, start + most);
		const rows = new Float32Array(part.length * width);
		part.forEach((state, i) => rows.set(state, i * width));
		const logits = await model.head.logits(rows);
		part.forEach((_, i) => visit(logits.subarray(i * vocabulary, (i + 1) * vocabulary), start + i));
	}
}
