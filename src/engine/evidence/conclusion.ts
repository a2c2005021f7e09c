/** What the parts of the evidence say together: readings with their controls, levels, and the meter. */
import { claimOf, type Control } from '../../analysis/evidence';
import { meterOf } from '../../analysis/meter';
import type { Candidate } from '../../analysis/superposition';
import type { Thought } from '../../trace/document';
import type { CohortRecord, EvidenceRecord } from '../../trace/evidence';
import type { ArmPlan } from '../run/arm';
import type { Clean } from '../causal/clean';
import type { Compared } from './ood';
import type { Read } from './readings';

/** What was found so far about an arm with thoughts. */
export interface ArmEvidence {
	plan: ArmPlan;
	thoughts: readonly Thought[];
	/** Its greedy run. */
	clean: Clean;
	/** Of each thought. */
	candidates: readonly (readonly Candidate[])[];
	compared?: readonly Compared[];
	twinDistances?: readonly number[];
	/** Of each thought, on the model and on its controls. */
	reads?: { model?: readonly Read[]; twin?: readonly Read[]; random?: readonly Read[] };
}

export function concluded(
	arms: readonly ArmEvidence[],
	{ tests, cohorts, singles }: Pick<EvidenceRecord, 'tests' | 'cohorts' | 'singles'>,
): Pick<EvidenceRecord, 'readings' | 'claims' | 'meter'> {
	const of = (role: CohortRecord['role'], { plan }: ArmEvidence) => cohorts.find((one) => one.role === role && one.arm === plan.name);
	return {
		readings: arms.flatMap(({ plan, reads = {} }) =>
			(reads.model ?? []).map(({ candidates, live, shuffled }, thought) => ({
				arm: plan.name,
				thought,
				candidates,
				live,
				shuffled,
				twin: reads.twin?.[thought]?.live,
				random: reads.random?.[thought]?.live,
			})),
		),
		claims: arms.flatMap((arm) =>
			(arm.reads?.model ?? []).map((reading, thought) => {
				const resample = tests.find(
					({ arm: name, test, step, later }) =>
						name === arm.plan.name && test === 'resample' && step === thought && later !== 'frozen',
				);
				return claimOf({
					arm: arm.plan.name,
					thought,
					top: reading.top,
					reading: arm.candidates[thought]!.length > 0 ? reading : undefined,
					twin: control(arm.reads?.twin?.[thought]),
					random: control(arm.reads?.random?.[thought]),
					resample: resample?.draws,
					twinResample: resample?.control?.draws,
					cohort: of('model', arm)?.thoughts[thought]?.resample,
					singles: singles?.find((one) => one.arm === arm.plan.name),
				});
			}),
		),
		meter: arms.map((arm) =>
			meterOf({
				arm: arm.plan.name,
				width: arm.clean.thoughts[0]!.length,
				thoughts: arm.thoughts.map(({ spare }, i) => ({
					spare,
					tokens: arm.compared?.[i]?.['knn-tokens'].tokens ?? NaN,
					text: arm.compared?.[i]?.['knn-text'].text ?? NaN,
					twinTokens: arm.twinDistances?.[i],
				})),
				snap: tests.find(({ arm: name, test, form, step }) => name === arm.plan.name && test === 'snap-1' && form === 'rescaled' && step === 'all'),
				cohort: of('model', arm),
				twin: of('twin', arm),
			}),
		),
	};
}

function control(read: Read | undefined): Control | undefined {
	return read?.shuffled && { live: read.live, shuffled: read.shuffled };
}
