/** Principal components: the orthogonal directions along which vectors vary most (Jolliffe, Principal Component Analysis, 2002). */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { MIN_VARIANCE, scatter } from './scatter';

export interface Principal {
	/** Variances along all components that were found, descending: of n vectors of width w, min(n, w) of them. */
	variances: Float64Array;
	/** Places of a vector along the first components. */
	project(vector: ArrayLike<number>): number[];
}

/** Of `vectors` [n, w], which are centred and not scaled. `count`: components that `project` tells, 0 where nothing varies that way. */
export function principal(vectors: readonly Float32Array[], count: number): Principal {
	const { mean, centred, matrix, size, dual, square } = scatter(vectors);
	const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(Matrix.from1DArray(size, size, matrix), { assumeSymmetric: true });
	const order = [...realEigenvalues.keys()].sort((i, j) => realEigenvalues[j]! - realEigenvalues[i]!);
	const variances = Float64Array.from(order, (i) => (realEigenvalues[i]! > MIN_VARIANCE * square ? realEigenvalues[i]! : 0));
	const axes = Array.from({ length: count }, (_, k) => {
		if (!((variances[k] ?? 0) > 0)) {
			return new Float64Array(mean.length);
		}
		const found = eigenvectorMatrix.getColumn(order[k]!);
		return upright(dual ? unit(mean.map((_, i) => found.reduce((sum, share, row) => sum + share * centred[row]![i]!, 0))) : found);
	});
	return { variances, project: (vector) => axes.map((axis) => axis.reduce((sum, value, i) => sum + value * (vector[i]! - mean[i]!), 0)) };
}

function unit(vector: Float64Array): Float64Array {
	const length = Math.hypot(...vector);
	return vector.map((value) => value / length);
}

/** Of the two directions that an axis has, the one in which its largest component is positive: so that a picture does not flip. */
function upright(vector: ArrayLike<number>): Float64Array {
	const largest = Array.from(vector).reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
	return Float64Array.from(vector, (value) => (largest < 0 ? -value : value));
}

/** Participation ratio (Σλ)²/Σλ² of variances; 0 where nothing varies. */
export function effectiveDimension(variances: ArrayLike<number>): number {
	let sum = 0;
	let squares = 0;
	for (let i = 0; i < variances.length; i++) {
		sum += variances[i]!;
		squares += variances[i]! ** 2;
	}
	return squares > 0 ? sum ** 2 / squares : 0;
}

/**
 * Participation ratio of the sample covariance of n independent vectors that vary alike in each of w directions: (n − 1)·w/(n + w), from the
 * moments of a Wishart matrix with n − 1 degrees of freedom, E tr S = (n − 1)·w and E tr S² = (n − 1)·w·(n + w).
 */
export function isotropicDimension(n: number, width: number): number {
	return n > 1 ? ((n - 1) * width) / (n + width) : 0;
}
