/** The shape of a document's `evidence`. Every list and text is bounded: a trace may come from anybody. */
import * as v from 'valibot';

/** A sweep over 1 000 thoughts at 33 sites with three patches. */
const MAX_TESTS = 200_000;
const MAX_THOUGHTS = 100_000;
/** More entities than a prompt names. */
const MAX_CANDIDATES = 1_000;
const MAX_ARMS = 64;
const MAX_LINE = 2_000;
/** An answer may be a text. */
const MAX_ANSWER = 100_000;

/** JSON's 1e999 is Infinity, which is nothing that was measured. */
const number = v.pipe(v.number(), v.finite());
const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
const line = v.pipe(v.string(), v.maxLength(MAX_LINE));
const answer = v.optional(v.pipe(v.string(), v.maxLength(MAX_ANSWER)));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const list = <T extends v.GenericSchema>(item: T, limit: number) => v.pipe(v.array(item), v.maxLength(limit));
const model = { id: line, sha256: line };
const among = v.object({ n: count, of: count });

const estimateEntries = { value: number, ci: v.strictTuple([number, number]), n: count };
const estimate = v.object(estimateEntries);

const test = v.object({
	arm: line,
	test: line,
	form: v.optional(line),
	step: v.union([count, v.literal('all')]),
	site: v.optional(count),
	later: v.picklist(['recomputed', 'frozen', 'none']),
	trained: v.optional(v.boolean()),
	answer,
	changed: v.boolean(),
	follows: v.optional(v.boolean()),
	deltaLogOdds: v.nullable(number),
	kl: v.nullable(number),
	by: line,
	draws: v.optional(estimate),
	control: v.optional(
		v.object({
			answer,
			changed: v.boolean(),
			deltaLogOdds: v.nullable(number),
			kl: v.nullable(number),
			draws: v.optional(estimate),
		}),
	),
});

const singles = v.object({ arm: line, of: count, thoughts: list(count, MAX_THOUGHTS), cohort: list(count, MAX_THOUGHTS) });

const ood = v.object({
	arm: line,
	feedback: line,
	site: v.picklist(['normed', 'resid']),
	neighbour: count,
	tokens: among,
	text: among,
});

const reading = v.object({
	arm: line,
	thought: count,
	candidates: list(
		v.object({
			label: line,
			group: v.picklist(['path', 'frontier', 'earlier', 'later', 'unreachable', 'candidate']),
			mass: share,
			rank: v.pipe(count, v.minValue(1)),
		}),
		MAX_CANDIDATES,
	),
	live: share,
	shuffled: v.optional(v.object({ ...estimateEntries, p: share })),
	twin: v.optional(share),
	random: v.optional(share),
});

const claim = v.object({
	arm: line,
	thought: count,
	claim: line,
	level: v.picklist([0, 1, 2, 3, 4]),
	rungs: list(
		v.object({
			level: v.picklist([1, 2, 3, 4]),
			state: v.picklist(['reached', 'not reached', 'not measured']),
			why: line,
		}),
		4,
	),
});

const klAndChanged = v.object({ kl: estimate, changed: estimate });
const noise = list(v.object({ ratio: number, unchanged: estimate }), 100);
const cohort = v.object({
	role: v.picklist(['model', 'twin', 'random weights']),
	model: v.object(model),
	arm: line,
	prompts: count,
	thoughts: list(
		v.object({
			thought: count,
			live: v.optional(estimate),
			shuffled: v.optional(estimate),
			resample: v.optional(estimate),
			resampleChanged: v.optional(estimate),
			snapKl: v.optional(estimate),
			snapChanged: v.optional(estimate),
			dimension: number,
			bits: v.optional(number),
		}),
		MAX_THOUGHTS,
	),
	snap: v.optional(klAndChanged),
	noise,
});

const meter = v.object({
	arm: line,
	distance: v.optional(v.object({ tokens: number, text: number, twinTokens: v.optional(number) })),
	effect: v.optional(
		v.object({ kl: number, changed: v.boolean(), cohort: v.optional(klAndChanged), twin: v.optional(klAndChanged) }),
	),
	capacity: v.optional(
		v.object({
			dimension: number,
			width: count,
			bits: v.optional(number),
			noise: v.optional(number),
			twinBits: v.optional(number),
			unchanged: noise,
		}),
	),
});

const legibility = v.object({
	arm: line,
	tokens: count,
	reference: v.optional(v.object({ ...model, surprisalBits: number })),
	base: v.optional(v.object({ ...model, kl: number })),
	repetition: v.optional(share),
	repeatedSentences: v.optional(v.object({ repeated: count, sentences: count })),
	rareWords: v.optional(v.object({ share, words: count, of: count })),
	legalSteps: v.optional(v.object({ legal: count, steps: count })),
});

/** Also of the cache's files. */
export const cohortSchema = cohort;

export const evidenceSchema = v.object({
	reference: v.object({ name: line, sha256: line, prompts: count }),
	twin: v.optional(v.object(model)),
	seed: number,
	tests: list(test, MAX_TESTS),
	singles: v.optional(list(singles, MAX_ARMS)),
	ood: list(ood, MAX_ARMS),
	readings: list(reading, MAX_THOUGHTS),
	claims: list(claim, MAX_THOUGHTS),
	meter: list(meter, MAX_ARMS),
	legibility: list(legibility, MAX_ARMS),
	cohorts: list(cohort, MAX_ARMS),
	skipped: list(line, 1_000),
});
