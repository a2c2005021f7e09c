import type { Range } from '../shared/range';
import type { Task } from './task';

/** `Every gerpus is a terpus.` and `Alex is a terpus.` */
const FACT = /(?<!\w)(Every\s+)?(\w+)\s+is\s+an?\s+(\w+)\./g;
/** `Is Tom a lempus or scrompus?` */
const QUESTION = /(?<!\w)Is\s+(\w+)\s+an?\s+(\w+)\s+or\s+(?:an?\s+)?(\w+)\?/g;
/** A token or form that names one entity: ` is a yimpus.`, ` Every gerpus`, ` or hilpus?`, ` Alex`. */
const MENTION = /^\s*(?:Every\s+|Is\s+|is\s+an?\s+|an?\s+|or\s+)?(\w+)[.?]?\s*$/;
/** A written step; its subject may be left out. */
const STEP = /^\s*(?:(?:Every\s+)?(\w+)\s+)?is\s+an?\s+(\w+)\s*\.?\s*$/;
/** Real problems have about forty facts; this bounds the search in texts that only look like one. */
const MAX_FACTS = 10_000;

/** Where each fact stands, by its subject and its object. */
type Facts = ReadonlyMap<string, ReadonlyMap<string, readonly Range[]>>;

/**
 * ProsQA (arXiv 2412.06769): reachability in a graph of facts, asked of one entity and two candidates. The last question counts, wherever
 * it stands: a chat template may put its own words around it. The facts are those since the question before it (examples have facts of
 * their own), or, where none of them is about the entity, all of the prompt's.
 */
export function parseProsqa(prompt: string): Task | undefined {
	const [before, asked] = [undefined, ...prompt.matchAll(QUESTION)].slice(-2);
	if (!asked) {
		return undefined;
	}
	const own = factsOf(prompt, before ? before.index + before[0].length : 0);
	const { facts, names } = own.facts.has(asked[1]!) ? own : factsOf(prompt, 0);
	return facts.has(asked[1]!) ? prosqaTask(asked, facts, names) : undefined;
}

/** `names`: subjects that are not of a kind. */
function factsOf(prompt: string, from: number): { facts: Facts; names: string[] } {
	const facts = new Map<string, Map<string, Range[]>>();
	const names = new Set<string>();
	let count = 0;
	for (const match of prompt.matchAll(FACT)) {
		if (match.index < from) {
			continue;
		}
		const [, every, subject, object] = match as unknown as [string, string | undefined, string, string];
		const objects = facts.get(subject) ?? new Map<string, Range[]>();
		facts.set(subject, objects);
		const places = objects.get(object) ?? [];
		objects.set(object, places);
		if (every === undefined) {
			names.add(subject);
		}
		places.push({ start: match.index, end: match.index + match[0].length });
		if (++count >= MAX_FACTS) {
			break;
		}
	}
	return { facts, names: [...names] };
}

function prosqaTask(asked: RegExpMatchArray, facts: Facts, names: readonly string[]): Task {
	const [question, root, ...options] = asked as unknown as [string, string, string, string];
	const distances = distancesFrom(root, facts);
	const reachable = options.filter((option) => distances.has(option));
	const answer = reachable.length === 1 ? reachable[0] : undefined;
	const frontiers: Set<string>[] = [];
	for (const [entity, distance] of distances) {
		(frontiers[distance] ??= new Set()).add(entity);
	}
	const hops = answer === undefined ? undefined : distances.get(answer);
	const edges = [...facts].flatMap(([subject, objects]) => [...objects.keys()].map((object) => [subject, object] as const));
	const towards = answer === undefined ? new Map<string, number>() : distancesFrom(answer, reversed(edges));
	return {
		question,
		root,
		options,
		objects: [...new Set([...facts.values()].flatMap((objects) => [...objects.keys()]))],
		answer,
		hops,
		entities: [...new Set([...edges.flat(), ...options])],
		edges,
		distance: (entity) => distances.get(entity),
		onPath: (entity) => hops !== undefined && distances.get(entity)! + towards.get(entity)! === hops,
		frontier: (hop) => frontiers[hop] ?? new Set(),
		isFact: (subject, object) => facts.get(subject)?.has(object) ?? false,
		reaches: (from, to) => distancesFrom(from, facts).has(to),
		wordOf: (text) => MENTION.exec(text)?.[1],
		counterpart: () => {
			const other = counterpartOf(root, answer, options, facts, names);
			if (other === undefined) {
				return undefined;
			}
			const { input, index } = asked as RegExpMatchArray & { input: string; index: number };
			const instead = question.replace(/^(Is\s+)\w+/, (_, is: string) => `${is}${other}`);
			return { question: instead, text: `${input.slice(0, index)}${instead}${input.slice(index + question.length)}` };
		},
		step: (text) => {
			const match = STEP.exec(text);
			return match ? { subject: match[1], object: match[2]! } : undefined;
		},
		occurrences: (subject, object) => facts.get(subject)?.get(object) ?? [],
	};
}

/** Among the names, the first that reaches only the other candidate, or else the first that reaches only one. */
function counterpartOf(
	root: string,
	answer: string | undefined,
	options: readonly string[],
	facts: Facts,
	names: readonly string[],
): string | undefined {
	const only = names.flatMap((name) => {
		const distances = distancesFrom(name, facts);
		const reached = options.filter((option) => distances.has(option));
		return name !== root && reached.length === 1 ? [{ name, reached: reached[0]! }] : [];
	});
	return (only.find(({ reached }) => reached !== answer) ?? only[0])?.name;
}

/** Breadth first; in order of distance. */
function distancesFrom(root: string, facts: ReadonlyMap<string, ReadonlyMap<string, unknown>>): Map<string, number> {
	const distances = new Map([[root, 0]]);
	for (const [entity, distance] of distances) {
		for (const next of facts.get(entity)?.keys() ?? []) {
			if (!distances.has(next)) {
				distances.set(next, distance + 1);
			}
		}
	}
	return distances;
}

function reversed(edges: readonly (readonly [string, string])[]): Map<string, Map<string, true>> {
	const subjects = new Map<string, Map<string, true>>();
	for (const [subject, object] of edges) {
		const found = subjects.get(object) ?? new Map<string, true>();
		subjects.set(object, found.set(subject, true));
	}
	return subjects;
}
