import type { SentenceView } from '../shared/panel';
import type { ArmRecord, TraceDocument } from '../trace/document';
import { recipeTokens, sentences, type Sentence } from './sentences';
import { parseTask, type Task } from './task';
import { printable, visible } from './text';

/** A sentence and what the task says about it. */
export interface OutlinedSentence extends Sentence {
	/** Whom the step is about; absent where that cannot be told. */
	subject?: string;
	verdict?: SentenceView['verdict'];
}

/** How the arms of a trace line up on the shared step axis: row k is sentence k of one arm beside thought k of another. */
export interface Outline {
	task?: Task;
	/** The arm that wrote the chain of thought. */
	written?: ArmRecord;
	sentences: OutlinedSentence[];
	/** The arm that thinks in latents. */
	latent?: ArmRecord;
	rows: number;
}

export function outline(document: TraceDocument, textOf: (id: number) => string): Outline {
	const task = parseTask(document.prompt.text);
	const latent =
		document.arms.find((arm) => arm.name === 'latent' && arm.thoughts.length > 0) ??
		document.arms.find((arm) => arm.thoughts.length > 0);
	const written =
		document.arms.find((arm) => arm.name === 'cot') ??
		// Of an imported trace all that the model wrote is shown, also where none of it is reasoning.
		document.arms.find((arm) => arm.steps.some((step) => (step.kind === 'token' || (document.origin && step.kind === 'answer')) && !step.forced));
	const found = written ? judged(sentences(written, textOf, recipeTokens(document.model.recipe)), task) : [];
	return { task, written, latent, sentences: found, rows: Math.max(found.length, latent?.thoughts.length ?? 0) };
}

/**
 * A step that leaves its subject out is about the object of the step before it, the first one about the root. Where no way leads on to
 * the answer, the step that left is told from those behind it.
 */
export function judged(found: readonly Sentence[], task: Task | undefined): OutlinedSentence[] {
	let previous = task?.root;
	let left = false;
	return found.map((sentence) => {
		const step = task?.step(sentence.text);
		const subject = step?.subject ?? (sentence.role === 'answer' ? task?.root : previous);
		previous = step?.object;
		if (!task || !step || subject === undefined || sentence.role === 'answer') {
			return { ...sentence, subject };
		}
		const judgement = verdict(task, subject, step.object, left);
		left = task.answer !== undefined && !task.reaches(step.object, task.answer);
		return { ...sentence, subject, verdict: judgement };
	});
}

/** `left`: whether the step before it had left every path to the answer. */
function verdict(task: Task, subject: string, object: string, left: boolean): SentenceView['verdict'] {
	if (!task.isFact(subject, object)) {
		return 'no such fact';
	}
	if (task.answer === undefined) {
		return undefined;
	}
	return task.reaches(object, task.answer) ? 'on a path' : left ? 'after the dead end' : 'dead end';
}

/**
 * A token as the panel shows it: the entity that it names where the task is known, else its text with white space made visible.
 */
export function shown(text: string, task: Task | undefined): string {
	return task?.wordOf(text) ?? visible(text);
}

/** A list of tokens: several forms of one entity (` is a fompus.`, ` Every fompus`) keep their whole text, so that none look alike. */
export function shownApart(texts: readonly string[], task: Task | undefined): string[] {
	const words = texts.map((text) => shown(text, task));
	const forms = task ? texts.map((text) => printable(text).trim()) : words;
	return words.map((word, i) => (words.indexOf(word) === words.lastIndexOf(word) ? word : forms[i]!));
}
