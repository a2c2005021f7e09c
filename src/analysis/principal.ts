/** Principal components: the orthogonal directions along which vectors vary most (Jolliffe, Principal Component Analysis, 2002). */
import { symmetricEigen, upright } from './eigen';
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
	const centred = vectors.map((vector) => Float64Array.from(vector, (value, i) => value - mean[i]!));
	const dual = n < width;
	const rows = dual ? centred : Array.from({ length: width }, (_, i) => Float64Array.from(centred, (vector) => vector[i]!));
	const { values, vectors: found } = symmetricEigen(gram(rows, n), rows.length);
	const square = vectors.reduce((sum, vector) => sum + norm(vector) ** 2 / n, 0);
	const variances = values.map((value) => (value > MIN_VARIANCE * square ? value : 0));
	const axes = Array.from({ length: count }, (_, k) => {
		const varies = (variances[k] ?? 0) > 0;
		return varies ? (dual ? upright(unit(combined(centred, found[k]!))) : found[k]!) : new Float64Array(width);
	});
	return { variances, project: (vector) => axes.map((axis) => axis.reduce((sum, value, i) => sum + value * (vector[i]! - mean[i]!), 0)) };
}

/** Products of all pairs of rows over `n`. */
function gram(rows: readonly Float64Array[], n: number): Float64Array {
	const size = rows.length;
	const out = new Float64Array(size * size);
	for (let i = 0; i < size; i++) {
		for (let j = 0; j <= i; j++) {
			let sum = 0;
			const [one, other] = [rows[i]!, rows[j]!];
			for (let k = 0; k < one.length; k++) {
				sum += one[k]! * other[k]!;
			}
			out[i * size + j] = out[j * size + i] = sum / n;
		}
	}
	return out;
}

function combined(rows: readonly Float64Array[], weights: Float64Array): Float64Array {
	const out = new Float64Array(rows[0]!.length);
	rows.forEach((row, i) => row.forEach((value, j) => (out[j]! += weights[i]! * value)));
	return out;
}

function unit(vector: Float64Array): Float64Array {
	const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
	return vector.map((value) => value / length);
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
