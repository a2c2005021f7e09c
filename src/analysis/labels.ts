/** What a probe is asked to tell apart: labels from a file, or from a task whose structure is known. */
import type { Label, LabelledPrompt } from '../prompts/labelled';
import { parseTask, type Task } from './task';

/** A built-in task labels prompts by itself. One line each; a new one is added by copying its neighbour. */
interface ProbeTask {
	/** What a score near 1 claims. */
	label: string;
	/** True or false at a step (from 0), or that of each class that is asked about; undefined where the task has no answer. */
	of(task: Task, step: number): boolean | ReadonlyMap<string, boolean> | undefined;
}

export const PROBE_TASKS = {
	'first-option': {
		label: 'The first option of the question is the answer.',
		of: ({ options, answer }) => (answer === undefined ? undefined : options[0] === answer),
	},
	'within-k-hops': {
		label: "This entity is within k hops of the root, k being the step's number counted from 1.",
		of: (task, step) => ofObjects(task, (entity) => distances(task, step + 1).has(entity)),
	},
	live: {
		label: "This entity is exactly k hops from the root, k being the step's number counted from 1.",
		of: (task, step) => ofObjects(task, (entity) => task.frontier(step + 1).has(entity)),
	},
} as const satisfies Record<string, ProbeTask>;

export type ProbeTaskName = keyof typeof PROBE_TASKS;
export const PROBE_TASK_NAMES = Object.keys(PROBE_TASKS) as ProbeTaskName[];

function ofObjects({ objects }: Task, is: (entity: string) => boolean): Map<string, boolean> {
	return new Map(objects.map((entity) => [entity, is(entity)]));
}

function distances(task: Task, hops: number): Set<string> {
	return new Set(Array.from({ length: hops }, (_, i) => [...task.frontier(i + 1)]).flat());
}

export interface Targets {
	/** Names of the classes, sorted; absent where labels are 0 and 1. */
	classes?: string[];
	asks: 'named' | 'all';
	/** What a score near 1 claims, where the task says it. */
	label?: string;
	/** Of example `index`, step by step: 1, 0, or −1 where it has no label [classes]. */
	of(index: number, steps: number): Int8Array[];
	/** Examples that the task has nothing to say about. */
	passedOver: number;
}

/** More classes are no classes but names. */
const MAX_CLASSES = 1_000;

/** Labels of a file. Of named classes each is told from all others. */
export function labelsOfFile(examples: readonly LabelledPrompt[]): Targets {
	const given = examples.flatMap(({ label, labels = [] }) => [label, ...labels]);
	const names = [...new Set(given.filter((label) => typeof label === 'string'))].sort();
	const classes = names.length > 0 ? names : undefined;
	checkClasses(classes);
	return {
		classes,
		asks: 'all',
		passedOver: 0,
		of: (index, steps) => {
			const { label, labels, step } = examples[index]!;
			return Array.from({ length: steps }, (_, i) => {
				const own = labels ? labels[i] : step === undefined || step === i ? label : undefined;
				return oneHot(own ?? undefined, classes);
			});
		},
	};
}

function oneHot(label: Label | undefined, classes: readonly string[] | undefined): Int8Array {
	if (label === undefined) {
		return new Int8Array(classes?.length ?? 1).fill(-1);
	}
	return typeof label === 'number' ? Int8Array.of(label) : Int8Array.from(classes ?? [], (name) => Number(name === label));
}

/** Labels of a built-in task, read from the prompts themselves. */
export function labelsOfTask(prompts: readonly string[], name: ProbeTaskName): Targets {
	const { of, label }: ProbeTask = PROBE_TASKS[name];
	const tasks = prompts.map((prompt) => parseTask(prompt));
	const asked = tasks.map((task) => task && of(task, 0));
	const passedOver = asked.filter((one) => one === undefined).length;
	if (passedOver === prompts.length) {
		throw new Error(`None of the prompts is one that the task ${name} can label: it reads ProsQA's questions. Label them in the file instead.`);
	}
	const named = asked.flatMap((one) => (one instanceof Map ? [...(one.keys() as Iterable<string>)] : []));
	const classes = named.length > 0 ? [...new Set(named)].sort() : undefined;
	checkClasses(classes);
	return {
		classes,
		asks: 'named',
		label,
		passedOver,
		of: (index, steps) =>
			Array.from({ length: steps }, (_, step) => {
				const task = tasks[index];
				const found = task && of(task, step);
				if (found instanceof Map) {
					return Int8Array.from(classes ?? [], (entity) => Number(found.get(entity) ?? -1));
				}
				return new Int8Array(classes?.length ?? 1).fill(found === undefined ? -1 : Number(found));
			}),
	};
}

function checkClasses(classes: readonly string[] | undefined): void {
	if (classes && classes.length > MAX_CLASSES) {
		throw new Error(`The labels name ${classes.length} classes, the limit is ${MAX_CLASSES}: give prompts of one kind the same label.`);
	}
}
