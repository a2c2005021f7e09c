/** What thoughts read as among candidates, and what the same candidates' mass is in other prompts' thoughts. */
import { bootstrapMean } from '../../analysis/statistics';
import { exceedance, liveTokens, massOf, namesOf, superposition, type Candidate, type Names, type Superposition } from '../../analysis/superposition';
import type { Task } from '../../analysis/task';
import type { Estimate } from '../../trace/evidence';
import type { Model } from '../model';

/** Logits of one call at most, in values: 32 MB. */
const MAX_LOGITS = 8_000_000;
/** The head's own limit. */
const MAX_ROWS = 256;

export interface Read extends Superposition {
	/** Of the same thought of the others. */
	shuffled?: Estimate & { p: number };
}

/** Tokens of the model's vocabulary that name the candidates. */
export function candidateNames(model: Model, candidates: readonly Candidate[], task: Task | undefined): Names {
	const { tokenizer, manifest } = model;
	const texts = Array.from({ length: manifest.shape.vocabulary }, (_, id) => tokenizer.textOf(id));
	const first = (label: string) => [label, ` ${label}`].flatMap((text) => tokenizer.encode(text).ids.slice(0, 1));
	return namesOf(
		candidates.map(({ label }) => label),
		texts,
		task?.wordOf,
		first,
	);
}

/** `state`: before the final norm at the last site [width]; `others`: those of the same thought of other prompts. */
export async function read(
	model: Model,
	state: Float32Array,
	candidates: readonly Candidate[],
	names: Names,
	others: readonly Float32Array[],
	seed: number,
): Promise<Read> {
	let own: Superposition | undefined;
	await eachLogits(model, [state], (logits) => (own = superposition(logits, candidates, names)));
	const live = liveTokens(candidates, names);
	const draws: number[] = [];
	await eachLogits(model, others, (logits) => draws.push(massOf(logits, live)));
	const shuffled = draws.length > 1 ? { ...bootstrapMean(draws, seed), p: exceedance(own!.live, draws) } : undefined;
	return { ...own!, shuffled };
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
