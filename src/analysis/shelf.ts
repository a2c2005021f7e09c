/** Traces as they are listed: by prompt, then by date, each with what its arms answered. */
import type { TraceDocument } from '../trace/document';
import { agreement } from './answers';
import { printable } from './text';

/** What a list says about a trace. */
export interface Listed {
	/** Name of its prompt file, or of the file that it was imported from. */
	prompt: string;
	/** ISO 8601. */
	created: string;
	model: string;
	/** `latent jelpus · cot gerpus · they differ` */
	answers: string;
}

export function listed({ prompt, origin, created, model, arms }: TraceDocument): Listed {
	const answers = arms.flatMap(({ name, answer }) => (answer === undefined ? [] : [`${name} ${answer}`]));
	const agree = agreement(new Map(arms.map((arm) => [arm.name, arm.answer])));
	const together = agree === undefined ? [] : [agree ? 'they agree' : 'they differ'];
	return {
		prompt: printable(origin ? origin.file : prompt.name),
		created,
		model: printable(model.name),
		answers: printable([...answers, ...together].join(' · ')),
	};
}

/** Groups by prompt, by name; in each the newest first. */
export function shelved<T extends Pick<Listed, 'prompt' | 'created'>>(traces: readonly T[]): { prompt: string; traces: T[] }[] {
	const groups = new Map<string, T[]>();
	for (const trace of traces) {
		groups.set(trace.prompt, [...(groups.get(trace.prompt) ?? []), trace]);
	}
	const newestFirst = (a: T, b: T) => (a.created < b.created ? 1 : a.created > b.created ? -1 : 0);
	return [...groups]
		.sort(([a], [b]) => a.localeCompare(b))
		.map(([prompt, of]) => ({ prompt, traces: of.sort(newestFirst) }));
}
