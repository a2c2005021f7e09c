import type { Range } from '../shared/range';
import type { Task } from './task';

/** `Every gerpus is a terpus.` and `Alex is a terpus.` */
const FACT = /(?<!\w)(?:Every\s+)?(\w+)\s+is\s+an?\s+(\w+)\./g;
/** `Is Tom a lempus or scrompus?` */
const QUESTION = /(?<!\w)Is\s+(\w+)\s+an?\s+(\w+)\s+or\s+(?:an?\s+)?(\w+)\?/g;
/** A token or form that names one entity: ` is a yimpus.`, ` Every gerpus`, ` or hilpus?`, ` Alex`. */
const MENTION = /^\s*(?:Every\s+|Is\s+|is\s+an?\s+|an?\s+|or\s+)?(\w+)[.?]?\s*$/;
/** A written step; its subject may be left out. */
const STEP = /^\s*(?:(?:Every\s+)?(\w+)\s+)?is\s+an?\s+(\w+)\s*\.?\s*$/;
/** Real problems have about forty facts; this bounds the search in texts that only look like one. */
const MAX_FACTS = 10_000;

/** ProsQA (arXiv 2412.06769): reachability in a graph of facts, asked of one entity and two candidates. */
export function parseProsqa(prompt: string): Task | undefined {
	const [question, root, first, second] = [...prompt.matchAll(QUESTION)].at(-1) ?? [];
	const facts = new Map<string, Map<string, Range[]>>();
	let count = 0;
	for (const match of prompt.matchAll(FACT)) {
		const objects = facts.get(match[1]!) ?? new Map<string, Range[]>();
		facts.set(match[1]!, objects);
		const places = objects.get(match[2]!) ?? [];
		objects.set(match[2]!, places);
		places.push({ start: match.index, end: match.index + match[0].length });
		if (++count >= MAX_FACTS) {
			break;
		}
	}
	return question === undefined || !facts.has(root!) ? undefined : prosqaTask(question, root!, [first!, second!], facts);
}

function prosqaTask(
	question: string,
	root: string,
	options: string[],
	facts: ReadonlyMap<string, ReadonlyMap<string, Range[]>>,
): Task {
	const distances = distancesFrom(root, facts);
	const reachable = options.filter((option) => distances.has(option));
	const answer = reachable.length === 1 ? reachable[0] : undefined;
	const frontiers: Set<string>[] = [];
	for (const [entity, distance] of distances) {
		(frontiers[distance] ??= new Set()).add(entity);
	}
	return {
		question,
		root,
		options,
		objects: [...new Set([...facts.values()].flatMap((objects) => [...objects.keys()]))],
		answer,
		hops: answer === undefined ? undefined : distances.get(answer),
		frontier: (hop) => frontiers[hop] ?? new Set(),
		isFact: (subject, object) => facts.get(subject)?.has(object) ?? false,
		reaches: (from, to) => distancesFrom(from, facts).has(to),
		wordOf: (text) => MENTION.exec(text)?.[1],
		step: (text) => {
			const match = STEP.exec(text);
			return match ? { subject: match[1], object: match[2]! } : undefined;
		},
		occurrences: (subject, object) => facts.get(subject)?.get(object) ?? [],
	};
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
