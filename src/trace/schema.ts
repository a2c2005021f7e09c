/** The shape of `trace.json`. Every list and text is bounded: a trace may come from anybody. */
import * as v from 'valibot';
import type { TraceDocument } from './document';
import { evidenceSchema } from './evidenceSchema';

/** A long context has a million positions. */
export const MAX_STEPS = 1_000_000;
const MAX_THOUGHTS = 100_000;
/** The largest vocabularies have 260 000 tokens. */
export const MAX_TOKENS = 500_000;
/** A class probe has one record for each class that occurs in the prompt. */
const MAX_PROBES = 4_000;
export const MAX_METRICS = 100_000;
const MAX_ARMS = 64;
export const MAX_NOTES = 1_000;
/** Of an imported sample: one for each scorer and metric. */
export const MAX_SCORES = 1_000;
/** Longer than any sentence, so that a wordy one does not cost a trace. */
export const MAX_NOTE = 20_000;
/** A million tokens of prompt. */
export const MAX_TEXT = 8_000_000;
/** Names, hashes, labels, reasons. */
export const MAX_LINE = 2_000;
const MAX_WIDTH = 1_000_000;
/** The limits of a file of codes. */
const MAX_CODES = 10_000;
const MAX_CODE_PARTS = 64;
/** Any more tops do not fit a row. */
const MAX_TOP = 1_000;

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const line = v.pipe(v.string(), v.maxLength(MAX_LINE));
const text = v.pipe(v.string(), v.maxLength(MAX_TEXT));
/** Names become parts of tensor names, where `/` separates them. */
const armName = v.pipe(v.string(), v.regex(/^[^/\p{Cc}]{1,64}$/u));
const range = v.pipe(
	v.object({ start: count, end: count }),
	v.check(({ start, end }) => start <= end, 'it ends before it starts'),
);
const list = <T extends v.GenericSchema>(item: T, limit: number) => v.pipe(v.array(item), v.maxLength(limit));

const prompt = v.object({
	name: line,
	format: line,
	text,
	sha256: line,
	pieces: list(v.object({ text: range, file: range }), MAX_STEPS),
});

const model = v.object({
	id: line,
	name: line,
	sha256: line,
	tokenizerSha256: line,
	layers: v.pipe(count, v.maxValue(10_000)),
	width: v.pipe(count, v.maxValue(MAX_WIDTH)),
	vocabulary: count,
	quantisation: line,
	trainedLatents: count,
	recipe: v.unknown(),
	depth: v.optional(v.object({ prelude: count, loops: count, coda: count })),
	codes: v.optional(
		list(
			v.object({
				name: v.pipe(line, v.nonEmpty()),
				from: count,
				to: count,
				classes: list(line, MAX_CODES),
				state: v.picklist(['discrete', 'continuous']),
			}),
			MAX_CODE_PARTS,
		),
	),
});

const options = v.object({
	latents: v.optional(count),
	loops: v.optional(count),
	seed: v.number(),
	temperature: v.number(),
	noise: v.optional(v.number()),
	maxTokens: v.optional(count),
	topK: v.pipe(count, v.maxValue(MAX_TOP)),
});

const step = v.object({
	kind: v.picklist(['prompt', 'token', 'latent', 'answer']),
	id: v.pipe(v.number(), v.integer(), v.minValue(-1)),
	forced: v.optional(v.literal(true)),
	span: v.optional(range),
	thought: v.optional(count),
	halted: v.optional(v.object({ rule: v.picklist(['difference', 'kl', 'entropy', 'gate']), loop: v.pipe(count, v.minValue(1)) })),
	part: v.optional(v.picklist(['summary', 'redacted', 'call', 'markup'])),
});

const origin = v.object({
	format: line,
	file: line,
	sample: line,
	producer: v.optional(line),
	reasoning: v.picklist(['full', 'summary', 'redacted', 'none']),
	steps: v.picklist(['tokens', 'sentences']),
	target: v.optional(text),
	reference: v.optional(text),
	scores: list(v.object({ name: line, value: line }), MAX_SCORES),
	sampling: v.object({
		temperature: v.optional(v.number()),
		topP: v.optional(v.number()),
		seed: v.optional(v.number()),
		maxTokens: v.optional(v.number()),
	}),
	normed: v.optional(v.literal(true)),
});

const thought = v.object({ index: count, producedAt: count, fedAt: count, spare: v.optional(line), gate: v.optional(v.number()), readout: v.optional(line) });

const stopped = v.object({ rule: v.picklist(['token', 'entropy', 'difference', 'kl', 'gate', 'limit']), at: count });

const arm = v.object({
	name: armName,
	state: v.picklist(['running', 'done', 'limit', 'cancelled']),
	steps: list(step, MAX_STEPS),
	thoughts: list(thought, MAX_THOUGHTS),
	text,
	answer: v.optional(text),
	feedback: v.optional(line),
	latentWidth: v.optional(v.pipe(count, v.minValue(1), v.maxValue(MAX_WIDTH))),
	stopped: v.optional(stopped),
	milliseconds: v.number(),
});

const interval = v.tuple([v.number(), v.number()]);
/** Also of a probe file's `metrics`. */
export const metricSchema = v.object({
	step: count,
	layer: count,
	auroc: v.number(),
	ci: interval,
	shuffled: v.number(),
	random: v.number(),
	control: v.optional(v.number()),
	selectivity: v.optional(v.number()),
	selectivityCi: v.optional(interval),
	ece: v.optional(v.number()),
	recallAt1Fpr: v.optional(v.number()),
	recallCi: v.optional(interval),
	n: v.optional(count),
});
const probe = v.object({
	name: v.pipe(line, v.nonEmpty()),
	label: line,
	arm: armName,
	at: v.optional(v.picklist(['thoughts', 'tokens'])),
	sha256: line,
	metrics: list(metricSchema, MAX_METRICS),
});

const token = v.object({
	id: count,
	text: v.pipe(v.string(), v.maxLength(MAX_LINE)),
	bytes: v.optional(v.pipe(v.string(), v.maxLength(MAX_LINE), v.regex(/^(?:[0-9a-f]{2})+$/))),
});

const document = v.object({
	version: count,
	producer: line,
	created: line,
	prompt,
	model,
	options,
	runtime: v.object({ engine: line, platform: line }),
	arms: list(arm, MAX_ARMS),
	probes: list(probe, MAX_PROBES),
	origin: v.optional(origin),
	evidence: v.optional(evidenceSchema),
	tokens: list(token, MAX_TOKENS),
	notes: list(v.pipe(v.string(), v.maxLength(MAX_NOTE)), MAX_NOTES),
});

/**
 * Where something is wrong, and what was expected there. Never what was received: that is somebody else's text, of any length.
 */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
	return `${v.getDotPath(issue) ?? 'the whole'}: ${issue.expected ? `expected ${issue.expected}` : issue.message}`;
}

/** The document, or the first thing that is wrong with it. */
export function parseDocument(input: unknown): { ok: true; document: TraceDocument } | { ok: false; wrong: string } {
	const result = v.safeParse(document, input, { abortEarly: true });
	return result.success ? { ok: true, document: result.output } : { ok: false, wrong: describeIssue(result.issues[0]) };
}
