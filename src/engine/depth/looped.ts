/** What the loops over depth did at the positions that were fed. */
import type { Halted } from '../../trace/document';

export interface Looped {
	/** Of each position [count]: the loop after which a rule halted it; undefined where it went through all. */
	halted: readonly (Halted | undefined)[];
	/** ‖sᵢ − sᵢ₋₁‖ / ‖sᵢ‖ [count, loops], with the start state as s₀; NaN after the loop that halted it. */
	difference: Float32Array;
	/** What the core's gate said [count, loops], where it has one. */
	gate?: Float32Array;
	/**
	 * The first loop after which a state is no number. Not of which position: in one call it reaches the others too, because nothing times
	 * what is no number is none either.
	 */
	broken?: number;
	/**
	 * What the head is to be given in the place of the states [count, width] after loops 1..loops: where the coda ends from each of them,
	 * if its position alone halted there. The states themselves where there is no coda.
	 */
	read(): Promise<Float32Array[]>;
}
