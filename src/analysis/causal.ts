/** The plan of causal tests: which thoughts are changed, by what, and from which position on anything is computed again. */
import type { Step } from '../trace/document';

export const CAUSAL_TESTS = [
	'ablate-zero',
	'ablate-mean',
	'noise',
	'resample',
	'snap-1',
	'snap-5',
	'mixture',
	'snap-code',
	'redraw',
	'truncate',
	'early-answer',
	'drop-span',
	'patch',
	'interchange',
	'transplant',
	'jitter',
] as const;

export type CausalTest = (typeof CAUSAL_TESTS)[number];

/** Norms of the added noise, in norms of the thought: from what rounding might do to a thought to as much noise as thought. */
const JITTERS = [0.1, 0.25, 0.5, 1] as const;

/** What takes a vector's place. */
export type Replacement =
	| { kind: 'zero' }
	/** Mean over reference prompts at the same index. */
	| { kind: 'mean' }
	/** Gaussian of the norm of what it replaces. */
	| { kind: 'noise' }
	/** Gaussian of `ratio` times the norm, added to what it was. */
	| { kind: 'jitter'; ratio: number }
	/** Another prompt's at the same index: that of reference prompt `draw`, or of the donor of the test. */
	| { kind: 'resample'; draw: number }
	| { kind: 'interchange' }
	| { kind: 'transplant' }
	/** The nearest learnt codes. */
	| { kind: 'code' }
	/** The same thought with other noise. */
	| { kind: 'redraw' }
	/** Input embeddings weighted by the softmax of the lens over its `top` likeliest tokens. */
	| { kind: 'tokens'; top: number; rescaled: boolean };

/** One thing that is fed. */
export type Feed =
	/** The thought that follows from the state at hand, or what replaces it; `patch` changes the residual stream at its position. */
	| { kind: 'think'; thought: number; by?: Replacement; patch?: { site: number; by: Replacement } }
	/** Thoughts as they were in the unchanged run. */
	| { kind: 'keep'; thoughts: number[] }
	| { kind: 'tokens'; ids: number[] };

/** What became of the thoughts after the changed one; of several changed ones, after each. `none` where there are none. */
export type Later = 'recomputed' | 'frozen' | 'none';

export interface Variant {
	test: CausalTest;
	/** What tells apart the variants of one test: `raw` and `rescaled` snaps, what a patch puts in, how much noise, which draw. */
	form?: string;
	/** Thought or sentence that is changed, 0-based; of `truncate` and `early-answer` how many are left. */
	step: number | 'all';
	/** Of a patch: 0..layers. */
	site?: number;
	later: Later;
	/** Of `truncate`: whether the model was trained with this many thoughts. */
	trained?: boolean;
	/** Positions of the unchanged run whose cache is shared. */
	prefix: number;
	/** Fed after them; then the answer is decoded. */
	feeds: Feed[];
}

/** An unchanged run, up to its answer. */
export interface CleanRun {
	/** Positions before the arm's own. */
	prompt: number;
	/** Its own positions, without the answer's. */
	steps: readonly Step[];
	/** Positions of each written sentence of thought, as indices into `steps`. */
	sentences: readonly (readonly number[])[];
	trainedLatents: number;
	layers: number;
	vocabulary: number;
}

interface Form {
	form?: string;
	by: Replacement;
}

/** Tests that change a thought's vector; `draws`: how many reference prompts are resampled from, one after the other. */
const REPLACEMENTS: Partial<Record<CausalTest, (vocabulary: number, draws: number) => Form[]>> = {
	'ablate-zero': () => [{ by: { kind: 'zero' } }],
	'ablate-mean': () => [{ by: { kind: 'mean' } }],
	noise: () => [{ by: { kind: 'noise' } }],
	resample: (_, draws) => (draws === 1 ? [{ by: { kind: 'resample', draw: 0 } }] : resamples(draws)),
	'snap-1': () => tokens(1),
	'snap-5': () => tokens(5),
	mixture: (vocabulary) => tokens(vocabulary),
	'snap-code': () => [{ by: { kind: 'code' } }],
	redraw: () => [{ by: { kind: 'redraw' } }],
	interchange: () => [{ by: { kind: 'interchange' } }],
	transplant: () => [{ by: { kind: 'transplant' } }],
	jitter: () => JITTERS.map((ratio) => ({ form: `${ratio}`, by: { kind: 'jitter', ratio } })),
};

const PATCHES: readonly { form: string; by: Replacement }[] = [
	{ form: 'zero', by: { kind: 'zero' } },
	{ form: 'mean', by: { kind: 'mean' } },
	{ form: 'resample', by: { kind: 'resample', draw: 0 } },
];

function resamples(draws: number): Form[] {
	return Array.from({ length: draws }, (_, draw) => ({ form: `${draw + 1}`, by: { kind: 'resample', draw } }));
}

function tokens(top: number): Form[] {
	return [false, true].map((rescaled) => ({ form: rescaled ? 'rescaled' : 'raw', by: { kind: 'tokens', top, rescaled } }));
}

/** Tests whose thoughts come from one other prompt, so that its answer may follow them. */
export function hasDonor(test: CausalTest): test is 'interchange' | 'transplant' {
	return test === 'interchange' || test === 'transplant';
}

/** Tests that need something of other prompts. */
export function needsReference(test: CausalTest): boolean {
	return test === 'ablate-mean' || test === 'resample' || test === 'patch';
}

/** Tests of written thoughts; the others are of latent ones. */
export function isWritten(test: CausalTest): boolean {
	return test === 'early-answer' || test === 'drop-span';
}

/**
 * Every variant of the tests on a run. `each`: of single thoughts, with the later ones recomputed and frozen, and of all at once;
 * `whole`: only what changes the thoughts as a whole, which can be compared between prompts. `singles`: the thoughts that are changed
 * one by one, and after which the others are left out; all where absent.
 */
export function planVariants(
	run: CleanRun,
	tests: readonly CausalTest[],
	scope: 'each' | 'whole',
	draws = 1,
	singles?: readonly number[],
): Variant[] {
	const chosen = singles && new Set(singles);
	const isChosen = (thought: number) => chosen?.has(thought) ?? true;
	return tests.flatMap((test) => {
		switch (test) {
			case 'truncate':
				return truncations(run, isChosen);
			case 'early-answer':
				return scope === 'whole' ? [] : earlyAnswers(run);
			case 'drop-span':
				return scope === 'whole' ? [] : droppedSpans(run);
			case 'patch':
				return scope === 'whole' ? [] : patches(run, isChosen);
			default:
				return REPLACEMENTS[test]!(run.vocabulary, draws).flatMap(({ form, by }) =>
					replacements(run, by, scope, isChosen).map((variant): Variant => ({ test, form, ...variant })),
				);
		}
	});
}

type Replaced = Pick<Variant, 'step' | 'later' | 'prefix' | 'feeds'>;

type IsChosen = (thought: number) => boolean;

function replacements(run: CleanRun, by: Replacement, scope: 'each' | 'whole', isChosen: IsChosen): Replaced[] {
	const at = latents(run);
	if (at.length === 0) {
		return [];
	}
	const all: Replaced = {
		step: 'all',
		later: 'none',
		prefix: run.prompt + at[0]!,
		feeds: fed(run.steps.slice(at[0]), (thought) => ({ kind: 'think', thought, by })),
	};
	const single = (first: number, step: number): Replaced[] =>
		(isChosen(step) ? laters(at, step) : []).map((later) => ({
			step,
			later,
			prefix: run.prompt + first,
			feeds: fed(run.steps.slice(first), (thought) =>
				thought === step
					? { kind: 'think', thought, by }
					: later === 'frozen'
						? { kind: 'keep', thoughts: [thought] }
						: { kind: 'think', thought },
			),
		}));
	return scope === 'whole' ? [all] : [...at.flatMap(single), all];
}

function patches(run: CleanRun, isChosen: IsChosen): Variant[] {
	const at = latents(run);
	const places = at.flatMap((first, step) => (isChosen(step) ? [{ first, step }] : []));
	const sites = Array.from({ length: run.layers + 1 }, (_, site) => site);
	return PATCHES.flatMap(({ form, by }) =>
		sites.flatMap((site) =>
			places.map(({ first, step }): Variant => ({
				test: 'patch',
				form,
				step,
				site,
				later: laters(at, step)[0]!,
				prefix: run.prompt + first,
				feeds: fed(run.steps.slice(first), (thought) =>
					thought === step
						? { kind: 'think', thought, patch: { site, by } }
						: { kind: 'think', thought },
				),
			})),
		),
	);
}

function truncations(run: CleanRun, isChosen: IsChosen): Variant[] {
	const at = latents(run);
	const end = (at.at(-1) ?? -1) + 1;
	return at.length === 0
		? []
		: [...at, end].flatMap((first, count) =>
				count === at.length || isChosen(count)
					? [
							{
								test: 'truncate',
								step: count,
								later: 'none',
								trained: count === run.trainedLatents,
								prefix: run.prompt + first,
								feeds: fed(run.steps.slice(first).filter(({ kind }) => kind !== 'latent')),
							},
						]
					: [],
			);
}

function earlyAnswers({ prompt, steps, sentences }: CleanRun): Variant[] {
	const ending = fed(steps.slice((sentences.at(-1)?.at(-1) ?? -1) + 1));
	return sentences.map(([first], step) => ({
		test: 'early-answer',
		step,
		later: 'none',
		prefix: prompt + first!,
		feeds: ending,
	}));
}

function droppedSpans({ prompt, steps, sentences }: CleanRun): Variant[] {
	return sentences.map((positions, step) => ({
		test: 'drop-span',
		step,
		later: step === sentences.length - 1 ? 'none' : 'frozen',
		prefix: prompt + positions[0]!,
		feeds: fed(steps.slice(positions.at(-1)! + 1)),
	}));
}

function laters(at: readonly number[], step: number): Later[] {
	return step === at.length - 1 ? ['none'] : ['recomputed', 'frozen'];
}

/** Where the thoughts were fed, as indices into the steps. */
function latents({ steps }: CleanRun): number[] {
	return steps.flatMap(({ kind }, i) => (kind === 'latent' ? [i] : []));
}

/** Tokens that follow each other are fed together, and so are thoughts that are kept. */
function fed(steps: readonly Step[], think: (thought: number) => Feed = (thought) => ({ kind: 'think', thought })): Feed[] {
	const feeds: Feed[] = [];
	for (const { kind, id, thought } of steps) {
		const before = feeds.at(-1);
		if (kind === 'latent') {
			const next = think(thought!);
			if (next.kind === 'keep' && before?.kind === 'keep') {
				before.thoughts.push(...next.thoughts);
			} else {
				feeds.push(next);
			}
		} else if (before?.kind === 'tokens') {
			before.ids.push(id);
		} else {
			feeds.push({ kind: 'tokens', ids: [id] });
		}
	}
	return feeds;
}
