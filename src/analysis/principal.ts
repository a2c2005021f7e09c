/** Principal components: the orthogonal directions along which vectors vary most (Jolliffe, Principal Component Analysis, 2002). */
import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { norm } from './lens';

export interface Principal {
	/** Variances along all components that were found, descending: of n vectors of width w, min(n, w) of them. */
	variances: Float64Array;
	/** Places of a vector along the first components. */
	project(vector: ArrayLike<number>): number[];
}

/** Variance below this share of the mean square is rounding of float32. */
const MIN_VARIANCE = 1e-10;

/**
 * Of `vectors` [n, w], which are centred and not scaled. The Gram matrix [n, n] has the same eigenvalues as the covariance [w, w], but for
 * zeros: the smaller of the two is decomposed. `count`: components that `project` tells, 0 where nothing varies that way.
 */
export function principal(vectors: readonly Float32Array[], count: number): Principal {
	const n = vectors.length;
	const width = vectors[0]?.length ?? 0;
	const mean = new Float64Array(width);
	for (const vector of vectors) {
		vector.forEach((value, i) => (mean[i]! += value / n));
	}
	const centred = new Matrix(vectors.map((vector) => Float64Array.from(vector, (value, i) => value - mean[i]!)));
	const dual = n < width;
	const rows = dual ? centred : centred.transpose();
	const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(rows.mmul(rows.transpose()).div(n), { assumeSymmetric: true });
	const order = [...realEigenvalues.keys()].sort((i, j) => realEigenvalues[j]! - realEigenvalues[i]!);
	const square = vectors.reduce((sum, vector) => sum + norm(vector) ** 2 / n, 0);
	const variances = Float64Array.from(order, (i) => (realEigenvalues[i]! > MIN_VARIANCE * square ? realEigenvalues[i]! : 0));
	const axes = Array.from({ length: count }, (_, k) => {
		if (!((variances[k] ?? 0) > 0)) {
			return new Float64Array(width);
		}
		const found = eigenvectorMatrix.getColumn(order[k]!);
		return upright(dual ? unit(new Matrix([found]).mmul(centred).getRow(0)) : found);
	});
	return { variances, project: (vector) => axes.map((axis) => axis.reduce((sum, value, i) => sum + value * (vector[i]! - mean[i]!), 0)) };
}

function unit(vector: readonly number[]): number[] {
	const length = Math.hypot(...vector);
	return vector.map((value) => value / length);
}

/** Of the two directions that an axis has, the one in which its largest component is positive: so that a picture does not flip. */
function upright(vector: readonly number[]): Float64Array {
	const largest = vector.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
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
