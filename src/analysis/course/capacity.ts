/** How many directions the thoughts of an arm take, and how many bits they carry under noise: numbers with their controls, in words. */
import { decimals } from '../../shared/decimals';
import type { Course } from '../../shared/panel';
import type { ArmRecord } from '../../trace/document';
import type { CohortRecord, EvidenceRecord } from '../../trace/evidence';
import { effectiveDimension, isotropicDimension } from '../principal';
import { tolerated } from '../meter';
import { printable } from '../text';
import type { Geometry } from './geometry';

type Line = Course['capacity'][number];

export function capacityLines(evidence: EvidenceRecord | undefined, { name: arm, thoughts }: ArmRecord, geometry: Geometry | undefined): Line[] {
	const cohort = (role: CohortRecord['role']) => evidence?.cohorts.find((one) => one.role === role && one.arm === arm);
	const [model, twin] = [cohort('model'), cohort('twin')];
	const none = evidence?.twin ? 'not measured on the twin' : 'no twin';
	const lines = [
		geometry && alongRun(geometry, thoughts.length),
		model && acrossPrompts(model, twin, none, geometry?.width),
		model && underNoise(model, twin, none),
	];
	return lines.filter((one) => one !== undefined).map((one) => ({ ...one, control: printable(one.control), definition: printable(one.definition) }));
}

function alongRun({ variances, width, sampled }: Geometry, thoughts: number): Line {
	const sample = sampled < thoughts ? ` Of ${sampled} thoughts, spread evenly.` : '';
	return {
		label: 'dimensions along this run',
		value: `${decimals(effectiveDimension(variances), 1)} of ${width}`,
		control: `random vectors ${decimals(isotropicDimension(sampled, width), 1)}`,
		definition:
			'Effective dimension (Σλ)²/Σλ² over the eigenvalues λ of the covariance of this run’s thoughts: 1 where they lie on a line. ' +
			`Control: (n − 1)·w/(n + w), what ${sampled} independent vectors show that vary alike in all ${width} directions.${sample}`,
	};
}

function acrossPrompts(model: CohortRecord, twin: CohortRecord | undefined, none: string, width: number | undefined): Line | undefined {
	const { thoughts, prompts } = model;
	const of = width === undefined ? '' : ` of ${width}`;
	const dimensions = (of: CohortRecord) => of.thoughts.map(({ dimension }) => dimension);
	return thoughts.length === 0
		? undefined
		: {
				label: 'dimensions across prompts',
				value: `${decimals(mean(dimensions(model)), 1)}${of}`,
				control: twin && twin.thoughts.length > 0 ? `twin ${decimals(mean(dimensions(twin)), 1)}` : none,
				definition:
					'Effective dimension (Σλ)²/Σλ² over the eigenvalues λ of the covariance of one thought over the reference prompts: ' +
					'how many directions tell prompts apart. ' +
					`Mean over ${counted(thoughts.length)} and ${prompts} prompts${spanOf(dimensions(model))}; ${prompts} prompts cannot show more than ${prompts - 1}.`,
			};
}

function underNoise({ thoughts, noise }: CohortRecord, twin: CohortRecord | undefined, none: string): Line | undefined {
	const bits = (of: CohortRecord['thoughts']) => of.flatMap((one) => (one.bits === undefined ? [] : [one.bits]));
	const [own, others] = [bits(thoughts), bits(twin?.thoughts ?? [])];
	const ratio = tolerated(noise);
	return own.length === 0
		? undefined
		: {
				label: 'bits a thought under noise',
				value: `≈ ${decimals(mean(own), 1)}`,
				control: others.length > 0 ? `twin ≈ ${decimals(mean(others), 1)}` : none,
				definition:
					'½ Σ log₂(1 + λ/σ²) over the same eigenvalues: what a Gaussian channel of that spread carries, and no measure of what the model puts in. ' +
					`σ is that of the largest noise that leaves 90 % of the answers${ratio === undefined ? '' : `, ${decimals(ratio)} of a thought’s norm`}. Mean over ${counted(own.length)}${spanOf(own)}.`,
			};
}

function counted(thoughts: number): string {
	return `${thoughts} thought${thoughts === 1 ? '' : 's'}`;
}

function spanOf(values: readonly number[]): string {
	const [low, high] = [values.reduce((a, b) => Math.min(a, b)), values.reduce((a, b) => Math.max(a, b))];
	return `, from ${decimals(low, 1)} to ${decimals(high, 1)}`;
}

function mean(values: readonly number[]): number {
	return values.reduce((sum, value) => sum + value, 0) / values.length;
}
