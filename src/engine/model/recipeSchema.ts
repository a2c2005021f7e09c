/** The recipe of a manifest: arms of segments, and how each latent segment thinks (models/README.md). */
import * as v from 'valibot';
import { MAX_LOOPS } from '../../shared/sites';
import { kebab, line, names, positive, whole } from './fields';

/** Grammar of recipes. 1 had `count` and `feedback` of a latent segment only, 2 no `depth`. */
export const RECIPE_VERSION = 3;
/** From which latent segments have more. */
const SEGMENTS_VERSION = 2;

const MAX_ARMS = 16;
const MAX_SEGMENTS = 64;
/** Patterns for answers are short; long ones are only slow. */
const MAX_PATTERN = 200;
/** A mixture of more tokens differs from the whole distribution's in nothing that can be seen. */
const MAX_MIXTURE = 1_000;
/** A thought for each position of the longest contexts that run here. */
const MAX_DUMMIES = 100_000;
const MAX_RULES = 8;
/** Steps and components of a denoiser's noise, and whatever a later one adds. */
const MAX_NOISE_AXES = 4;
/** Numbers that a thought's noise may have: more is no longer small beside the model. */
export const MAX_NOISE = 1 << 20;
/** What a step count, a temperature or a scale may be at most; beyond it float32 has nothing left. */
const MAX_FACTOR = 1e6;

const factor = v.pipe(v.number(), v.finite(), v.minValue(0), v.maxValue(MAX_FACTOR));
const above0 = v.pipe(factor, v.check((value) => value > 0, 'expected a number above 0'));
const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1));

/** Unknown fields are refused inside a latent segment: a misspelt rule would never stop anything. */
const feedback = v.variant('site', [
	v.strictObject({ site: v.literal('normed') }),
	v.strictObject({ site: v.literal('resid') }),
	v.strictObject({ site: v.literal('token'), token: line }),
	v.strictObject({ site: v.literal('tokens'), tokens: names(MAX_DUMMIES) }),
	v.pipe(
		v.strictObject({
			site: v.literal('mixture'),
			top: whole(1, MAX_MIXTURE),
			temperature: v.optional(above0),
			gumbel: v.optional(v.strictObject({ scale: factor })),
			dirichlet: v.optional(v.strictObject({ concentration: above0 })),
		}),
		v.forward(v.check(({ gumbel, dirichlet }) => !gumbel || !dirichlet, 'expected gumbel or dirichlet, not both'), ['dirichlet']),
	),
]);
const noise = v.pipe(
	v.strictObject({
		/** Extents after the rows; the first one counts the denoiser's steps where there are several. */
		shape: v.pipe(v.array(positive), v.minLength(1), v.maxLength(MAX_NOISE_AXES)),
		distribution: v.optional(v.picklist(['normal', 'uniform'])),
		scale: v.optional(factor),
		/** A factor for each row of the first axis. */
		schedule: v.optional(v.array(factor)),
	}),
	v.forward(
		v.check(({ shape }) => shape.reduce((a, b) => a * b, 1) <= MAX_NOISE, `expected at most ${MAX_NOISE} numbers a thought`),
		['shape'],
	),
	v.forward(
		v.check(({ shape, schedule }) => !schedule || schedule.length === shape[0], 'expected one factor for each row of the first axis'),
		['schedule'],
	),
);
const entropyRule = v.strictObject({ rule: v.literal('entropy'), below: above0, for: v.optional(positive) });
const differenceRule = v.strictObject({ rule: v.literal('difference'), below: above0 });
const klRule = v.strictObject({ rule: v.literal('kl'), below: above0 });
const rule = v.variant('rule', [
	v.strictObject({ rule: v.literal('token'), tokens: names(64) }),
	entropyRule,
	differenceRule,
	klRule,
	v.strictObject({ rule: v.literal('gate'), above: share }),
]);
/** A loop over depth: how often the core block is run at each position, from which state, and when a position halts. */
const depth = v.strictObject({
	/** Loops; at most so many where there is `stop`. */
	count: whole(1, MAX_LOOPS),
	/** What the state is before the first loop: `input` is the prelude's output, `truncated` a normal cut at three standard deviations. */
	state: v.strictObject({ start: v.picklist(['zero', 'input', 'normal', 'truncated']), scale: v.optional(factor) }),
	stop: v.optional(
		v.pipe(
			v.array(
				v.variant('rule', [
					entropyRule,
					differenceRule,
					klRule,
					/** `cumulative`: of the probability that it has halted by now, with the gate as that of halting now. */
					v.strictObject({ rule: v.literal('gate'), above: share, cumulative: v.optional(v.boolean()) }),
				]),
			),
			v.minLength(1),
			v.maxLength(MAX_RULES),
		),
	),
	/** Loops before a rule is asked. */
	least: v.optional(whole(1, MAX_LOOPS)),
	/** What loop i of a position sees of those before it: their own loop i, or their last one. */
	keys: v.optional(v.picklist(['own', 'last'])),
});
const latent = v.strictObject({
	kind: v.literal('latent'),
	count: positive,
	feedback,
	/** `identity`, or the name of a graph in `files`; see `throughOf`. */
	through: v.optional(kebab),
	noise: v.optional(noise),
	state: v.optional(v.strictObject({ start: v.picklist(['zero', 'normal']), scale: v.optional(factor) })),
	stop: v.optional(v.pipe(v.array(rule), v.minLength(1), v.maxLength(MAX_RULES))),
	decode: v.optional(v.pipe(v.array(v.picklist(['resid', 'latent'])), v.minLength(1), v.maxLength(2))),
});
const segment = v.variant('kind', [
	v.object({ kind: v.literal('prompt') }),
	v.object({ kind: v.literal('tokens'), tokens: names(256) }),
	v.object({
		kind: v.literal('decode'),
		role: v.picklist(['thought', 'answer']),
		stop: v.pipe(v.array(line), v.maxLength(64)),
		limit: positive,
		/** Absent: what does not stop within the limit is cut, and so is the arm. */
		atLimit: v.optional(v.literal('go-on')),
	}),
	latent,
]);
const segments = v.pipe(
	v.array(segment),
	v.minLength(1),
	v.maxLength(MAX_SEGMENTS),
	v.check(
		(list) =>
			list.filter(({ kind }) => kind === 'prompt').length === 1 && (list[0]?.kind === 'prompt' || list[0]?.kind === 'tokens'),
		'expected one prompt, before what is decoded',
	),
	v.check(
		(list) =>
			list
				.slice(
					0,
					list.findIndex(({ kind }) => kind === 'prompt'),
				)
				.every(({ kind }) => kind === 'tokens'),
		'expected only tokens before the prompt',
	),
);

export type RecipeSegment = v.InferOutput<typeof segment>;
export type LatentSegment = v.InferOutput<typeof latent>;
export type Depth = v.InferOutput<typeof depth>;
/** Arms may share a model's weights and not its thought graph. */
type Arms = Readonly<Record<string, readonly RecipeSegment[]>>;

export const recipe = v.pipe(
	v.object({
		version: v.optional(v.picklist([1, SEGMENTS_VERSION, RECIPE_VERSION], `expected a version up to ${RECIPE_VERSION}; update Neuralese Inspector for a later one`)),
		trainedLatents: whole(0),
		depth: v.optional(depth),
		answer: v.optional(v.pipe(v.string(), v.maxLength(MAX_PATTERN), v.check(isPattern, 'expected a regular expression'))),
		arms: v.pipe(
			v.record(kebab, segments),
			v.check((arms) => Object.keys(arms).length >= 1 && Object.keys(arms).length <= MAX_ARMS, `expected 1 to ${MAX_ARMS} arms`),
		),
	}),
	v.forward(
		v.check(
			({ version = 1, arms }) => version >= SEGMENTS_VERSION || latentsOf(arms).every(({ segment: one }) => !isLater(one)),
			`expected ${SEGMENTS_VERSION}, because a latent segment has more than a count and a state that is fed back`,
		),
		['version'],
	),
	v.forward(
		v.check(({ version = 1, depth: loops }) => version === RECIPE_VERSION || !loops, `expected ${RECIPE_VERSION}, because the recipe loops over depth`),
		['version'],
	),
);

/** Latent segments with their place in the recipe, for errors. */
export function latentsOf(arms: Arms): { arm: string; segment: LatentSegment; at: number }[] {
	return Object.entries(arms).flatMap(([arm, list]) =>
		list.flatMap((one, at) => (one.kind === 'latent' ? [{ arm, segment: one, at }] : [])),
	);
}

/** Whether it says what version 1 could not. */
function isLater({ kind: _, count: __, feedback: { site, ...more }, ...rest }: LatentSegment): boolean {
	const known = site === 'token' ? ['token'] : site === 'mixture' ? ['top'] : [];
	return site === 'tokens' || Object.keys(more).some((key) => !known.includes(key)) || Object.keys(rest).length > 0;
}

/**
 * Name of the graph that a latent segment's state goes through, undefined for none: what it names, else the folder's `thought` where a
 * state is fed back.
 */
export function throughOf({ through, feedback: { site } }: Pick<LatentSegment, 'through'> & { feedback: { site: string } }, hasThought: boolean): string | undefined {
	const given = through ?? (hasThought && (site === 'normed' || site === 'resid') ? 'thought' : undefined);
	return given === 'identity' ? undefined : given;
}

function isPattern(source: string): boolean {
	try {
		new RegExp(source, 'u');
		return true;
	} catch {
		return false;
	}
}
