/** Thoughts whose removal was shown to change nothing. */
import { difference } from '../shared/decimals';
import type { CausalRecord, Estimate } from '../trace/evidence';
import { MIN_RESAMPLES, moves, NEGLIGIBLE } from './evidence';

/**
 * What shows that a thought is idle, in one sentence; undefined where that is not shown. A thought is idle where other prompts' thoughts in
 * its place, the later ones recomputed, leave the answer, and the whole interval of Δ log-odds lies within the control's, widened to what
 * is negligible. Without a control on which the same was done, or with one that itself moves, nothing is said.
 */
export function idleReason(tests: readonly CausalRecord[]): string | undefined {
	const resampled = tests.find(({ test, later, draws }) => test === 'resample' && later !== 'frozen' && draws);
	const [own, control] = [resampled?.draws, resampled?.control?.draws];
	if (!resampled || !own || !control || resampled.changed || own.n < MIN_RESAMPLES || control.n < MIN_RESAMPLES || moves(control)) {
		return undefined;
	}
	const low = Math.min(control.ci[0], -NEGLIGIBLE);
	const high = Math.max(control.ci[1], NEGLIGIBLE);
	return low <= own.ci[0] && own.ci[1] <= high
		? `the thoughts of ${own.n} other prompts in its place leave the answer: Δ log-odds ${told(own)} nats, on the control ${told(control)}`
		: undefined;
}

function told({ value, ci: [low, high] }: Estimate): string {
	return `${difference(value)} [${difference(low)}, ${difference(high)}]`;
}
