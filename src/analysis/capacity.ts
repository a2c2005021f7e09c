/** How many directions vectors spread over, and how many bits a Gaussian channel of that spread would carry. */
import { cholesky } from './cholesky';
import { norm } from './lens';
import { MIN_VARIANCE, scatter } from './scatter';

export interface Spread {
	/** Participation ratio (Σλ)² / Σλ² of the covariance's eigenvalues λ: 1 for a line, the width for a ball; 0 where nothing varies. */
	dimension: number;
	/** Mean Euclidean norm of the vectors. */
	norm: number;
	/** ½ Σ log₂(1 + λ/σ²): capacity of parallel Gaussian channels (Cover and Thomas, 9.4) with noise of variance σ² in each component. */
	bits(variance: number): number;
}

/** Of `vectors`, all of one width. With n of them no more than n − 1 directions can be found: both figures are of a sample. */
export function spread(vectors: readonly Float32Array[]): Spread {
	const { matrix, size, square } = scatter(vectors);
	// Both sums over eigenvalues are sums over the matrix, which need not be decomposed.
	const trace = diagonal(matrix, size).reduce((sum, value) => sum + value, 0);
	const squares = matrix.reduce((sum, value) => sum + value * value, 0);
	const varies = trace > MIN_VARIANCE * square;
	return {
		dimension: varies ? (trace * trace) / squares : 0,
		norm: vectors.reduce((sum, vector) => sum + norm(vector) / vectors.length, 0),
		bits: (variance) => {
			if (!varies) {
				return 0;
			}
			const factor = cholesky(matrix.map((value, at) => value / variance + Number(at % (size + 1) === 0)), size);
			// log det of I + C/σ² is twice that of its factor; half of it is asked for.
			return factor ? diagonal(factor, size).reduce((sum, value) => sum + Math.log2(value), 0) : NaN;
		},
	};
}

function diagonal(matrix: Float64Array, n: number): number[] {
	return Array.from({ length: n }, (_, i) => matrix[i * (n + 1)]!);
}
