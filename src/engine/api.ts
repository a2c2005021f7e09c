/** The engine's face: what the child process answers. Host and command line import this and `client.ts`, nothing else here. */
import type { Range } from '../shared/range';
import type { Call } from '../shared/rpc';
import type { ArmRecord, ProbeRecord, PromptRecord, RunOptions, TraceDocument } from '../trace/document';
import type { PlaneData, PlaneName } from '../trace/planes';

export interface EngineApi {
	/** What this machine's runtime offers. Fails with code `engine-unavailable` where there is no binary for the platform. */
	describe: Call<void, RuntimeInfo>;
	/** Loads a model folder (cached by its hash), checks every file against the manifest, and self-tests it. */
	load: Call<{ model: string }, ModelCard, ProgressEvent>;
	/** Runs the arms, reads every position out, and writes the trace to `out`. */
	analyze: Call<AnalyzeParams, AnalyzeResult, AnalyzeEvent>;
	/** Answers only, for many prompts. */
	evaluate: Call<EvaluateParams, { runtimeSeconds: number }, EvaluateEvent>;
}

export interface RuntimeInfo {
	/** For example `onnxruntime-node 1.30.0, cpu`. */
	engine: string;
	platform: string;
	pid: number;
}

export interface ModelCard {
	id: string;
	name: string;
	description: string;
	/** The folder, for messages; never stored in a trace. */
	folder: string;
	sha256: string;
	shape: { layers: number; width: number; heads: number; vocabulary: number; context: number };
	quantisation: string;
	/** The recipe's arms, in its order. */
	arms: string[];
	/** The recipe's pattern that reads an answer from its text. */
	answer?: string;
	trainedLatents: number;
	probes: ProbeRecord[];
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
	/** Where the trace is written (atomically, at the end); nothing is written where absent. */
	out?: string;
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
	/** A complete snapshot of one arm so far. `tokens` are those not sent before. */
	| { kind: 'arm'; arm: ArmRecord; tokens: { id: number; text: string }[] }
	/** Rows of the light planes (all but `hidden.resid`), at most 1 MiB an event. */
	| { kind: 'rows'; arm: string; plane: PlaneName; rows: Range; data: PlaneData };

export interface EvaluateParams {
	model: string;
	prompts: string[];
	arms?: string[];
	options: RunOptions;
}

/**
 * `answer`: one prompt's answer in one arm, absent where the arm gave none. `seconds` include the reading of the prompt, whichever
 * arm it was read for.
 */
export type EvaluateEvent = ProgressEvent | { kind: 'answer'; index: number; arm: string; answer?: string; seconds: number };

/** Codes of the engine's errors; the message is one sentence that says what to do. */
export type EngineErrorCode =
	'engine-unavailable' | 'bad-model' | 'bad-request' | 'crashed' | 'timeout' | 'quarantined' | 'gave-up' | 'cannot-write';
