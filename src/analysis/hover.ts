import { contains, type Range } from '../shared/range';
import { siteName } from '../shared/sites';
import { probePlane } from '../trace/planes';
import { surprisalBits } from './lens';
import type { Lookup } from './lookup';
import { printable, visible } from './text';

export interface ProbeScores {
	name: string;
	/** What a score near 1 claims. */
	label: string;
	/** NaN where not measured. */
	scores: number[];
}

/** What a hover says about one token of the prompt. */
export interface PromptToken {
	/** In the prompt's text. */
	span: Range;
	id: number;
	text: string;
	/** Probability that the model gave to it before reading it, 0..1, and its surprisal; absent for the first token. */
	prob?: number;
	surprisalBits?: number;
	/** What each site would say next, site 0 first. */
	layers: { layer: number; name: string; text: string; prob: number }[];
	/** Whether some are loops over depth, read by the coda lens. */
	looped: boolean;
	/** Probes of the class that the token names: their scores at thoughts 1..K, at the last site. A probe is read at thoughts only. */
	probes: ProbeScores[];
}

/** The token that covers `offset` of the prompt's text, from the first arm that was read out there. */
export async function promptToken(lookup: Lookup, offset: number): Promise<PromptToken | undefined> {
	for (const arm of lookup.document.arms) {
		// A character of several tokens: with the last of them the model has read it.
		const position = arm.steps.findLastIndex((step) => step.span && contains(step.span, offset));
		const readout = position < 0 ? undefined : await lookup.readout(arm, [position]);
		if (!readout?.has(position)) {
			continue;
		}
		const { id, span } = arm.steps[position]!;
		const logprob = (await lookup.floats(arm, 'tokens.logprob', [position]))(position)?.[0];
		return {
			span: span!,
			id,
			text: visible(lookup.text(id)),
			...likelihood(logprob),
			layers: lookup.sites.flatMap((layer) =>
				readout
					.ranked(position, layer, 1)
					.map((first) => ({ layer, name: siteName(layer, lookup.document.model.depth), text: visible(lookup.text(first.id)), prob: first.prob })),
			),
			looped: lookup.document.model.depth !== undefined,
			probes: await probesOf(lookup, lookup.text(id)),
		};
	}
	return undefined;
}

async function probesOf(lookup: Lookup, text: string): Promise<ProbeScores[]> {
	const { document, outline, sites } = lookup;
	const named = outline.task?.wordOf(text) ?? text.trim();
	const found = document.probes.map(async ({ name, label, arm: reads }) => {
		const arm = name.includes(':') && classOf(name) === named ? document.arms.find((one) => one.name === reads) : undefined;
		const positions = arm?.thoughts.map((thought) => thought.producedAt) ?? [];
		const scores = arm && (await lookup.floats(arm, probePlane(name), positions));
		return measured(
			name,
			label,
			positions.map((position) => scores?.(position)?.[sites.length - 1] ?? Number.NaN),
		);
	});
	return (await Promise.all(found)).flat();
}

function classOf(probe: string): string {
	return probe.slice(probe.indexOf(':') + 1);
}

/** Nothing where the trace has no probability: the first token, and what has not been computed yet. */
export function likelihood(logprob: number | undefined): { prob?: number; surprisalBits?: number } {
	return logprob === undefined || Number.isNaN(logprob)
		? {}
		: { prob: Math.exp(logprob), surprisalBits: surprisalBits(logprob) };
}

/** A list of one, or of none where nothing was measured. */
export function measured(name: string, label: string, scores: Iterable<number>): ProbeScores[] {
	const all = [...scores];
	return all.some((score) => !Number.isNaN(score)) ? [{ name, label: printable(label), scores: all }] : [];
}
