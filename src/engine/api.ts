/** The engine's face: what the child process answers. Host and command line import this and what of `caller/` runs on their side. */
import type { CausalTest, Variant } from '../analysis/causal';
import type { Effect } from '../analysis/effect';
import type { Bin } from '../analysis/calibration';
import type { ProbeTaskName } from '../analysis/labels';
import type { Measure } from '../analysis/ood';
import type { OutlinedSentence } from '../analysis/outline';
import type { LabelledPrompt } from '../prompts/labelled';
import type { Message } from '../prompts/prompt';
import type { Range } from '../shared/range';
import type { Execution, ProviderChoice, ProviderInfo, ProviderName } from '../shared/execution';
import type { Call } from '../shared/rpc';
import type { ProbeMetric, ProbePlace, ProbeRecord, PromptRecord, RunOptions, TraceDocument } from '../trace/document';
import type { LegibilityRecord } from '../trace/evidence';
import type { TraceEvent } from '../trace/live';

export interface EngineApi {
	/** What this machine's runtime offers. Fails with code `engine-unavailable` where there is no binary for the platform. */
	describe: Call<void, RuntimeInfo>;
	/**
	 * What models are run on from now on; before any of them is loaded. Tries the provider that is asked for: one that crashes this
	 * process while it is tried, or later, is named in `barred` to the next process.
	 */
	configure: Call<ConfigureParams, RuntimeInfo>;
	/** Loads a model folder (cached by its hash), checks every file against the manifest, and self-tests it. */
	load: Call<{ model: string }, ModelCard, ProgressEvent>;
	/** Conversations as the model's chat template writes them. Only for models that have one. */
	render: Call<RenderParams, Rendered[], ProgressEvent>;
	/** What a right answer to each of the gold texts is: the model's own pattern is a program, which runs nowhere but here. */
	golds: Call<GoldsParams, string[], ProgressEvent>;
	/** Makes a model folder from an exported decoder, or takes one as it stands; tests it, and puts it into the list of this machine. */
	add: Call<AddParams, AddedModel, ProgressEvent>;
	/** What is known about a model, and whether it computes what it should. */
	check: Call<CheckParams, ModelCheck, ProgressEvent>;
	/** Runs the arms, reads every position out, and writes the trace to `out`. */
	analyze: Call<AnalyzeParams, AnalyzeResult, AnalyzeEvent>;
	/** Answers only, for many prompts. */
	evaluate: Call<EvaluateParams, { runtimeSeconds: number }, EvaluateEvent>;
	/** Changes thoughts and answers again, greedily. */
	causal: Call<CausalParams, CausalResult, CausalEvent>;
	/** How far each thought is from token embeddings and from states of text. */
	ood: Call<OodParams, OodResult, ProgressEvent>;
	/** How usual and how repetitive the chains of thought of many prompts are. */
	legibility: Call<LegibilityParams, LegibilityResult, LegibilityEvent>;
	/** States of many prompts at an arm's thoughts or sentences. */
	features: Call<FeaturesParams, FeaturesResult, FeaturesEvent>;
	/** Fits a probe on such states, measures it on prompts that it has not seen, and writes its file to `out`. */
	trainProbe: Call<TrainProbeParams, ProbeReport, ProgressEvent>;
	/** Measures a probe file on labelled prompts. */
	evaluateProbe: Call<EvaluateProbeParams, ProbeReport, ProgressEvent>;
}

export interface ConfigureParams {
	execution: Execution;
	/** Providers that are not tried. `why`: the end of a sentence. */
	barred: { name: ProviderName; why: string }[];
}

export interface RuntimeInfo {
	/** For example `onnxruntime-node 1.30.0, cpu`, and `low memory` where it is run so. */
	engine: string;
	platform: string;
	pid: number;
	provider: ProviderChoice;
	/** All that there are, in the order of `PROVIDERS`. */
	providers: ProviderInfo[];
}

export interface RenderParams {
	model: string;
	conversations: Message[][];
}

/** A conversation's text, and where in the file that it is from each piece of it stands. */
export type Rendered = Pick<PromptRecord, 'text' | 'pieces'>;

export interface GoldsParams {
	model: string;
	texts: string[];
}

export interface AddParams {
	/** An .onnx file, a folder with one, or a model folder. */
	source: string;
	/** A folder with a tokenizer.json, or the file; looked for beside the graph where absent. */
	tokenizer?: string;
	/** A folder that does not exist yet; one below the user's home where absent. */
	out?: string;
	/** As the source states it, for example `apache-2.0`. */
	license?: string;
	/** Where the export is from, in words: `owner/name at 0123456789ab`. Never a path. */
	origin?: string;
}

/** A model of this machine's list. */
export interface AddedModel extends ModelCard {
	/** What `neuralese.model`, `--model` and a prompt's header call it. */
	listedAs: string;
}

export interface CheckParams {
	model: string;
	/** An NPZ of another implementation: `input_ids` [T], `resid.i` [T,width], `logits` [T,vocabulary]. */
	reference?: string;
}

export interface ModelCheck {
	layers: number;
	/** Null where the layers cannot be seen. */
	width: number | null;
	vocab: number;
	/** Of the residual stream: layers + 1, or 0 where only logits can be seen. */
	sites: number;
	quantisation: string;
	available: string[];
	unavailable: { what: string; why: string }[];
	selfTest: { name: string; maxAbsDiff: number; ok: boolean }[];
	provider: ProviderChoice;
	lowMemory: boolean;
}

export interface ModelCard {
	id: string;
	name: string;
	description: string;
	/** As its manifest states it. */
	license?: string;
	/** The folder, for messages; never stored in a trace. */
	folder: string;
	sha256: string;
	shape: { layers: number; width: number; heads: number; vocabulary: number; context: number };
	quantisation: string;
	/** What it is run on. */
	provider: ProviderChoice;
	/** Whether one copy of the weights is kept, and less is computed at a time. */
	lowMemory: boolean;
	/** Why the recipe is what it is, where it was inferred; and what is left open. One sentence each. */
	proposal?: { reasons: string[]; undecided: string[] };
	/** The recipe's arms, in its order. */
	arms: string[];
	/** Where probes can read them. */
	places: { arm: string; at: ProbePlace }[];
	trainedLatents: number;
	probes: ProbeRecord[];
	/** Models beside this one, by their ids: the control without recurrence, and what it was tuned from. */
	relatives: { twin?: string; base?: string };
	/** Prompts of the model's own kind that came with it. */
	reference?: { prompts: number };
	/** Whether it has a chat template: its prompts are conversations, which `render` writes. */
	chat: boolean;
	selfTest: { name: string; maxAbsDiff: number; ok: boolean }[];
	available: string[];
	unavailable: { what: string; why: string }[];
}

/** The engine hashes the text itself. */
export type PromptInput = Omit<PromptRecord, 'sha256'>;

export interface AnalyzeParams {
	model: string;
	prompt: PromptInput;
	/** In the order in which they run; all of the recipe's where absent. */
	arms?: string[];
	options: RunOptions;
	/** What the caller wants the reader to know, such as ignored settings: in the document, before the engine's own notes. */
	notes?: string[];
	/**
	 * Where the trace is written, atomically: at the end, and before that without evidence when the arms have run and evidence is wanted.
	 * Nothing is written where absent.
	 */
	out?: string;
	/** Tests and controls after the arms have run; none where absent. */
	evidence?: EvidenceParams;
	/** Files of probes to be read beside the model's own. One that cannot be is an error where `strictProbes`, else a note. */
	probes?: string[];
	strictProbes?: boolean;
}

/** What evidence is gathered from. What is absent is looked for beside the model. */
export interface EvidenceParams {
	/** Prompts to compare with, resample from and shuffle; the manifest's reference set where absent. */
	reference?: { name: string; prompts: string[] };
	/** Folder of the control without recurrence; the manifest's twin where absent. */
	twin?: string;
	/** Folder of the model that this one was tuned from; the manifest's base where absent. */
	base?: string;
	/** Folder of the model under which surprisal is measured; the base where absent. */
	referenceModel?: string;
	/** What the prompt's author expects thoughts to read as, where its task is not known. */
	candidates?: string[];
	/** Which are changed one by one; where absent some that are evenly spread, if there are many. */
	thoughts?: 'all';
	/** Folder where what is computed once for each model is kept; nothing is kept where absent. */
	cache?: string;
}

export interface AnalyzeResult {
	document: TraceDocument;
	/** Peak resident memory of the child so far, in bytes. */
	peakMemory: number;
}

export interface ProgressEvent {
	kind: 'progress';
	/** In words: `Loading ProsQA reasoner`. */
	message: string;
	/** 0..1 where it can be told. */
	fraction?: number;
	/** From the cost model: the longest time until the next event. The watchdog waits ten times as long. */
	seconds?: number;
}

export type AnalyzeEvent =
	| ProgressEvent
	/** First: the document without arms. */
	| { kind: 'started'; document: TraceDocument }
	/** The trace is at `out` without evidence, which is gathered next; there it stays where that is cancelled or fails. */
	| { kind: 'written' }
	/** Rows are of the light planes (all but `hidden.resid`), at most 1 MiB an event. */
	| TraceEvent;

export interface EvaluateParams {
	model: string;
	prompts: string[];
	/** Prompts before it were run earlier and are passed over; the others keep their place, from which their seed follows. */
	first?: number;
	arms?: string[];
	options: RunOptions;
}

/**
 * In the order of the prompts. `answer`: one prompt's answer in one arm, absent where the arm gave none. `seconds` include the reading of the prompt, whichever
 * arm it was read for.
 */
export type EvaluateEvent = ProgressEvent | { kind: 'answer'; index: number; arm: string; answer?: string; seconds: number };

/** A prompt by the name that rows call it by. */
export interface NamedPrompt {
	name: string;
	text: string;
}

export interface CausalParams {
	model: string;
	prompts: string[];
	/** Prompts before it were run earlier and are passed over; the others keep their place, from which their seed follows. */
	first?: number;
	/** All with thoughts where absent. */
	arms?: string[];
	options: Pick<RunOptions, 'latents' | 'loops' | 'seed' | 'noise' | 'maxTokens'>;
	tests: CausalTest[];
	/** `whole`: only what changes all thoughts of a run together. */
	scope: 'each' | 'whole';
	/** Where means and other prompts' thoughts come from; one with the text of the tested prompt is left out. */
	reference: NamedPrompt[];
	/** Whose thoughts are put in by `interchange`, and by `transplant` where no question about the same facts is known. */
	donor?: NamedPrompt;
	/** How many reference prompts are resampled from, each in a row of its own; 1 where absent. */
	resamples?: number;
	/** Which are changed one by one; where absent some that are evenly spread, if there are many. */
	thoughts?: 'all';
}

export interface CausalResult {
	runtimeSeconds: number;
	/** What could not be tested: one sentence each. */
	skipped: string[];
}

/** What one change did. */
export interface CausalRow extends Pick<Variant, 'test' | 'form' | 'step' | 'site' | 'later' | 'trained'>, Effect {
	arm: string;
	answer?: string;
	/** Whether the answer is another one than the unchanged run's; false where what was computed is not finite. */
	changed: boolean;
	/** Of `interchange` and `transplant`: whether the answer is that of the prompt whose thoughts were put in; absent where both answer alike. */
	follows?: boolean;
	/** What took the place, in words. */
	by: string;
}

/** In the order of the prompts. */
export type CausalEvent =
	| ProgressEvent
	/** Before the rows of an arm: what it answers unchanged. */
	| { kind: 'clean'; index: number; arm: string; answer?: string }
	| { kind: 'row'; index: number; row: CausalRow };

export interface OodParams {
	model: string;
	prompt: string;
	/** Those without thoughts are passed over. */
	arms?: string[];
	options: RunOptions;
	/** Prompts at whose positions the states to compare with are taken; the manifest's reference set where absent. */
	reference?: { name: string; prompts: string[] };
}

export interface OodResult {
	model: { id: string; sha256: string };
	/** Which neighbour the kNN distances are to. */
	neighbour: number;
	arms: OodArm[];
	reference: { source: string; prompts: number };
	notes: string[];
}

export interface OodArm {
	name: string;
	/** What is fed back, in words. */
	feedback: string;
	/** Of the states of text: after the final norm, or before it. */
	site: 'normed' | 'resid';
	/** Token embeddings and states of text that thoughts are compared with: `n`, chosen evenly among `of`. */
	tokens: { n: number; of: number };
	text: { n: number; of: number };
	/** One for each thought and measure. */
	rows: OodRow[];
}

/** NaN: not measured. */
export interface OodRow {
	thought: number;
	spare?: string;
	measure: Measure;
	value: number;
	/** Percentile among token embeddings, and among states of text, each measured without itself. */
	tokens: number;
	text: number;
}

export interface LegibilityParams {
	model: string;
	prompts: string[];
	/** All that write a chain of thought where absent. */
	arms?: string[];
	options: RunOptions;
	/** As of `EvidenceParams`. */
	base?: string;
	referenceModel?: string;
}

export interface LegibilityResult {
	/** Models that the chains were read under; absent where there is none. */
	reference?: { id: string; sha256: string };
	base?: { id: string; sha256: string };
	/** What could not be measured: one sentence each. */
	skipped: string[];
}

export type LegibilityEvent = ProgressEvent | { kind: 'chain'; index: number; chain: WrittenChain };

/** What an arm wrote for one prompt. */
export interface WrittenChain {
	answer?: string;
	/** Absent where there is no chain of thought. */
	record?: LegibilityRecord;
	arm: string;
	/** Of the chain, and then of the answer; `verdict` only where the task is known. */
	sentences: (Pick<OutlinedSentence, 'role' | 'text' | 'verdict'> & { tokens: WrittenToken[] })[];
}

/** NaN: not measured. */
export interface WrittenToken {
	id: number;
	text: string;
	/** Surprisal under the model that wrote it, bits. */
	bits: number;
	/** Under the reference model. */
	referenceBits: number;
	/** KL(model || base), nats. */
	kl: number;
}

/** Which states are read. */
export interface StatesParams {
	model: string;
	/** The first that has such places, where absent. */
	arm?: string;
	at: ProbePlace;
	/** All where absent. */
	sites?: number[];
	options: Pick<RunOptions, 'latents' | 'loops' | 'seed' | 'temperature' | 'noise' | 'maxTokens'>;
}

export interface FeaturesParams extends StatesParams {
	prompts: string[];
}

export interface FeaturesResult {
	arm: string;
	/** Those that the vectors have, ascending. */
	sites: number[];
	width: number;
}

export type FeaturesEvent =
	| ProgressEvent
	/** States [steps, sites, width] of one prompt, at most 1 MiB an event, and the word that stands at each step. */
	| { kind: 'features'; index: number; steps: Range; words: string[]; data: Float32Array };

export interface TrainProbeParams extends StatesParams {
	/** The model's own reference prompts where absent; `task` then labels them. */
	examples?: LabelledPrompt[];
	task?: ProbeTaskName;
	/** Where the labels come from, in words: a file's base name. */
	source: string;
	/** Kebab-case. */
	name: string;
	/** What a score near 1 claims; the task's own, or what `source` says, where absent. */
	label?: string;
	out: string;
}

export interface EvaluateProbeParams {
	model: string;
	/** The probe's file. */
	probe: string;
	examples?: LabelledPrompt[];
	/** The task that labelled the training prompts where absent and the examples have no labels. */
	task?: ProbeTaskName;
	options: StatesParams['options'];
}

export interface ProbeReport {
	model: { id: string; sha256: string };
	name: string;
	label: string;
	arm: string;
	at: ProbePlace;
	classes?: string[];
	/** Prompts with labels, and groups of them: what was fitted and what was measured. */
	prompts: number;
	groups: { training: number; heldOut: number };
	cells: ProbeCellReport[];
	/** Steps and sites at which there is no fit, or nothing to measure it on. */
	unfitted: [step: number, site: number][];
	notes: string[];
	seconds: { reading: number; fitting: number };
}

/** NaN: not measured. Intervals are 95 %, from a bootstrap over groups. */
export interface ProbeCellReport extends Required<ProbeMetric> {
	positives: number;
	/** The reliability curve. */
	bins: Bin[];
	/** L2 penalty of the fit; NaN where the fit was made elsewhere. */
	penalty: number;
}

/** Codes of the engine's errors; the message is one sentence that says what to do. */
export type EngineErrorCode =
	| 'engine-unavailable'
	| 'bad-model'
	/** Of an export: there is none beside the graph, and none was named. */
	| 'no-tokenizer'
	| 'bad-request'
	| 'crashed'
	| 'timeout'
	| 'quarantined'
	| 'gave-up'
	| 'cannot-write'
	| 'no-memory';
