/** Causal tests of one prompt on one model, as records of a trace. */
import { CAUSAL_TESTS, isWritten, type CausalTest } from '../../analysis/causal';
import type { RunOptions } from '../../trace/document';
import type { CausalRecord } from '../../trace/evidence';
import type { CausalRow, NamedPrompt, ProgressEvent } from '../api';
import type { ArmPlan } from '../arm';
import { CausalRun } from '../causal/sweep';
import type { Model } from '../model';

/** A transplant needs a prompt that was chosen for it. */
const TESTS: readonly CausalTest[] = CAUSAL_TESTS.filter((test) => test !== 'transplant');

/** Those that have something to change in one of the arms. */
function testsFor(plans: readonly ArmPlan[]): CausalTest[] {
	const thinks = plans.some(({ feedback }) => feedback !== undefined);
	const writes = plans.some(({ segments }) => segments.some((segment) => segment.kind === 'decode' && segment.role === 'thought'));
	return TESTS.filter((test) => (isWritten(test) ? writes : thinks));
}

export interface Tested {
	records: CausalRecord[];
	/** What could not be tested: one sentence each. */
	skipped: string[];
}

export async function testsOf(
	model: Model,
	prompt: string,
	plans: readonly ArmPlan[],
	options: RunOptions,
	reference: NamedPrompt[],
	signal: AbortSignal,
	emit: (event: ProgressEvent) => void,
): Promise<Tested> {
	const records: CausalRecord[] = [];
	const tests = testsFor(plans);
	if (tests.length === 0) {
		return { records, skipped: ['Nothing was tested by changing it, because no arm that was run has thoughts.'] };
	}
	const arms = plans.map(({ name }) => name);
	const run = new CausalRun(
		model,
		{ model: model.folder, prompts: [prompt], arms, options, tests, scope: 'each', reference },
		signal,
		(event) => {
			if (event.kind === 'row') {
				records.push(recordOf(event.row));
			} else if (event.kind === 'progress') {
				emit(event);
			}
		},
	);
	const { skipped } = await run.run();
	return { records, skipped };
}

/** Numbers that are not finite are not measured. */
function recordOf({ deltaLogOdds, kl, ...row }: CausalRow): CausalRecord {
	return { ...row, deltaLogOdds: finite(deltaLogOdds), kl: finite(kl) };
}

function finite(value: number): number | null {
	return Number.isFinite(value) ? value : null;
}
