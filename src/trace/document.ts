/**
 * The trace model: what one analysis of one prompt found, without its numbers. The numbers are tensors beside it (`planes.ts`); a
 * document and its planes together are a trace, whether they are still being computed or lie in a file.
 */
import type { Range } from '../shared/range';
import type { EvidenceRecord } from './evidence';

/** Bumped when the meaning of a field changes; older documents are migrated on reading. */
export const SCHEMA_VERSION = 1;

export interface TraceDocument {
	version: number;
	/** What produced the file, for example `neuralese-inspector 0.1.0`. */
	producer: string;
	/** ISO 8601, UTC. */
	created: string;
	prompt: PromptRecord;
	model: ModelRecord;
	options: RunOptions;
	runtime: RuntimeRecord;
	arms: ArmRecord[];
	probes: ProbeRecord[];
	/** Where an imported trace comes from; absent where this tool ran the model. */
	origin?: OriginRecord;
	/** Tests and controls of the thoughts; absent where none were run. */
	evidence?: EvidenceRecord;
	/** Text of every token id that occurs in the trace, so that it can be read without the tokenizer. */
	tokens: TokenRecord[];
	/** What the reader should know: ignored settings, arms that were cut off. One sentence each. */
	notes: string[];
}

export interface TokenRecord {
	id: number;
	/** Its characters; where `bytes` are given, those of them that are no whole character written out: `⟨E2 80⟩`. */
	text: string;
	/** Lower-case hex, only of a token that is no whole characters: they say what it is, and `text` is how it is shown. */
	bytes?: string;
}

export interface PromptRecord {
	/** A file's base name, never its path. */
	name: string;
	format: string;
	/** The text that the model was given. */
	text: string;
	/** SHA-256 of `text` in UTF-8, hex. */
	sha256: string;
	/** Where `text` came from in the prompt file: pieces of equal length, ascending. Offsets in the file are `file.start + (i - text.start)`. */
	pieces: { text: Range; file: Range }[];
}

export interface ModelRecord {
	id: string;
	name: string;
	/** SHA-256 of the manifest, which pins every other file of the model by its hash. */
	sha256: string;
	tokenizerSha256: string;
	layers: number;
	width: number;
	vocabulary: number;
	quantisation: string;
	trainedLatents: number;
	/** The manifest's recipe as it was, for the record. */
	recipe: unknown;
	/** Of a model that loops over depth: how its sites are divided. */
	depth?: DepthRecord;
	/** What thoughts are read by beside tokens: planes `code.<name>.id` and `code.<name>.distance`. */
	codes?: CodeRecord[];
}

/** Sites 0..prelude, then one after each loop, then one after each block of the coda. Loops are read by the coda lens. */
export interface DepthRecord {
	prelude: number;
	loops: number;
	coda: number;
}

/** Codes of the columns [from, to) of a thought. */
export interface CodeRecord {
	name: string;
	from: number;
	to: number;
	/** By id. */
	classes: string[];
	/** Whether a thought is meant to be at a code, or anywhere between them. */
	state: 'discrete' | 'continuous';
}

export interface RunOptions {
	/** Latent thoughts to run; the recipe's own count where absent. */
	latents?: number;
	/** Loops over depth; the recipe's own count where absent. */
	loops?: number;
	seed: number;
	/** 0 is greedy. */
	temperature: number;
	/** Scale of the noise that thoughts are made with; the recipe's own where absent. */
	noise?: number;
	maxTokens?: number;
	topK: number;
}

export interface RuntimeRecord {
	/** For example `onnxruntime-node 1.30.0, cpu`. */
	engine: string;
	platform: string;
}

export type HaltRule = 'difference' | 'kl' | 'entropy' | 'gate';

/** A rule of the recipe's depth held after a loop, counted from 1. */
export interface Halted {
	rule: HaltRule;
	loop: number;
}

export type StepKind = 'prompt' | 'token' | 'latent' | 'answer';

/** One position of an arm's sequence. */
export interface Step {
	kind: StepKind;
	/** The token fed here; -1 for a latent, which has none. */
	id: number;
	/** Put there by the recipe, not sampled. */
	forced?: true;
	/** Of a prompt token: where it stands in `PromptRecord.text`. */
	span?: Range;
	/** Of a latent: which thought is fed here. */
	thought?: number;
	/** Of a model that loops over depth: why and when the position halted; absent where it went through all loops. */
	halted?: Halted;
	/** Of an imported trace, where it is not simply what the model thought or answered. */
	part?: StepPart;
}

/**
 * `summary`: somebody else's account of the reasoning, which is not the chain of thought. `redacted`: a mark where reasoning was
 * withheld. `call`: a tool that the model called. `markup`: tokens between the parts, such as `</think>`.
 */
export type StepPart = 'summary' | 'redacted' | 'call' | 'markup';

/** Of an imported trace whose source does not name one. */
export const UNKNOWN_MODEL = 'unknown model';

/**
 * How much of the reasoning the source holds. `redacted` and `summary` where any part of it is, because the chain of thought is then
 * not complete; `none` where the source holds no reasoning apart from what was said.
 */
export type Reasoning = 'full' | 'summary' | 'redacted' | 'none';

/**
 * An imported trace. Its ids number the texts in `TraceDocument.tokens` and are no tokenizer's, so that there is no plane `tokens.id`; hashes,
 * seed, temperature and extents of the model that the source does not tell are empty or 0, and `sampling` holds what it does tell.
 */
export interface OriginRecord {
	/** Name of the importer: `inspect-eval`. */
	format: string;
	/** Base name of the file, never its path. */
	file: string;
	/** The sample's name in the file. */
	sample: string;
	/** What wrote the file, as far as it says. */
	producer?: string;
	reasoning: Reasoning;
	/** What one step of the first arm is: a token as the source has it, or a sentence where it has text only. */
	steps: 'tokens' | 'sentences';
	/** What the source takes for the right answer. */
	target?: string;
	/** A chain of thought that the source holds as right and that the model did not write. */
	reference?: string;
	scores: { name: string; value: string }[];
	sampling: { temperature?: number; topP?: number; seed?: number; maxTokens?: number };
	/** The last site of `hidden.resid` was taken after the final norm, as Hugging Face's models return it: do not norm it again. */
	normed?: true;
}

/**
 * A latent thought. Index convention: thought 0 is the state at the begin-of-thought token, before any latent pass. A thought is
 * decoded where it is produced, one position before it is fed.
 */
export interface Thought {
	index: number;
	/** Position whose state became this thought. Readouts of the thought are the planes' rows here. */
	producedAt: number;
	/** Position whose input this thought was: `producedAt + 1`. */
	fedAt: number;
	/** Beyond what the task needed or the model was trained with: such thoughts drift. Says why. */
	spare?: string;
	/** What the thought graph's gate said, 0..1. */
	gate?: number;
	/** What the model's trained decoder of latents says. */
	readout?: string;
}

/** Why thinking ended before or at its limit. */
export interface Stopped {
	/** A rule of the recipe, or the limit where none held. */
	rule: 'token' | 'entropy' | 'difference' | 'kl' | 'gate' | 'limit';
	/** Thoughts that the arm had then. */
	at: number;
}

export type ArmState = 'running' | 'done' | 'limit' | 'cancelled';

export interface ArmRecord {
	name: string;
	state: ArmState;
	steps: Step[];
	thoughts: Thought[];
	/** What the model wrote: thought tokens, then the answer, without the recipe's own tokens. */
	text: string;
	/** The answer as the recipe's pattern reads it, or the trimmed answer text; absent while there is none. */
	answer?: string;
	/** What was fed back, in words: `state after the final norm`. Absent for arms without latents. */
	feedback?: string;
	/** Width of the vectors that are stored as thoughts; the model's where absent. */
	latentWidth?: number;
	/** Of a recipe that stops by rules. */
	stopped?: Stopped;
	milliseconds: number;
}

/** A probe whose scores are in the trace, as plane `probe.<name>.score` of each arm that was scored. */
export interface ProbeRecord {
	/** Kebab-case; of a probe with classes `<probe>:<class>`. */
	name: string;
	/** What a score near 1 claims. */
	label: string;
	arm: string;
	/** Where its step k stands: at thought k, or at the last token of written sentence k; thoughts where absent. */
	at?: ProbePlace;
	sha256: string;
	metrics: ProbeMetric[];
}

export type ProbePlace = 'thoughts' | 'tokens';

/** Held-out figures of one fitted direction. AUROC, with a 95 % interval from a bootstrap over groups. */
export interface ProbeMetric {
	step: number;
	layer: number;
	auroc: number;
	ci: [number, number];
	/** AUROC of the same fit on shuffled labels. */
	shuffled: number;
	/** AUROC of random directions. */
	random: number;
	/** AUROC of the same fit on control labels, a coin thrown for each word; `selectivity` is the probe's AUROC less that. */
	control?: number;
	selectivity?: number;
	selectivityCi?: [number, number];
	/** Expected calibration error of the scores, 0..1. */
	ece?: number;
	/** Share of the positives that are found where at most 1 % of the negatives are. */
	recallAt1Fpr?: number;
	recallCi?: [number, number];
	/** Held-out examples. */
	n?: number;
}
