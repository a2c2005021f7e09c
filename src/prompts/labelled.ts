/** A file of labelled prompts: one JSON object a line, or ProsQA's list where a built-in task labels them. */

/** `true` and 1 are 1, `false` and 0 are 0; a text is the name of a class. */
export type Label = 0 | 1 | string;

export interface LabelledPrompt {
	prompt: string;
	/** Prompts of one group are never on both sides of a split; the prompt itself where the file names none. */
	group: string;
	/** Of every step, or only of step `step`; absent where the steps have labels of their own, or a task labels them. */
	label?: Label;
	step?: number;
	/** Of step 0, 1, …; null where it has none. */
	labels?: (Label | null)[];
	/** Line or item of the file, from 1. */
	line: number;
}

/** More do not fit the memory of a machine that a small model runs on. */
const MAX_PROMPTS = 100_000;
/** Far beyond any number of thoughts. */
const MAX_STEPS = 10_000;
const MAX_CLASS_NAME = 200;

/** `ignored`: a task labels the prompts. */
type Labels = 'required' | 'optional' | 'ignored';

/** Fails with one sentence that names the line. */
export function parseLabelled(text: string, wanted: Labels): LabelledPrompt[] {
	const items = itemsOf(text.replace(/^\uFEFF/, ''));
	if (items.length === 0) {
		throw new Error('The file holds no prompts: write one {"prompt", "label"} a line.');
	}
	if (items.length > MAX_PROMPTS) {
		throw new Error(`The file holds ${items.length} prompts, the limit is ${MAX_PROMPTS}: use a part of it.`);
	}
	const found = items.map(({ value, line }) => labelled(value, line, wanted));
	const kinds = new Map<string, number>();
	for (const { label, labels = [], line } of found) {
		for (const one of [label, ...labels]) {
			if (one !== undefined && one !== null && !kinds.has(typeof one)) {
				kinds.set(typeof one, line);
			}
		}
	}
	if (kinds.size > 1) {
		throw new Error(
			`Line ${kinds.get('string')} names a class, and line ${kinds.get('number')} says 0 or 1: label all prompts in the same way.`,
		);
	}
	return found;
}

function itemsOf(text: string): { value: unknown; line: number }[] {
	if (text.trimStart().startsWith('[')) {
		try {
			return (JSON.parse(text) as unknown[]).map((value, i) => ({ value, line: i + 1 }));
		} catch {
			throw new Error('The file is not JSON: write one {"prompt", "label"} a line.');
		}
	}
	return text.split('\n').flatMap((one, i) => {
		if (one.trim() === '') {
			return [];
		}
		try {
			return [{ value: JSON.parse(one) as unknown, line: i + 1 }];
		} catch {
			throw new Error(`Line ${i + 1} is not JSON: write one {"prompt", "label"} a line.`);
		}
	});
}

function labelled(item: unknown, line: number, wanted: Labels): LabelledPrompt {
	const { prompt, question, group, label, labels, step } = (typeof item === 'object' && item !== null ? item : {}) as Record<string, unknown>;
	const wrong = (what: string): never => {
		throw new Error(`Line ${line} ${what}.`);
	};
	const text = prompt ?? question;
	if (typeof text !== 'string' || text.trim() === '') {
		return wrong('has no "prompt" or "question": write one {"prompt", "label"} a line');
	}
	if (group !== undefined && typeof group !== 'string' && typeof group !== 'number') {
		return wrong('has a "group" that is no text: give the same text to prompts that belong together');
	}
	const base = { prompt: text, group: group === undefined ? text : String(group), line };
	if (wanted === 'ignored' || (wanted === 'optional' && label === undefined && labels === undefined)) {
		return base;
	}
	const read = (value: unknown): Label => {
		const found = labelOf(value);
		return found === undefined ? wrong('has a label that is neither 0, 1, true, false nor the name of a class') : found;
	};
	if (step !== undefined && (!Number.isInteger(step) || (step as number) < 0 || (step as number) >= MAX_STEPS)) {
		return wrong('has a "step" that is no whole number: count thoughts from 0');
	}
	if (labels !== undefined) {
		return Array.isArray(labels) && label === undefined && step === undefined && labels.length <= MAX_STEPS
			? { ...base, labels: labels.map((one: unknown) => (one === null ? null : read(one))) }
			: wrong('has "labels" that are no list of their own: give "labels" [one for each step], or one "label"');
	}
	return label === undefined || label === null
		? wrong('has no "label": add one, or name a built-in task')
		: { ...base, label: read(label), step: step as number | undefined };
}

function labelOf(value: unknown): Label | undefined {
	if (typeof value === 'boolean' || value === 0 || value === 1) {
		return value ? 1 : 0;
	}
	return typeof value === 'string' && value.trim() !== '' && value.length <= MAX_CLASS_NAME ? value.trim() : undefined;
}
