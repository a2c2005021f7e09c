/** How much memory a model takes: from its files' sizes and its shape, before any of it is loaded. Pure. */
import { graphBytes, weightsBytes } from './cost';
import { HEAD_ARRAYS, MAX_ROWS, rowsOf } from './head';
import type { Manifest } from './manifest';

/** Rows of the head in one call where memory is short. */
export const LOW_MEMORY_ROWS = 64;
/**
 * Times that weights beside the graphs are held. Packed for the processor while the file is still mapped, they are there twice;
 * without packing the mapped file is all.
 */
const PACKED_COPIES = 2;
const MAPPED_COPIES = 1;
/**
 * Times that weights inside a graph are held while it loads: the bytes, the message, the tensors. The parts of head and body that are
 * opened by themselves come when those no longer need all three.
 */
const INLINE_COPIES = 3;
/** float16 is computed with in float32 on a processor: the weights are held in both. */
const HALF_COPIES = 2;
/** Keys and values in one call: what was cached, what comes out, and one transposed. */
export const CACHE_COPIES = 3;
/** Positions that any model must have room for; longer prompts are checked when they are run. */
const LEAST_POSITIONS = 1024;
/** Rows [chunk, width] besides the residual stream's that a block needs at once: queries, keys, values, and four times the width within. */
const BLOCK_ROWS = 12;
/** Arrays [heads, chunk, context] of attention that live at once. */
const SCORE_ARRAYS = 3;
const FLOAT = Float32Array.BYTES_PER_ELEMENT;

/** In bytes. */
export interface Footprint {
	weights: number;
	/** Of a chunk of the body with its keys and values, and of a call of the head. */
	computing: number;
	total: number;
}

/** `chunk`: positions that the body is fed at once. */
export function footprintOf(manifest: Pick<Manifest, 'files' | 'shape' | 'quantisation'>, lowMemory: boolean, chunk: number): Footprint {
	const { shape, quantisation } = manifest;
	const copies = (lowMemory ? MAPPED_COPIES : PACKED_COPIES) * (quantisation === 'fp16' ? HALF_COPIES : 1);
	const inline = graphBytes(manifest);
	const weights = weightsBytes(manifest) * copies + inline * INLINE_COPIES;
	const positions = Math.min(shape.context, LEAST_POSITIONS);
	const heads = Math.max(shape.heads, Math.ceil(shape.width / shape.headWidth));
	const body = chunk * FLOAT * (shape.width * (shape.layers + 1 + BLOCK_ROWS) + SCORE_ARRAYS * heads * positions);
	const head = rowsOf(shape.vocabulary, lowMemory ? LOW_MEMORY_ROWS : MAX_ROWS) * shape.vocabulary * FLOAT * HEAD_ARRAYS;
	const computing = body + head + CACHE_COPIES * positions * positionBytes(shape);
	return { weights, computing, total: weights + computing };
}

/** Bytes of the keys and values of one position. */
export function positionBytes({ layers, caches = layers, heads, headWidth }: Manifest['shape']): number {
	return 2 * caches * heads * headWidth * FLOAT;
}
