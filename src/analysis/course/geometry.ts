/** Where the thoughts of an arm lie to each other: norms, distances and principal components, each computed once. */
import type { Range } from '../../shared/range';
import { generator } from '../../shared/random';
import type { ArmRecord } from '../../trace/document';
import type { TraceSource } from '../../trace/planes';
import { norm } from '../lens';
import { principal } from '../principal';
import { quantile } from '../statistics';

/** Components whose places are told: two make a picture, the third shows what it hides. */
export const COMPONENTS = 3;

/** Thoughts read at once: 16 MB of the widest that are known. */
const CHUNK = 1_024;
/** Rows and columns of a matrix that is decomposed: half a second, during which the host does nothing else. */
const MAX_MATRIX = 256;
/** Thoughts that components are found from where they are narrow enough for their covariance to be decomposed. */
const MAX_SAMPLE = 2_048;
/** Pairs whose distances are the control: all of 128 thoughts. */
const MAX_PAIRS = 8_192;

export interface Geometry {
	width: number;
	/** [K] each: Euclidean length; distance to the thought before, NaN of the first; distance to the first. */
	norm: Float32Array;
	drift: Float32Array;
	departure: Float32Array;
	/** Distance of two thoughts of the arm taken at random, as consecutive ones of a shuffled order are: mean, and the middle 95 % of pairs. */
	shuffled: { value: number; ci: [number, number]; n: number };
	/** [K, 3]: places along the first principal components. */
	places: Float32Array;
	/** Variances along all components that were found, descending. */
	variances: Float64Array;
	/** Thoughts that the components were found from, spread evenly: all of them where there are not too many. */
	sampled: number;
}

/** Undefined where the arm has no vectors, or not all of them (yet). */
export async function geometryOf(source: TraceSource, arm: ArmRecord): Promise<Geometry | undefined> {
	const count = arm.thoughts.length;
	const width = arm.latentWidth ?? source.document.model.width;
	const wanted = evenly(count, width > MAX_MATRIX ? MAX_MATRIX : MAX_SAMPLE);
	const found = { norm: new Float32Array(count), drift: new Float32Array(count), departure: new Float32Array(count) };
	const sample: Float32Array[] = [];
	let first: Float32Array | undefined;
	let before: Float32Array | undefined;
	const complete = await eachVector(source, arm, width, (vector, index) => {
		first ??= vector;
		found.norm[index] = norm(vector);
		found.drift[index] = before ? distance(vector, before) : NaN;
		found.departure[index] = distance(vector, first);
		before = vector;
		if (index === wanted[sample.length]) {
			sample.push(vector.slice());
		}
	});
	if (!complete) {
		return undefined;
	}
	const { variances, project } = principal(sample, COMPONENTS);
	const places = new Float32Array(count * COMPONENTS);
	await eachVector(source, arm, width, (vector, index) => places.set(project(vector), index * COMPONENTS));
	return { width, ...found, shuffled: shuffledDistance(sample), places, variances, sampled: sample.length };
}

/** False where there are fewer vectors than thoughts, or values that are no numbers. */
async function eachVector(
	source: TraceSource,
	{ name, thoughts }: ArmRecord,
	width: number,
	visit: (vector: Float32Array, index: number) => void,
): Promise<boolean> {
	for (let start = 0; start < thoughts.length; start += CHUNK) {
		const rows: Range = { start, end: Math.min(start + CHUNK, thoughts.length) };
		const values = await source.read(name, 'latent.vec', rows);
		if (!(values instanceof Float32Array) || values.length !== (rows.end - rows.start) * width || !values.every(Number.isFinite)) {
			return false;
		}
		for (let index = rows.start; index < rows.end; index++) {
			visit(values.subarray((index - start) * width, (index - start + 1) * width), index);
		}
	}
	return thoughts.length > 0;
}

/** At most `most` indices of [0, count), ascending. */
function evenly(count: number, most: number): number[] {
	const n = Math.min(count, most);
	return Array.from({ length: n }, (_, i) => Math.floor((i * count) / n));
}

/** Of all pairs, or of as many drawn with a fixed seed. */
export function shuffledDistance(vectors: readonly Float32Array[]): Geometry['shuffled'] {
	const n = vectors.length;
	const all = (n * (n - 1)) / 2;
	const uniform = generator(0, 'shuffled thoughts');
	const distances: number[] = [];
	if (all <= MAX_PAIRS) {
		vectors.forEach((one, i) => vectors.slice(0, i).forEach((other) => distances.push(distance(one, other))));
	} else {
		while (distances.length < MAX_PAIRS) {
			const [i, j] = [Math.floor(uniform() * n), Math.floor(uniform() * n)];
			if (i !== j) {
				distances.push(distance(vectors[i]!, vectors[j]!));
			}
		}
	}
	const ascending = Float64Array.from(distances).sort();
	const mean = ascending.reduce((sum, value) => sum + value, 0) / ascending.length;
	const at = (share: number) => (ascending.length > 0 ? quantile(ascending, share) : NaN);
	return { value: mean, ci: [at(0.025), at(0.975)], n: ascending.length };
}

function distance(one: Float32Array, other: Float32Array): number {
	let sum = 0;
	for (let i = 0; i < one.length; i++) {
		sum += (one[i]! - other[i]!) ** 2;
	}
	return Math.sqrt(sum);
}
