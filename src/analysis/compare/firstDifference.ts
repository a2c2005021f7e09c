/** Whether a run that was done again is the one that a trace recorded. */
import type { ArmRecord, Step } from '../../trace/document';
import { planeSpec, type PlaneName, type TraceSource } from '../../trace/planes';
import { differentNumber, differentRank, type Ranked } from './agreement';
import type { Comparand } from './side';

/** Where a recorded run and the same run here first part. */
export interface FirstDifference {
	arm: string;
	/** In the arm's sequence; absent where it is about the arm as a whole. */
	position?: number;
	/** `step` where another token or thought stands there, `answer`, `arm`. */
	plane: string;
	recorded: string | number;
	here: string | number;
	/** Of a number: the largest difference that would still count as the same. */
	tolerance?: number;
}

export interface Repetition {
	difference?: FirstDifference;
	/** What was held against each other. */
	positions: number;
	planes: number;
	/** Planes that the run here does not have, by name. */
	missing: string[];
}

/** Tests and controls are no part of a run of arms, and hang on other models and prompts. */
const EVIDENCE = /^(ood|causal|legibility)\./;
/** Half-precision values have eleven bits: the same number may be rounded to either neighbour. */
const HALF_ROUNDING = 2 ** -10;
/** Values that are held in memory of each side at once. */
const WINDOW_VALUES = 2 ** 20;

/** `tolerance`: share of the largest value that stands beside it (of 1 where all are smaller) by which a value may differ. */
export async function firstDifference(recorded: Comparand, here: Comparand, tolerance: number): Promise<Repetition> {
	const out: Repetition = { positions: 0, planes: 0, missing: [] };
	for (const arm of recorded.source.document.arms) {
		const again = here.source.document.arms.find(({ name }) => name === arm.name);
		if (!again) {
			return { ...out, difference: { arm: arm.name, plane: 'arm', recorded: 'run', here: 'not run' } };
		}
		const planes = recorded.planes(arm.name).filter((plane) => !EVIDENCE.test(plane));
		const known = new Set(here.planes(arm.name));
		out.missing.push(...planes.filter((plane) => !known.has(plane)).map((plane) => `${arm.name}/${plane}`));
		let first = differentStep(arm, again, recorded.source, here.source);
		for (const plane of planes.filter((one) => known.has(one))) {
			const before = first?.position ?? Math.min(arm.steps.length, again.steps.length);
			first = (await differentValue({ recorded: recorded.source, here: here.source, arm, plane, before, tolerance })) ?? first;
			out.planes++;
		}
		first ??= differentEnd(arm, again);
		if (first) {
			return { ...out, difference: first };
		}
		out.positions += arm.steps.length;
	}
	return out;
}

/** As the end of a sentence, without its full stop. */
export function differenceText({ arm, position, plane, recorded, here, tolerance }: FirstDifference): string {
	const where = position === undefined ? '' : `, position ${position}`;
	const allowed = tolerance === undefined ? '' : `, more than ${tolerance.toPrecision(2)} apart`;
	return `arm ${arm}${where}, ${plane}: recorded ${shown(recorded)}, here ${shown(here)}${allowed}`;
}

/** Numbers with all digits of a float. */
function shown(value: string | number): string {
	return typeof value === 'string' ? JSON.stringify(value) : Number.isInteger(value) ? String(value) : value.toPrecision(8);
}

function differentStep(arm: ArmRecord, again: ArmRecord, recorded: TraceSource, here: TraceSource): FirstDifference | undefined {
	const isSame = (a: Step | undefined, b: Step | undefined) => a?.kind === b?.kind && a?.id === b?.id && a?.thought === b?.thought && a?.forced === b?.forced;
	const steps = arm.steps.length >= again.steps.length ? arm.steps : again.steps;
	const position = steps.findIndex((_, i) => !isSame(arm.steps[i], again.steps[i]));
	return position < 0
		? undefined
		: { arm: arm.name, position, plane: 'step', recorded: inWords(arm.steps[position], recorded), here: inWords(again.steps[position], here) };
}

function inWords(step: Step | undefined, { document }: TraceSource): string {
	if (!step) {
		return 'the end';
	}
	return step.kind === 'latent' ? `latent ${step.thought}` : (document.tokens.find(({ id }) => id === step.id)?.text ?? `#${step.id}`);
}

function differentEnd(arm: ArmRecord, again: ArmRecord): FirstDifference | undefined {
	for (const key of ['state', 'answer'] as const) {
		if (arm[key] !== again[key]) {
			return { arm: arm.name, plane: key, recorded: arm[key] ?? 'none', here: again[key] ?? 'none' };
		}
	}
	return undefined;
}

interface Compared {
	recorded: TraceSource;
	here: TraceSource;
	arm: ArmRecord;
	plane: PlaneName;
	/** Positions from here on are of no interest any more. */
	before: number;
	tolerance: number;
}

/** The first of a plane, where it is before the position that is known to differ. */
async function differentValue({ recorded, here, arm, plane, before, tolerance: share }: Compared): Promise<FirstDifference | undefined> {
	const { perThought, dtype, axes } = planeSpec(plane)!;
	const positions = perThought ? arm.thoughts.map(({ producedAt }) => producedAt) : undefined;
	const rows = positions ? positions.filter((position) => position < before).length : before;
	const values = companion(plane);
	const read = async (source: TraceSource, start: number, end: number): Promise<Ranked> => ({
		own: await source.read(arm.name, plane, { start, end }),
		values: values && (await source.read(arm.name, values, { start, end })),
	});
	const tolerance = dtype === 'F16' ? Math.max(share, HALF_ROUNDING) : share;
	const stride = (await recorded.read(arm.name, plane, { start: 0, end: 1 }))?.length ?? 0;
	const window = Math.max(1, Math.floor(WINDOW_VALUES / Math.max(1, stride)));
	for (let start = 0; start < rows; start += window) {
		const end = Math.min(rows, start + window);
		const [one, other] = [await read(recorded, start, end), await read(here, start, end)];
		/** Values of one list, or of one vector. */
		const group = axes.length === 0 ? 1 : lastAxis(stride, axes, recorded);
		const at = values
			? differentRank(one, other, group, tolerance)
			: differentNumber(one.own, other.own, group, tolerance);
		if (at) {
			const row = start + Math.floor(at.index / stride);
			return { arm: arm.name, position: positions?.[row] ?? row, plane, recorded: at.recorded, here: at.here, ...(at.tolerance === undefined ? {} : { tolerance: at.tolerance }) };
		}
	}
	return undefined;
}

function lastAxis(stride: number, axes: readonly string[], { document }: TraceSource): number {
	return axes.length === 1 ? stride : stride / (document.model.layers + 1);
}

/** The values that a plane of ids is ranked by. */
function companion(plane: PlaneName): PlaneName | undefined {
	const ranked = /^(lens|latent)\.topk_id$/.exec(plane);
	const code = /^(code\..+)\.id$/s.exec(plane);
	return ranked ? `${ranked[1] as 'lens' | 'latent'}.topk_logit` : code ? `${code[1] as `code.${string}`}.distance` : plane === 'neighbour.topk_id' ? 'neighbour.topk_cosine' : undefined;
}
