/** Whether a model, or what it is asked for, fits the machine's memory; refused with both numbers before it is tried. */
import type { MemoryMode } from '../../shared/execution';
import { costOf } from './cost';
import { EngineError } from '../error';
import { CACHE_COPIES, footprintOf, LOW_MEMORY_ROWS, positionBytes, type Footprint } from './footprint';
import type { Manifest, ModelShape } from './manifest';
import { availableMemory } from '../machine/memory';

/** The system and the editor need some of what is available, and estimates are coarse. */
const SPARE = 0.9;
/** Of a table of all input embeddings: SmolLM2's takes 113 MB, GPT-2's 154. */
const MAX_TABLE_BYTES = 256 * 2 ** 20;
/** Positions between two looks at the memory while a sequence grows. */
export const ROOM_STEP = 1024;

/** Bytes that a model may take now. */
export function room(): number {
	return availableMemory() * SPARE;
}

/** Whether one copy of the weights is kept, in the mode that the user chose. */
export function needsLowMemory(manifest: Manifest, mode: MemoryMode, large: boolean, free = room()): boolean {
	return mode === 'low' || (mode === 'auto' && (large || footprint(manifest, false).total > free));
}

/** With chunks as long as the mode has them. */
function footprint(manifest: Manifest, lowMemory: boolean): Footprint {
	return footprintOf(manifest, lowMemory, costOf(manifest, lowMemory ? LOW_MEMORY_ROWS : undefined).chunk);
}

export function fits(manifest: Manifest, lowMemory: boolean, free = room()): boolean {
	return footprint(manifest, lowMemory).total <= free;
}

/** Fails with one sentence where the model does not fit. */
export function checkModelFits(manifest: Manifest, lowMemory: boolean, free = room()): void {
	const { total, weights } = footprint(manifest, lowMemory);
	if (total > free) {
		const instead = lowMemory ? 'close other programs, or choose a smaller or quantised model' : 'set neuralese.memory (--memory) to auto or low, or close other programs';
		throw new EngineError(
			`The model needs about ${gigabytes(total)} of memory (${gigabytes(weights)} for its weights) and ${gigabytes(free)} can be had: ${instead}.`,
			'no-memory',
		);
	}
}

/** Fails where an export cannot even be read: `bytes` are the files' that it needs at once. */
export function checkExportFits(bytes: number, free = room()): void {
	if (bytes > free) {
		throw new EngineError(
			`Adding the model needs about ${gigabytes(bytes)} of memory and ${gigabytes(free)} can be had: close other programs, or choose a smaller or quantised model.`,
			'no-memory',
		);
	}
}

/** Fails where the keys and values of so many positions do not fit. */
export function checkPositionsFit({ shape }: Manifest, positions: number, free = room()): void {
	const needed = CACHE_COPIES * positions * positionBytes(shape);
	if (needed > free) {
		throw new EngineError(
			`The keys and values of ${positions} positions need about ${gigabytes(needed)} of memory and ${gigabytes(free)} can be had: shorten the prompt, or close other programs.`,
			'no-memory',
		);
	}
}

/** Why the input embeddings of all tokens are not kept, as the end of a sentence; undefined where they can be. */
export function whyNoTable({ vocabulary, width }: Pick<ModelShape, 'vocabulary' | 'width'>, free = room()): string | undefined {
	const bytes = vocabulary * width * Float32Array.BYTES_PER_ELEMENT;
	if (bytes > MAX_TABLE_BYTES) {
		return `the embeddings of its ${vocabulary} tokens take ${gigabytes(bytes)}, and at most ${gigabytes(MAX_TABLE_BYTES)} of them are kept`;
	}
	return bytes > free ? `the embeddings of its ${vocabulary} tokens take ${gigabytes(bytes)}, and ${gigabytes(free)} can be had` : undefined;
}

/** Decimal, as disks and downloads are counted. */
export function gigabytes(bytes: number): string {
	return bytes < 1e8 ? `${(bytes / 1e6).toPrecision(2)} MB` : `${(bytes / 1e9).toPrecision(2)} GB`;
}
