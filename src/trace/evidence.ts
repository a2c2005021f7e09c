/**
 * What tests and controls found about the thoughts of a run. Numbers for each thought are planes as well (`ood.*`,
 * `causal.*.effect`); here stands what they mean, and what has no place on a grid.
 */

/** A mean or share with its 95 % interval: bootstrap over prompts of a mean, Wilson's of a share. */
export interface Estimate {
	value: number;
	ci: [number, number];
	/** Prompts, or draws, that it is over. */
	n: number;
}

/** What a change did to the answer of one run. */
export interface CausalRecord {
	arm: string;
	/** A `CausalTest`. */
	test: string;
	/** What tells apart the variants of one test: `raw` and `rescaled` snaps, what a patch puts in. */
	form?: string;
	/** Thought or sentence that is changed, 0-based; of `truncate` and `early-answer` how many are left. */
	step: number | 'all';
	/** Of a patch: 0..layers. */
	site?: number;
	/** What became of the thoughts after the changed one. */
	later: 'recomputed' | 'frozen' | 'none';
	/** Of `truncate`: whether the model was trained with this many thoughts. */
	trained?: boolean;
	answer?: string;
	/** Whether the answer is another one than the unchanged run's. */
	changed: boolean;
	/** Of `interchange` and `transplant`: whether the answer is that of the prompt whose thoughts were put in. */
	follows?: boolean;
	/** Of the unchanged run's answer against the likeliest other token, changed less clean, nats; NaN is stored as null. */
	deltaLogOdds: number | null;
	/** KL(clean || changed) of the answer's first token, nats. */
	kl: number | null;
	/** What took the place, in words. */
	by: string;
	/** Of `resample`: Δ log-odds over several other prompts, of which `by` names the first. */
	draws?: Estimate;
	/** The same change of the same prompt on the control model (the twin without recurrence). */
	control?: { answer?: string; changed: boolean; deltaLogOdds: number | null; kl: number | null; draws?: Estimate };
}

/** Thoughts that were changed one by one, 0-based, ascending; of the others no effect is known. */
export interface SinglesRecord {
	arm: string;
	/** Of how many. */
	of: number;
	/** On the prompt itself. */
	thoughts: number[];
	/** On the reference prompts. */
	cohort: number[];
}

/** What an arm's thoughts were compared with; the values are the planes `ood.<measure>`. */
export interface OodRecord {
	arm: string;
	/** What is fed back, in words. */
	feedback: string;
	/** Of the states of text: after the final norm, or before it. */
	site: 'normed' | 'resid';
	/** Which neighbour the kNN distances are to. */
	neighbour: number;
	/** How many were compared with, chosen evenly among `of`. */
	tokens: { n: number; of: number };
	text: { n: number; of: number };
}

/**
 * `path`: on a shortest path to the answer at this thought's distance; `frontier`: another entity at that distance; `earlier`, `later`:
 * at a smaller or greater one; `unreachable`: named by the prompt and not reachable; `candidate`: of a list without a structure.
 */
export type CandidateGroup = 'path' | 'frontier' | 'earlier' | 'later' | 'unreachable' | 'candidate';

/** What a thought reads as among known candidates, by the logit lens at the last site where it is produced. */
export interface ReadingRecord {
	arm: string;
	thought: number;
	/** `mass`: softmax mass of all tokens that name the candidate; `rank`: of the likeliest of them, 1 is the top of the vocabulary. */
	candidates: { label: string; group: CandidateGroup; mass: number; rank: number }[];
	/** Mass on the live candidates: those on the path or in the frontier, or the whole list. */
	live: number;
	/** The same candidates' mass in the same thought of other prompts ("shuffled questions"); `p`: share of them at least as high, (1 + count)/(1 + n). */
	shuffled?: Estimate & { p: number };
	/** `live` of the control models' thought on the same prompt. */
	twin?: number;
	random?: number;
}

/** One rung of the ladder, and in one sentence with its numbers why it was reached or not. */
export interface Rung {
	level: 1 | 2 | 3 | 4;
	state: 'reached' | 'not reached' | 'not measured';
	why: string;
}

/** What is claimed of a thought, and the evidence level L0..L4: the highest rung that is reached with all below it. */
export interface ClaimRecord {
	arm: string;
	thought: number;
	/** `reads as zumpus, gwompus` */
	claim: string;
	level: 0 | 1 | 2 | 3 | 4;
	/** Levels 1 to 4. */
	rungs: Rung[];
}

/** What a model does on the reference prompts: computed once for each model and cached. */
export interface CohortRecord {
	role: 'model' | 'twin' | 'random weights';
	model: { id: string; sha256: string };
	arm: string;
	/** Reference prompts that were run. */
	prompts: number;
	thoughts: CohortThought[];
	/** All thoughts snapped to their nearest token: KL of the answer, and share of answers that change. */
	snap?: { kl: Estimate; changed: Estimate };
	/** Gaussian noise of `ratio` times each thought's norm added to all thoughts: share of answers that stay. Empty where not measured, as where thoughts do not vary. */
	noise: { ratio: number; unchanged: Estimate }[];
}

export interface CohortThought {
	thought: number;
	/** Mass on the live candidates, and the same of shuffled questions; absent where prompts have no candidates. */
	live?: Estimate;
	shuffled?: Estimate;
	/** Δ log-odds when the thought is another prompt's, later ones recomputed. */
	resample?: Estimate;
	/** Share of answers that change then. */
	resampleChanged?: Estimate;
	/** KL of the answer, and share of answers that change, when the thought is its nearest token. */
	snapKl?: Estimate;
	snapChanged?: Estimate;
	/** Participation ratio (Σλ)²/Σλ² of the covariance of the thought's vector over the prompts; 0 where it does not vary. */
	dimension: number;
	/** ½ Σ log₂(1 + λ/σ²), σ² the variance of each component of the largest added noise that leaves 90 % of the answers: bits that a Gaussian channel of this spread would carry; 0 where nothing varies. */
	bits?: number;
}

/** Three numbers of a run, each with its control: how far from tokens, how much it matters, how much it can carry. */
export interface MeterRecord {
	arm: string;
	/** Medians over the thoughts that are not spare, of the kNN distance's percentile among token embeddings and states of text. */
	distance?: { tokens: number; text: number; twinTokens?: number };
	/** All thoughts snapped to their nearest token: KL of the answer, whether it changes; and over the reference prompts. */
	effect?: { kl: number; changed: boolean; cohort?: { kl: Estimate; changed: Estimate }; twin?: { kl: Estimate; changed: Estimate } };
	/** Over the reference prompts, the mean over thoughts. */
	capacity?: { dimension: number; width: number; bits?: number; noise?: number; twinBits?: number; unchanged: { ratio: number; unchanged: Estimate }[] };
}

/** How usual and how repetitive what an arm wrote is: numbers, and never a verdict. The values for each token are planes (`legibility.*`). */
export interface LegibilityRecord {
	arm: string;
	/** Tokens of the chain of thought, without the recipe's own. */
	tokens: number;
	/** Model under which surprisal is measured: mean bits a token, given prompt and chain so far. */
	reference?: { id: string; sha256: string; surprisalBits: number };
	/** Model that this one was tuned from: mean KL(this || base), nats a token. */
	base?: { id: string; sha256: string; kl: number };
	/** Share of 3-grams of tokens that occurred before in the chain. */
	repetition?: number;
	/** Sentences of the chain that occurred before in it, word for word. */
	repeatedSentences?: { repeated: number; sentences: number };
	/** Share of words that do not occur in the reference text; `of`: how many words that has. */
	rareWords?: { share: number; words: number; of: number };
	/** Of tasks with a structure: written steps that are facts of the prompt. */
	legalSteps?: { legal: number; steps: number };
}

/** Everything beside the readouts. What could not be measured is named in `skipped`, one sentence each. */
export interface EvidenceRecord {
	/** Prompts that were compared with, resampled from and shuffled. */
	reference: { name: string; sha256: string; prompts: number };
	twin?: { id: string; sha256: string };
	seed: number;
	tests: CausalRecord[];
	/** Of arms with many thoughts: which of them were changed one by one. All of the others' were. */
	singles?: SinglesRecord[];
	ood: OodRecord[];
	readings: ReadingRecord[];
	claims: ClaimRecord[];
	meter: MeterRecord[];
	legibility: LegibilityRecord[];
	cohorts: CohortRecord[];
	skipped: string[];
}
