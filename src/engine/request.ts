/** What a caller may ask for. Checked in the child too: a caller of another version may send anything. */
import * as v from 'valibot';
import { CAUSAL_TESTS } from '../analysis/causal';
import { PROBE_TASK_NAMES } from '../analysis/labels';
import { probeName } from '../analysis/probe';
import { MEMORY_MODES, PROVIDERS } from '../shared/execution';
import { EngineError } from './error';

const MAX_PROMPT = 8_000_000;
const MAX_PROMPTS = 1_000_000;
/** Of one conversation. */
const MAX_MESSAGES = 10_000;
/** The trace format's limit. */
const MAX_TOP_K = 1_000;
const MAX_COUNT = 1_000_000;
/** The trace format's limits, less the engine's own notes. */
const MAX_NOTE = 2_000;
const MAX_NOTES = 900;
const MAX_SEED = 2 ** 32 - 1;
/** Above it every distribution is flat. */
const MAX_TEMPERATURE = 100;
/** Thoughts of so much noise are noise. */
const MAX_NOISE_SCALE = 1_000;
/** Of the user's: more would not be looked at. */
const MAX_PROBES = 64;

const whole = (low: number, high: number) => v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));
const text = v.pipe(v.string(), v.maxLength(MAX_PROMPT));
const path = v.pipe(v.string(), v.nonEmpty(), v.maxLength(10_000));
const range = v.object({ start: whole(0, MAX_PROMPT * 2), end: whole(0, MAX_PROMPT * 2) });
const options = v.object({
	latents: v.optional(whole(0, MAX_COUNT)),
	loops: v.optional(whole(1, MAX_COUNT)),
	seed: whole(0, MAX_SEED),
	temperature: v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_TEMPERATURE)),
	noise: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_NOISE_SCALE))),
	maxTokens: v.optional(whole(1, MAX_COUNT)),
	topK: whole(1, MAX_TOP_K),
});
const arms = v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(64))), v.minLength(1), v.maxLength(64)));
const prompt = v.object({
	name: v.pipe(v.string(), v.maxLength(1_000)),
	format: v.pipe(v.string(), v.maxLength(100)),
	text,
	pieces: v.array(v.object({ text: range, file: range })),
});

export const configureRequest = v.object({
	execution: v.object({ provider: v.picklist(PROVIDERS), memory: v.picklist(MEMORY_MODES) }),
	barred: v.pipe(
		v.array(v.object({ name: v.picklist(PROVIDERS), why: v.pipe(v.string(), v.maxLength(MAX_NOTE)) })),
		v.maxLength(PROVIDERS.length),
	),
});
export const loadRequest = v.object({ model: path });
const message = v.object({
	role: v.picklist(['system', 'user', 'assistant']),
	text,
	pieces: v.array(v.object({ text: range, file: range })),
});
export const renderRequest = v.object({
	model: path,
	conversations: v.pipe(v.array(v.pipe(v.array(message), v.minLength(1), v.maxLength(MAX_MESSAGES))), v.maxLength(MAX_PROMPTS)),
});
/** The manifest's limit on a line, and room for what else stands on it. */
const fact = v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(300)));
export const goldsRequest = v.object({ model: path, texts: v.pipe(v.array(text), v.maxLength(MAX_PROMPTS)) });
export const addRequest = v.object({ source: path, tokenizer: v.optional(path), out: v.optional(path), license: fact, origin: fact });
export const checkRequest = v.object({ model: path, reference: v.optional(path) });
const notes = v.optional(v.pipe(v.array(v.pipe(v.string(), v.maxLength(MAX_NOTE))), v.maxLength(MAX_NOTES)));
const reference = v.optional(
	v.object({
		name: v.pipe(v.string(), v.maxLength(1_000)),
		prompts: v.pipe(v.array(text), v.minLength(1), v.maxLength(MAX_PROMPTS)),
	}),
);
const thoughts = v.optional(v.literal('all'));
const evidence = v.object({
	reference,
	twin: v.optional(path),
	base: v.optional(path),
	referenceModel: v.optional(path),
	candidates: v.optional(v.pipe(v.array(v.pipe(v.string(), v.nonEmpty(), v.maxLength(200))), v.maxLength(200))),
	thoughts,
	cache: v.optional(path),
});
export const analyzeRequest = v.object({
	model: path,
	prompt,
	arms,
	options,
	notes,
	out: v.optional(path),
	evidence: v.optional(evidence),
	probes: v.optional(v.pipe(v.array(path), v.maxLength(MAX_PROBES))),
	strictProbes: v.optional(v.boolean()),
});
const first = v.optional(whole(0, MAX_PROMPTS));
export const evaluateRequest = v.object({
	model: path,
	prompts: v.pipe(v.array(text), v.maxLength(MAX_PROMPTS)),
	first,
	arms,
	options,
});
export const oodRequest = v.object({
	model: path,
	prompt: text,
	arms,
	options,
	reference,
});
export const legibilityRequest = v.object({
	model: path,
	prompts: v.pipe(v.array(text), v.maxLength(MAX_PROMPTS)),
	arms,
	options,
	base: v.optional(path),
	referenceModel: v.optional(path),
});
const namedPrompt = v.object({ name: v.pipe(v.string(), v.maxLength(1_000)), text });
export const causalRequest = v.object({
	model: path,
	prompts: v.pipe(v.array(text), v.maxLength(MAX_PROMPTS)),
	first,
	arms,
	options: v.pick(options, ['latents', 'loops', 'seed', 'noise', 'maxTokens']),
	tests: v.pipe(v.array(v.picklist(CAUSAL_TESTS)), v.minLength(1)),
	scope: v.picklist(['each', 'whole']),
	reference: v.pipe(v.array(namedPrompt), v.maxLength(MAX_PROMPTS)),
	donor: v.optional(namedPrompt),
	resamples: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MAX_PROMPTS))),
	thoughts,
});

const states = {
	model: path,
	arm: v.optional(v.pipe(v.string(), v.maxLength(64))),
	at: v.picklist(['thoughts', 'tokens']),
	sites: v.optional(v.pipe(v.array(whole(0, MAX_COUNT)), v.minLength(1), v.maxLength(MAX_COUNT))),
	options: v.omit(options, ['topK']),
};
const label = v.union([v.literal(0), v.literal(1), v.pipe(v.string(), v.maxLength(1_000))]);
const examples = v.optional(
	v.pipe(
		v.array(
			v.object({
				prompt: text,
				group: text,
				label: v.optional(label),
				step: v.optional(whole(0, MAX_COUNT)),
				labels: v.optional(v.pipe(v.array(v.nullable(label)), v.maxLength(MAX_COUNT))),
				line: whole(0, Number.MAX_SAFE_INTEGER),
			}),
		),
		v.minLength(1),
		v.maxLength(MAX_PROMPTS),
	),
);
const task = v.optional(v.picklist(PROBE_TASK_NAMES));
export const featuresRequest = v.object({ ...states, prompts: v.pipe(v.array(text), v.maxLength(MAX_PROMPTS)) });
export const trainProbeRequest = v.object({
	...states,
	examples,
	task,
	source: v.pipe(v.string(), v.maxLength(1_000)),
	name: probeName,
	label: v.optional(v.pipe(v.string(), v.nonEmpty(), v.maxLength(2_000))),
	out: path,
});
export const evaluateProbeRequest = v.object({ model: path, probe: path, examples, task, options: states.options });

/** Fails with one sentence that names the field. */
export function checked<Schema extends v.GenericSchema>(schema: Schema, value: unknown): v.InferOutput<Schema> {
	const result = v.safeParse(schema, value, { abortEarly: true });
	if (!result.success) {
		const [issue] = result.issues;
		throw new EngineError(
			`The request's ${v.getDotPath(issue) ?? 'content'} is wrong (${issue.message.slice(0, 200)}): correct it.`,
			'bad-request',
		);
	}
	return result.output;
}
