/** How near a thought's part is to its nearest code, against the second nearest. */
import type { CodeReading } from '../src/shared/panel';

/**
 * 1 − d₁/d₂ of the two smallest distances: 1 at a code, 0 half-way between two. NaN where there is nothing to compare with.
 * It needs no unit, so that parts of different scales can be compared.
 */
export function nearness({ nearest: [first, second] }: Pick<CodeReading, 'nearest'>): number {
	return first && second && second.distance > 0 ? 1 - first.distance / second.distance : NaN;
}
