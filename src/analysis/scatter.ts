/** How vectors lie about their mean, as the smaller of two symmetric matrices with the same eigenvalues. */

export interface Scatter {
	/** [width]. */
	mean: Float64Array;
	/** The vectors less their mean [n][width]. */
	centred: Float64Array[];
	/** Mean of the vectors' squared norms, mean and all: what rounding is measured against. */
	square: number;
	/** Whether `matrix` is the Gram matrix of the n vectors over n, and not their covariance [width, width]: the eigenvalues are the same, but for zeros. */
	dual: boolean;
	/** [size, size], row-major. */
	matrix: Float64Array;
	size: number;
}

/** Variance below this share of the mean square is rounding of float32. */
export const MIN_VARIANCE = 1e-10;

/** Of `vectors`, all of one width. */
export function scatter(vectors: readonly Float32Array[]): Scatter {
	const n = vectors.length;
	const width = vectors[0]?.length ?? 0;
	const mean = new Float64Array(width);
	for (const vector of vectors) {
		vector.forEach((value, i) => (mean[i]! += value / n));
	}
	const centred = vectors.map((vector) => Float64Array.from(vector, (value, i) => value - mean[i]!));
	const dual = n < width;
	const rows = dual ? centred : Array.from({ length: width }, (_, i) => Float64Array.from(centred, (vector) => vector[i]!));
	const size = rows.length;
	const matrix = new Float64Array(size * size);
	for (let i = 0; i < size; i++) {
		for (let j = 0; j <= i; j++) {
			matrix[i * size + j] = matrix[j * size + i] = dot(rows[i]!, rows[j]!) / n;
		}
	}
	return { mean, centred, square: vectors.reduce((sum, vector) => sum + dot(vector, vector) / n, 0), dual, matrix, size };
}

function dot(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
	let sum = 0;
	for (let i = 0; i < a.length; i++) {
		sum += a[i]! * b[i]!;
	}
	return sum;
}
