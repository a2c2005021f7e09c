/** How many directions vectors spread over, and how many bits a Gaussian channel of that spread would carry. */
import { cholesky } from './cholesky';

export interface Spread {
	/** Participation ratio (Σλ)² / Σλ² of the covariance's eigenvalues λ: 1 for a line, the width for a ball; 0 where nothing varies. */
	dimension: number;
	/** Mean Euclidean norm of the vectors. */
	norm: number;
	/** ½ Σ log₂(1 + λ/σ²): capacity of parallel Gaussian channels (Cover and Thomas, 9.4) with noise of variance σ² in each component. */
	bits(variance: number): number;
}

/** Variance below this share of the mean square is rounding of float32. */
const MIN_VARIANCE = 1e-10;

/**
 * Of `vectors`, all of one width. The covariance has the same eigenvalues, but for zeros, as the vectors' Gram matrix over n, so
 * the smaller of the two is used. With n vectors no more than n − 1 directions can be found: both figures are of a sample.
 */
export function spread(vectors: readonly Float32Array[]): Spread {
	const n = vectors.length;
	const width = vectors[0]?.length ?? 0;
	const mean = new Float64Array(width);
	for (const vector of vectors) {
		vector.forEach((value, i) => (mean[i]! += value / n));
	}
	const centred = vectors.map((vector) => Float64Array.from(vector, (value, i) => value - mean[i]!));
	const square = (vector: Float32Array | Float64Array) => dot(vector, vector);
	const norm = vectors.reduce((sum, vector) => sum + Math.sqrt(square(vector)) / n, 0);
	const rows = n <= width ? centred : Array.from({ length: width }, (_, i) => Float64Array.from(centred, (vector) => vector[i]!));
	const size = rows.length;
	const gram = new Float64Array(size * size);
	let trace = 0;
	let squares = 0;
	for (let i = 0; i < size; i++) {
		for (let j = 0; j <= i; j++) {
			const value = dot(rows[i]!, rows[j]!) / n;
			gram[i * size + j] = value;
			squares += (j < i ? 2 : 1) * value * value;
		}
		trace += gram[i * size + i]!;
	}
	const varies = trace > MIN_VARIANCE * vectors.reduce((sum, vector) => sum + square(vector) / n, 0);
	return {
		dimension: varies ? (trace * trace) / squares : 0,
		norm,
		bits: (variance) => {
			if (!varies) {
				return 0;
			}
			const matrix = gram.map((value, at) => value / variance + Number(at % (size + 1) === 0));
			const factor = cholesky(matrix, size);
			// log det of I + C/σ² is twice that of its factor; half of it is asked for.
			return factor ? diagonal(factor, size).reduce((sum, value) => sum + Math.log2(value), 0) : NaN;
		},
	};
}

function dot(a: Float32Array | Float64Array, b: Float32Array | Float64Array): number {
	let sum = 0;
	for (let i = 0; i < a.length; i++) {
		sum += a[i]! * b[i]!;
	}
	return sum;
}

function diagonal(matrix: Float64Array, n: number): number[] {
	return Array.from({ length: n }, (_, i) => matrix[i * (n + 1)]!);
}
