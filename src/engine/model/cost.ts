/** The cost model (design §7): floating-point operations of each part, and from them chunk sizes and deadlines. */
import type { Manifest } from './manifest';

/** FLOP/s that even a loaded laptop core reaches; a deadline is ten times the estimate made with it. */
const PESSIMISTIC_RATE = 5e9;
/**
 * Operations of one chunk: 80 to 300 ms on one core, after which a cancel gets through before its patience ends. A chunk reads all
 * weights, so that GPT-2 takes 2.3 times as long for a prompt in chunks of 16 as in one, and 1.2 times in chunks of 88.
 */
const CHUNK_OPERATIONS = 1.5e10;
const MIN_CHUNK = 16;
/** A block's weights as a multiple of width²: four squares of attention and eight of a feed-forward four times as wide. */
const SQUARES = 12;
/** Attention of a chunk on itself grows with its square. */
const MAX_CHUNK = 512;
/** Positions that a row of a batch is fed in one call, about. */
const ROW_POSITIONS = 4;
/** Bytes per second that a disk and a hash reach together at least. */
const LOAD_RATE = 50e6;
/** A small call costs this many seconds, whatever it computes. */
const CALL_SECONDS = 0.002;

const BYTES_PER_WEIGHT: ReadonlyMap<string, number> = new Map([
	['fp32', 4],
	['fp16', 2],
	['bf16', 2],
	['int8', 1],
	['q4', 0.5],
]);

export interface Cost {
	/** Parameters of the body, from its size; those of blocks that are looped count each time. */
	parameters: number;
	/** Positions a chunk of the prefill has. */
	chunk: number;
	/** Rows a batch has at most, so that a call with a few positions each is no longer than a chunk. */
	rows: number;
	/** Seconds that `positions` more take after `past`, with (`lens`) or without reading every site out. */
	seconds(positions: number, past: number, lens: boolean): number;
	/** Seconds that reading, hashing and testing the model's files takes. */
	loadSeconds: number;
}

/** `most`: positions of a chunk at most, where memory is short. */
export function costOf(manifest: Pick<Manifest, 'files' | 'shape' | 'quantisation' | 'layout'>, most = MAX_CHUNK): Cost {
	const { files, shape, layout } = manifest;
	const layers = layout?.blocks ?? shape.layers;
	/** As often as a position goes through the blocks, on average, and with the coda lens through those of the coda beside. */
	const once = layout ? layout.prelude + layout.core + layout.coda : 1;
	const stored = bodyBytes(manifest) / (BYTES_PER_WEIGHT.get(manifest.quantisation) ?? 1);
	const parameters = stored * (layout ? layout.blocks / once : 1);
	const read = layout ? (stored * layout.coda * layout.loops) / once : 0;
	const operations = (positions: number, past: number, lens: boolean) =>
		2 * (parameters + (lens ? read : 0)) * positions +
		2 * layers * shape.width * positions * (2 * past + positions) +
		2 * shape.width * shape.vocabulary * (lens ? positions * (shape.layers + 1) : 1);
	// Files also hold tables, and quantised ones not all weights at the same width.
	const blocks = Math.min(parameters, layers > 0 ? SQUARES * layers * shape.width ** 2 : Infinity);
	const chunk = layout?.alone ? MIN_CHUNK : Math.min(most, Math.max(MIN_CHUNK, Math.floor(CHUNK_OPERATIONS / (2 * blocks))));
	return {
		parameters,
		chunk,
		rows: Math.floor(chunk / ROW_POSITIONS),
		seconds: (positions, past, lens) => CALL_SECONDS + operations(positions, past, lens) / PESSIMISTIC_RATE,
		loadSeconds: (weightsBytes(manifest) + graphBytes(manifest) + files.tokenizer.bytes) / LOAD_RATE,
	};
}

/** Of the body's weights, or a little more where they share files with the head's. */
export function bodyBytes({ files }: Pick<Manifest, 'files'>): number {
	const { body, core, coda } = files;
	return body.bytes + (core?.bytes ?? 0) + (coda?.bytes ?? 0) + weightsBytes({ files });
}

/** Of what lies beside the graphs. */
export function weightsBytes({ files }: Pick<Manifest, 'files'>): number {
	return files.weights.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Of the files of all graphs, with the weights inside them. */
export function graphBytes({ files }: Pick<Manifest, 'files'>): number {
	const { body, core, coda, head, thought, graphs = {}, embed, readout } = files;
	return [body, core, coda, head, thought, ...Object.values(graphs), embed, readout].reduce((sum, file) => sum + (file?.bytes ?? 0), 0);
}

/** Whether all vocabulary rows can be embedded in the time that a user waits without asking why. */
export function embeddingSeconds({ parameters }: Cost, vocabulary: number): number {
	return (2 * parameters * vocabulary) / PESSIMISTIC_RATE;
}
