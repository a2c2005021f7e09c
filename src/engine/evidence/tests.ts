/** Causal tests of one prompt on one model, as records of a trace. */
import { CAUSAL_TESTS, type CausalTest } from '../../analysis/causal';
import type { RunOptions } from '../../trace/document';
import type { CausalRecord } from '../../trace/evidence';
import type { CausalRow, NamedPrompt, ProgressEvent } from '../api';
import { CausalRun } from '../causal/sweep';
import type { Model } from '../model';

/** A transplant needs a prompt that was chosen for it. */
const TESTS: readonly CausalTest[] = CAUSAL_TESTS.filter((test) => test !== 'transplant');

export interface Tested {
	records: CausalRecord[];
	/** What could not be tested: one sentence each. */
	skipped: string[];
}

export async function testsOf(
	model: Model,
	prompt: string,
	arms: string[],
	options: RunOptions,
	reference: NamedPrompt[],
	signal: AbortSignal,
	emit: (event: ProgressEvent) => void,
): Promise<Tested> {
	const records: CausalRecord[] = [];
	const run = new CausalRun(
		model,
		{ model: model.folder, prompts: [prompt], arms, options, tests: [...TESTS], scope: 'each', reference },
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
