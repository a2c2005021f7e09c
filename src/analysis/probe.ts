import * as v from 'valibot';
import { headerLength, LENGTH_BYTES, parseHeader, type TensorTable } from '../trace/container';
import type { ProbeMetric } from '../trace/document';
import { describeIssue, MAX_METRICS, metricSchema } from '../trace/schema';

/** Linear probes of one target, fitted for each thought, site and class (models/README.md). */
export interface Probe {
	/** Kebab-case. */
	name: string;
	/** One sentence: what a score near 1 claims. */
	label: string;
	/** Arm whose thoughts it reads. */
	arm: string;
	/** `resid`: the residual stream before the final norm. */
	site: string;
	/** Id of the model that it was fitted on. */
	model: string;
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
	/** Held-out figures, with their controls. */
	metrics: ProbeMetric[];
	sha256: string;
}

/** Larger than any linear probe of a model that runs here. */
const MAX_METRICS_TEXT = 16 * 1024 * 1024;

const text = v.pipe(v.string(), v.nonEmpty(), v.maxLength(2_000));
const schema = v.object({
	format: v.literal('neuralese-probe'),
	version: v.literal('1'),
	name: v.pipe(v.string(), v.regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/), v.maxLength(100)),
	label: text,
	arm: text,
	at: v.literal('thoughts'),
	site: v.literal('resid'),
	model: text,
	classes: v.optional(json(v.pipe(v.array(text), v.minLength(1), v.maxLength(100_000)))),
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
	const { name, label, arm, site, model, classes, metrics } = result.output;
	const extents = table.tensors.get('weight')?.shape ?? [];
	const [steps = 0, sites = 0, count = 0, width = 0] = extents;
	if (extents.length !== 4 || extents.includes(0) || (classes?.length ?? 1) !== count) {
		throw new Error(
			`The probe ${name} needs a weight [thoughts, sites, classes, width] with a name for each class: export it again.`,
		);
	}
	const values = (tensor: string, shape: number[]) => floats(bytes, table, name, tensor, shape);
	return {
		name,
		label,
		arm,
		site,
		model,
		weight: values('weight', extents),
		bias: values('bias', [steps, sites, count]),
		mean: values('mean', [steps, sites, width]),
		scale: values('scale', [steps, sites, width]),
		shape: { steps, sites, classes: count, width },
		classes,
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

/**
 * Score of a residual stream [width] at a site, 0..1: sigmoid(weight · (h − mean) / scale + bias). It ranks, it is no calibrated
 * probability. NaN for a thought beyond those that the probe was fitted on, unless one fit serves them all.
 */
export function scoreProbe(probe: Probe, hidden: Float32Array, thought: number, site: number, classIndex: number): number {
	const { steps, sites, classes, width } = probe.shape;
	if (steps > 1 && thought >= steps) {
		return Number.NaN;
	}
	const cell = (steps > 1 ? thought : 0) * sites + site;
	const row = cell * classes + classIndex;
	let logit = probe.bias[row]!;
	for (let i = 0; i < width; i++) {
		const at = cell * width + i;
		logit += probe.weight[row * width + i]! * ((hidden[i]! - probe.mean[at]!) / probe.scale[at]!);
	}
	return 1 / (1 + Math.exp(-logit));
}
