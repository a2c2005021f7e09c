import { parseProsqa } from './prosqa';

/** What is known about a prompt whose task has a structure of its own: a graph of facts and a question about it. */
export interface Task {
	/** The sentence that asks. */
	readonly question: string;
	/** The entity that is asked about. */
	readonly root: string;
	/** The candidates, in the question's order. */
	readonly options: readonly string[];
	/** Everything that some fact says something is, in the facts' order. */
	readonly objects: readonly string[];
	/** Facts from the root to the answer; absent where the answer is not determined. */
	readonly hops?: number;
	/** The one option that the root reaches; absent where it reaches none or several. */
	readonly answer?: string;
	/** Everything that facts or options name, in the order of the prompt. */
	readonly entities: readonly string[];
	/** The facts, each once: subject and object. */
	readonly edges: readonly (readonly [string, string])[];
	/** Facts from the root to an entity; absent where it is not reached. */
	distance(entity: string): number | undefined;
	/** Whether an entity lies on a shortest way from the root to the answer. */
	onPath(entity: string): boolean;
	/** Entities at a distance of exactly `hop` facts from the root. */
	frontier(hop: number): ReadonlySet<string>;
	isFact(subject: string, object: string): boolean;
	/** Whether facts lead from one entity to the other; every entity reaches itself. */
	reaches(from: string, to: string): boolean;
	/** The entity that a token or sentence is about: `yimpus` of ` is a yimpus.`; absent where it names none. */
	wordOf(text: string): string | undefined;
	/** Reads a written step. `subject` is absent where the step leaves it out (` is a yimpus.`). */
	step(text: string): { subject?: string; object: string } | undefined;
	/**
	 * The same facts with the question asked about another entity, which reaches exactly one of the candidates: the other one where
	 * there is such an entity. Absent where there is none.
	 */
	counterpart(): { question: string; text: string } | undefined;
	/** Where the fact stands in the prompt, as offsets in the prompt's text. */
	occurrences(subject: string, object: string): readonly { start: number; end: number }[];
}

/** One line per task; the first that recognises the prompt is used. */
const TASKS: readonly ((prompt: string) => Task | undefined)[] = [parseProsqa];

export function parseTask(prompt: string): Task | undefined {
	for (const parse of TASKS) {
		const task = parse(prompt);
		if (task) {
			return task;
		}
	}
	return undefined;
}
