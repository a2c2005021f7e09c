import * as v from 'valibot';
import { encodeHeader, headerLength, LENGTH_BYTES, parseHeader, type TensorTable } from '../trace/container';
import type { ProbeMetric, ProbePlace } from '../trace/document';
import { describeIssue, MAX_METRICS, metricSchema } from '../trace/schema';

/** Linear probes of one target, fitted for each step, site and class (models/README.md). */
export interface Probe {
	/** Kebab-case. */
	name: string;
	/** One sentence: what a score near 1 claims. */
	label: string;
	/** Arm whose states it reads. */
	arm: string;
	/** What a step is: a thought, or the last token of a written sentence. */
	at: ProbePlace;
	/** `resid`: the residual stream before the final norm. */
	site: 'resid';
	/** Id of the model that it was fitted on, and its hash; absent in the files of a model's own folder, whose manifest has theirs. */
	model: string;
	modelSha256?: string;
	/** [steps, sites, classes, width] */
	weight: Float32Array;
	/** [steps, sites, classes] */
	bias: Float32Array;
	/** [steps, sites, width], of the training data; as `scale`, the standard deviation. */
	mean: Float32Array;
	scale: Float32Array;
	shape: { steps: number; sites: number; classes: number; width: number };
	/** Names of the classes; absent where there is only one. */
	classes?: string[];
	/** Which classes are asked about: those that the prompt names, or all. */
	asks: 'named' | 'all';
	/** Steps and sites at which nothing was fitted. */
	unfitted: [step: number, site: number][];
	/** The built-in task that labelled its prompts. */
	task?: string;
	/** First half of the SHA-256 of every prompt that it was fitted on, hex: what it is tested on should be none of them. */
	training: string[];
	/** Held-out figures, with their controls. */
	metrics: ProbeMetric[];
	sha256: string;
}

/** For the record only: how the fit was made. */
export interface Provenance {
	seed: number;
	/** Labelled prompts. */
	n: number;
	split: { by: 'group'; training: number; heldOut: number; folds: number };
	/** Chosen for each step and site that was fitted. */
	penalty: { step: number; layer: number; penalty: number }[];
}

/** Larger than any linear probe of a model that runs here. */
const MAX_METRICS_TEXT = 16 * 1024 * 1024;
const MAX_CLASSES = 100_000;
/** Hex digits of a prompt's hash: enough that no two of a million collide. */
export const PROMPT_HASH = 32;
/** More would not fit the header; prompts beyond them are not remembered. */
export const MAX_TRAINING = 100_000;

const text = v.pipe(v.string(), v.nonEmpty(), v.maxLength(2_000));
const place = v.pipe(v.number(), v.integer(), v.minValue(0));
export const probeName = v.pipe(v.string(), v.regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/), v.maxLength(100));
const schema = v.object({
	format: v.literal('neuralese-probe'),
	version: v.literal('1'),
	name: probeName,
	label: text,
	arm: text,
	at: v.picklist(['thoughts', 'tokens']),
	site: v.literal('resid'),
	model: text,
	modelSha256: v.optional(v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/))),
	classes: v.optional(json(v.pipe(v.array(text), v.minLength(1), v.maxLength(MAX_CLASSES)))),
	asks: v.optional(v.picklist(['named', 'all']), 'named'),
	unfitted: v.optional(json(v.pipe(v.array(v.tuple([place, place])), v.maxLength(MAX_METRICS))), '[]'),
	task: v.optional(text),
	training: v.optional(json(v.pipe(v.array(v.pipe(v.string(), v.length(PROMPT_HASH))), v.maxLength(MAX_TRAINING))), '[]'),
	metrics: json(v.object({ cells: v.pipe(v.array(metricSchema), v.maxLength(MAX_METRICS)) })),
});

function json<T extends v.GenericSchema>(inner: T) {
	return v.pipe(v.string(), v.maxLength(MAX_METRICS_TEXT), v.parseJson(), inner);
}

/** Reads one probe file. `sha256` is that of `bytes`, hex. Fails with one sentence. */
export function parseProbe(bytes: Uint8Array, sha256: string): Probe {
	const length = headerLength(bytes.subarray(0, LENGTH_BYTES), bytes.byteLength);
	const table = parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), bytes.byteLength);
	const result = v.safeParse(schema, Object.fromEntries(table.metadata), { abortEarly: true });
	if (!result.success) {
		throw new Error(`The probe's metadata are wrong (${describeIssue(result.issues[0])}): export it again.`);
	}
	const { format: _, version: __, metrics, ...rest } = result.output;
	const { name, classes, unfitted } = rest;
	const extents = table.tensors.get('weight')?.shape ?? [];
	const [steps = 0, sites = 0, count = 0, width = 0] = extents;
	if (extents.length !== 4 || extents.includes(0) || (classes?.length ?? 1) !== count) {
		throw new Error(
			`The probe ${name} needs a weight [steps, sites, classes, width] with a name for each class: export it again.`,
		);
	}
	if (unfitted.some(([step, site]) => step >= steps || site >= sites)) {
		throw new Error(`The probe ${name} names a step or site as not fitted that it does not have: export it again.`);
	}
	const values = (tensor: string, shape: number[]) => floats(bytes, table, name, tensor, shape);
	return {
		...rest,
		weight: values('weight', extents),
		bias: values('bias', [steps, sites, count]),
		mean: values('mean', [steps, sites, width]),
		scale: values('scale', [steps, sites, width]),
		shape: { steps, sites, classes: count, width },
		metrics: metrics.cells,
		sha256,
	};
}

function floats(bytes: Uint8Array, table: TensorTable, probe: string, name: string, shape: number[]): Float32Array {
	const tensor = table.tensors.get(name);
	if (tensor?.dtype !== 'F32' || tensor.shape.join() !== shape.join()) {
		throw new Error(`The probe ${probe} needs the tensor ${name} as F32 [${shape.join(', ')}]: export it again.`);
	}
	// A copy, because the file's bytes need not be aligned; by constructor, because a Buffer's `slice` does not copy.
	const values = new Float32Array(new Uint8Array(bytes.subarray(tensor.start, tensor.start + tensor.length)).buffer);
	if (!values.every(name === 'scale' ? (value) => value > 0 && value < Infinity : Number.isFinite)) {
		throw new Error(`The probe ${probe} has values in ${name} that no fit has: export it again.`);
	}
	return values;
}

/** The bytes of a probe file; `parseProbe` reads them. */
export function encodeProbe(probe: Omit<Probe, 'sha256'>, { seed, n, split, penalty }: Provenance): Uint8Array {
	const { steps, sites, classes, width } = probe.shape;
	const tensors = [
		{ name: 'weight', shape: [steps, sites, classes, width], data: probe.weight },
		{ name: 'bias', shape: [steps, sites, classes], data: probe.bias },
		{ name: 'mean', shape: [steps, sites, width], data: probe.mean },
		{ name: 'scale', shape: [steps, sites, width], data: probe.scale },
	];
	const metadata: Record<string, string> = {
		format: 'neuralese-probe',
		version: '1',
		name: probe.name,
		label: probe.label,
		arm: probe.arm,
		at: probe.at,
		site: probe.site,
		model: probe.model,
		...(probe.modelSha256 === undefined ? {} : { modelSha256: probe.modelSha256 }),
		...(probe.classes ? { classes: JSON.stringify(probe.classes), asks: probe.asks } : {}),
		...(probe.task === undefined ? {} : { task: probe.task }),
		seed: String(seed),
		n: String(n),
		split: JSON.stringify(split),
		penalty: JSON.stringify(penalty),
		unfitted: JSON.stringify(probe.unfitted),
		training: JSON.stringify(probe.training),
		metrics: JSON.stringify({ groups: split.heldOut, splitBy: split.by, cells: probe.metrics }),
	};
	const header = encodeHeader(tensors.map(({ name, shape }) => ({ name, shape, dtype: 'F32' })), metadata);
	const out = new Uint8Array(header.length + tensors.reduce((sum, { data }) => sum + data.byteLength, 0));
	out.set(header);
	let at = header.length;
	for (const { data } of tensors) {
		out.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
		at += data.byteLength;
	}
	return out;
}

/** What a probe is held against before it is read on a model. */
export interface Fitting {
	id: string;
	/** Absent for the files of the model's own folder. */
	sha256?: string;
	width: number;
	sites: number;
	arms: readonly string[];
}

/** Why a probe says nothing about a model, with what to do; absent where it fits. */
export function misfit({ name, model, modelSha256, arm, shape }: Probe, to: Fitting): string | undefined {
	if (shape.width !== to.width || shape.sites !== to.sites) {
		return (
			`The probe ${name} was fitted on states of ${shape.width} values at ${shape.sites} sites, and ${to.id} has ${to.width} at ${to.sites}: ` +
			`choose the model that it was fitted on, or train it again.`
		);
	}
	if (model !== to.id || (modelSha256 !== undefined && to.sha256 !== undefined && modelSha256 !== to.sha256)) {
		const whose = model === to.id ? `another version of ${to.id} (its hash differs)` : `another model, not on ${to.id}`;
		return `The probe ${name} was fitted on ${whose}: choose that model, or train the probe again.`;
	}
	return to.arms.includes(arm) ? undefined : `The probe ${name} reads the arm ${arm}, which ${to.id} does not have: train it again.`;
}

/** Whether the probe was fitted at a step and a site. One fit may serve all steps. */
export function isFitted({ shape, unfitted }: Probe, step: number, site: number): boolean {
	const row = shape.steps > 1 ? step : 0;
	return row < shape.steps && !unfitted.some(([at, where]) => at === row && where === site);
}

/**
 * Log-odds of a residual stream [width] at a site: weight · (h − mean) / scale + bias. NaN where nothing was fitted: at a step beyond
 * those of the probe, unless one fit serves them all.
 */
export function probeLogit(probe: Probe, hidden: Float32Array, step: number, site: number, classIndex: number): number {
	const { steps, sites, classes, width } = probe.shape;
	if (!isFitted(probe, step, site)) {
		return Number.NaN;
	}
	const cell = (steps > 1 ? step : 0) * sites + site;
	const row = cell * classes + classIndex;
	let logit = probe.bias[row]!;
	for (let i = 0; i < width; i++) {
		const at = cell * width + i;
		logit += probe.weight[row * width + i]! * ((hidden[i]! - probe.mean[at]!) / probe.scale[at]!);
	}
	return logit;
}

/** The score, 0..1: sigmoid of the log-odds. It ranks; how far it is from a probability is the metrics' `ece`. */
export function scoreProbe(probe: Probe, hidden: Float32Array, step: number, site: number, classIndex: number): number {
	return 1 / (1 + Math.exp(-probeLogit(probe, hidden, step, site, classIndex)));
}
