/** What the state is before the first loop. */
import { gaussian, generator } from '../../shared/random';
import type { Depth } from '../model/recipeSchema';
import type { Feed } from './feed';

/** Standard deviations at which `truncated` is cut, as Huginn (arXiv 2502.05171) was trained: what lies beyond is drawn again. */
const CUT = 3;

/**
 * [rows, count, width]. Follows from the seed and the position alone, so that it is the same whatever is fed together with it, in every arm.
 * `injected`: the prelude's output.
 */
export function startOf({ start, scale = 1 }: Depth['state'], seed: number, { positions }: Pick<Feed, 'positions'>, injected: Float32Array): Float32Array {
	switch (start) {
		case 'zero':
			return new Float32Array(injected.length);
		case 'input':
			return injected.map((value) => scale * value);
		default: {
			const width = injected.length / positions.length;
			const states = new Float32Array(injected.length);
			for (const [at, position] of positions.entries()) {
				const uniform = generator(seed, `depth state ${position}`);
				const one = () => scale * (start === 'normal' ? gaussian(uniform) : truncated(uniform));
				states.set(Float32Array.from({ length: width }, one), at * width);
			}
			return states;
		}
	}
}

function truncated(uniform: () => number): number {
	for (;;) {
		const drawn = gaussian(uniform);
		if (Math.abs(drawn) <= CUT) {
			return drawn;
		}
	}
}
