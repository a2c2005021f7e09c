/** What a thought reads as among known candidates: softmax mass on the tokens that name each, all of the vocabulary counted. */
import type { CandidateGroup } from '../trace/evidence';
import { logSoftmax } from './effect';
import type { Task } from './task';

export interface Candidate {
	label: string;
	group: CandidateGroup;
}

/** Tokens that name each label, by id. A token may name several labels of a list without a structure. */
export type Names = ReadonlyMap<string, readonly number[]>;

/** Of the task's graph, in order of distance; thought i is expected to hold what lies i + 1 facts from the root. */
export function taskCandidates(task: Task, thought: number): Candidate[] {
	const hop = thought + 1;
	const distance = (entity: string) => task.distance(entity) ?? Infinity;
	return task.entities
		.map((label): Candidate => ({ label, group: groupOf(distance(label), hop, task.onPath(label)) }))
		.sort((a, b) => (distance(a.label) < distance(b.label) ? -1 : Number(distance(a.label) > distance(b.label))));
}

function groupOf(distance: number, hop: number, onPath: boolean): CandidateGroup {
	if (distance === Infinity) {
		return 'unreachable';
	}
	return distance < hop ? 'earlier' : distance > hop ? 'later' : onPath ? 'path' : 'frontier';
}

/** A list without a structure: the same for every thought. */
export function listCandidates(labels: readonly string[]): Candidate[] {
	return [...new Set(labels)].map((label) => ({ label, group: 'candidate' }));
}

export function isLive({ group }: Pick<Candidate, 'group'>): boolean {
	return group === 'path' || group === 'frontier' || group === 'candidate';
}

/** Letters, with their marks, and digits. */
const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/** `yumpus` of ` is a yumpus.` */
function lastWord(text: string): string | undefined {
	return text.match(WORD)?.at(-1);
}

/**
 * The tokens that name each label: those whose text is the label but for spaces, or is about it in the task's words; without a task,
 * those whose last word it is. `first`, of a label that no token names then: tokens that it may begin with.
 */
export function namesOf(
	labels: readonly string[],
	texts: readonly string[],
	wordOf: ((text: string) => string | undefined) | undefined,
	first: (label: string) => readonly number[],
): Names {
	const names = new Map<string, number[]>(labels.map((label) => [label, []]));
	for (const [id, text] of texts.entries()) {
		const trimmed = text.trim();
		const word = (wordOf ?? lastWord)(text);
		names.get(trimmed)?.push(id);
		if (word !== undefined && word !== trimmed) {
			names.get(word)?.push(id);
		}
	}
	return new Map([...names].map(([label, ids]) => [label, wordOf || ids.length > 0 ? ids : [...new Set(first(label))]]));
}

/** Softmax mass of the tokens, each counted once. */
export function massOf(logits: Float32Array, ids: Iterable<number>): number {
	return massIn(logSoftmax(logits), ids);
}

function massIn(logprobs: Float64Array, ids: Iterable<number>): number {
	let mass = 0;
	for (const id of new Set(ids)) {
		mass += Math.exp(logprobs[id]!);
	}
	// A sum of rounded shares of nearly everything may come out above 1.
	return Math.min(1, mass);
}

/** All tokens of the live candidates. */
export function liveTokens(candidates: readonly Candidate[], names: Names): number[] {
	return [...new Set(candidates.filter(isLive).flatMap(({ label }) => names.get(label) ?? []))];
}

export interface Superposition {
	candidates: { label: string; group: CandidateGroup; mass: number; rank: number }[];
	/** Mass on the live candidates. */
	live: number;
}

/** `logits` [V]. `rank`, from 1, is that of the label's likeliest token; a label that no token names has mass 0 and rank V + 1. */
export function superposition(logits: Float32Array, candidates: readonly Candidate[], names: Names): Superposition {
	const logprobs = logSoftmax(logits);
	return {
		candidates: candidates.map(({ label, group }) => {
			const ids = names.get(label) ?? [];
			const best = ids.reduce((most, id) => Math.max(most, logits[id]!), -Infinity);
			const above = logits.reduce((count, logit) => count + Number(logit > best), 0);
			return { label, group, mass: massIn(logprobs, ids), rank: 1 + above };
		}),
		live: massIn(logprobs, liveTokens(candidates, names)),
	};
}

/** Share of draws that are at least as high, the observed one counted among them (Davison and Hinkley, 1997, 4.11): never 0. */
export function exceedance(value: number, draws: readonly number[]): number {
	return (1 + draws.filter((draw) => draw >= value).length) / (1 + draws.length);
}
