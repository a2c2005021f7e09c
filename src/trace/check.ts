/** What a schema cannot say: that the parts of a trace fit each other. Each check returns a sentence's worth of what is wrong. */
import type { TensorEntry } from './container';
import type { ArmRecord, TraceDocument } from './document';
import type { EvidenceRecord } from './evidence';
import { planeSpec, type PlaneName, type PlaneSpec } from './planes';

export const DOCUMENT_TENSOR = 'trace.json';
/** Bounds `top` axes: more top tokens than any vocabulary is worth. */
export const MAX_TOP = 1_000;
/** A measure and its two percentiles. */
export const PERCENTILES = 3;
const MIP = /^(.+)\.mip([1-9][0-9]?)$/s;
/** Rows of one level become one row of the next. */
export const MIP_FACTOR = 4;

/** A plane's tensor in a trace; `level` 0 is the plane itself. */
export interface PlaneTensor {
	arm: ArmRecord;
	plane: PlaneName;
	level: number;
	spec: PlaneSpec;
}

/** What a tensor's name means; absent for planes of later versions, which are skipped. */
export function parseTensorName(name: string, document: TraceDocument): PlaneTensor | undefined {
	const slash = name.indexOf('/');
	const arm = document.arms.find((candidate) => candidate.name === name.slice(0, Math.max(slash, 0)));
	const rest = name.slice(slash + 1);
	const mip = MIP.exec(rest);
	const plane = (mip ? mip[1]! : rest) as PlaneName;
	const spec = planeSpec(plane);
	return arm && spec ? { arm, plane, spec, level: mip ? Number(mip[2]) : 0 } : undefined;
}

/** Rows of a mip level. */
export function mipRows(rows: number, level: number): number {
	return Math.ceil(rows / MIP_FACTOR ** level);
}

export function checkDocument({ prompt, model, arms, probes, evidence }: TraceDocument): string | undefined {
	const inside = (range: { start: number; end: number }) => range.end <= prompt.text.length;
	let end = 0;
	for (const { text, file } of prompt.pieces) {
		if (text.start < end || !inside(text) || text.end - text.start !== file.end - file.start) {
			return "the prompt's pieces do not fit its text";
		}
		end = text.end;
	}
	if (
		new Set(arms.map((arm) => arm.name)).size !== arms.length ||
		new Set(probes.map((probe) => probe.name)).size !== probes.length
	) {
		return 'two arms or probes have the same name';
	}
	for (const { name, steps, thoughts } of arms) {
		if (steps.some((step) => step.span && !inside(step.span))) {
			return `a token of arm ${name} lies outside the prompt`;
		}
		if (
			thoughts.some(
				(thought, i) =>
					thought.index !== i || thought.producedAt >= steps.length || thought.fedAt !== thought.producedAt + 1,
			)
		) {
			return `a thought of arm ${name} lies outside its steps`;
		}
	}
	return evidence && checkEvidence(evidence, arms, model.layers);
}

/** Whoever shows evidence looks up the arm and the thought that it is about. Sentences of written thoughts are not counted here. */
function checkEvidence(
	{ tests, ood, readings, claims, meter, legibility, cohorts }: EvidenceRecord,
	arms: readonly ArmRecord[],
	layers: number,
): string | undefined {
	const thoughts = new Map(arms.map((arm) => [arm.name, arm.thoughts.length]));
	const unknown = [tests, ood, readings, claims, meter, legibility, cohorts].flat().find(({ arm }) => !thoughts.has(arm));
	if (unknown) {
		return 'its evidence is about an arm that it does not have';
	}
	if ([...readings, ...claims].some(({ arm, thought }) => thought >= thoughts.get(arm)!)) {
		return 'its evidence is about a thought that it does not have';
	}
	return tests.some(({ site = 0 }) => site > layers) ? 'its evidence is about a layer that the model does not have' : undefined;
}

export function checkTensor(
	tensor: Pick<TensorEntry, 'dtype' | 'shape'>,
	{ arm, plane, level, spec }: PlaneTensor,
	document: TraceDocument,
): string | undefined {
	const first = mipRows(spec.perThought ? arm.thoughts.length : arm.steps.length, level);
	const fits =
		tensor.dtype === spec.dtype &&
		tensor.shape.length === 1 + spec.axes.length &&
		tensor.shape[0] === first &&
		spec.axes.every((axis, i) => {
			const extent = tensor.shape[i + 1]!;
			switch (axis) {
				case 'top':
				case 'code':
					return extent <= MAX_TOP;
				case 'site':
					return extent === document.model.layers + 1;
				case 'width':
					return extent === document.model.width;
				case 'latent':
					return extent === (arm.latentWidth ?? document.model.width);
				case 'percentile':
					return extent === PERCENTILES;
			}
		});
	return fits ? undefined : `plane ${plane} of arm ${arm.name} has not the shape that its steps and model ask for`;
}
