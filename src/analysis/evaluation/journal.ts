/**
 * The journal of a run over a set: JSON, one object a line. The first line holds the setup, each other one an outcome, so that a run
 * that was ended goes on after its last whole problem. A line counts once its line end has been written.
 */
import * as v from 'valibot';
import { outcomeSchema, setupSchema, type Outcome, type Role, type Setup } from './outcome';

const FORMAT = 'neuralese-evaluation-journal';
const VERSION = 1;

const headerSchema = v.object({ format: v.literal(FORMAT), version: v.literal(VERSION), setup: setupSchema });

export function journalHeader(setup: Setup): string {
	return `${JSON.stringify({ format: FORMAT, version: VERSION, setup })}\n`;
}

export function journalLine(outcome: Outcome): string {
	return `${JSON.stringify(outcome)}\n`;
}

export type ReadJournal =
	/** `length`: characters of the text that hold; what follows them is dropped. */
	| { kind: 'begun'; outcomes: Outcome[]; length: number }
	/** Nothing whole was written yet. */
	| { kind: 'empty' }
	/** It belongs to another run: in words, what is different. */
	| { kind: 'other'; difference: string }
	| { kind: 'foreign' };

/** Up to the first line that is not whole or not an outcome: a crash of the machine may leave more than half a line. */
export function readJournal(text: string, setup: Setup): ReadJournal {
	const end = text.indexOf('\n');
	if (end < 0) {
		return text === '' || journalHeader(setup).startsWith(text) || text.startsWith(`{"format":"${FORMAT}"`) ? { kind: 'empty' } : { kind: 'foreign' };
	}
	const header = parsed(headerSchema, text.slice(0, end));
	if (!header) {
		return { kind: 'foreign' };
	}
	const difference = differenceOf(header.setup, setup);
	if (difference !== undefined) {
		return { kind: 'other', difference };
	}
	const outcomes: Outcome[] = [];
	let length = end + 1;
	for (let next = text.indexOf('\n', length); next >= 0; next = text.indexOf('\n', length)) {
		const outcome = parsed(outcomeSchema, text.slice(length, next));
		if (!outcome || outcome.problem >= setup.data.n) {
			break;
		}
		outcomes.push(outcome);
		length = next + 1;
	}
	return { kind: 'begun', outcomes, length };
}

/** How many problems from the first on are whole. */
export function doneOf(outcomes: readonly Outcome[], role: Role, kind: Outcome['kind']): number {
	const done = new Set(outcomes.flatMap((outcome) => (outcome.role === role && outcome.kind === kind ? [outcome.problem] : [])));
	let first = 0;
	while (done.has(first)) {
		first++;
	}
	return first;
}

/** What a user would change to make two setups the same. Names of files may differ; what is in them may not. */
function differenceOf(one: Setup, other: Setup): string | undefined {
	const facts = ({ producer, model, twin, data, options, causal }: Setup): [string, unknown][] => [
		['version', producer],
		['model', model.sha256],
		['twin', twin?.sha256],
		['data file', data.sha256],
		['number of problems', data.n],
		['arms', options.arms],
		['latents', options.latents],
		['loops', options.loops],
		['noise', options.noise],
		['seed', options.seed],
		['temperature', options.temperature],
		['max-tokens', options.maxTokens],
		['chat template', options.chatTemplate],
		['causal tests', causal],
	];
	const now = facts(other);
	return facts(one).find(([, value], i) => JSON.stringify(value) !== JSON.stringify(now[i]![1]))?.[0];
}

function parsed<T extends v.GenericSchema>(schema: T, line: string): v.InferOutput<T> | undefined {
	try {
		const result = v.safeParse(schema, JSON.parse(line), { abortEarly: true });
		return result.success ? result.output : undefined;
	} catch {
		return undefined;
	}
}
