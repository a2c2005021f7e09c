/** A normal distribution fitted to vectors, and how far a vector is from it. */
import { cholesky, forwardSolve } from './cholesky';

/**
 * Mean and covariance of `n` vectors of `width` values. The covariance is shrunk towards a multiple of the identity by Ledoit and
 * Wolf's intensity (J. Multivariate Analysis 88, 2004; as `sklearn.covariance.LedoitWolf`): with about as many vectors as values
 * the empirical one has no inverse.
 */
export interface Gaussian {
	n: number;
	mean: Float64Array;
	/** Cholesky factor of the shrunk covariance. */
	factor: Float64Array;
	/** 0 (empirical) to 1 (identity). */
	shrinkage: number;
}

/** Undefined where the vectors, row-major, span no distribution: fewer than two, or all equal. */
export function fitGaussian(rows: Float32Array, width: number): Gaussian | undefined {
	const n = rows.length / width;
	const mean = new Float64Array(width);
	rows.forEach((value, i) => (mean[i % width]! += value / n));
	const covariance = new Float64Array(width * width);
	const centred = new Float64Array(width);
	let fourth = 0;
	for (let row = 0; row < n; row++) {
		let square = 0;
		for (let i = 0; i < width; i++) {
			const value = rows[row * width + i]! - mean[i]!;
			centred[i] = value;
			square += value * value;
			for (let j = 0; j <= i; j++) {
				covariance[i * width + j]! += (value * centred[j]!) / n;
			}
		}
		fourth += square * square;
	}
	let trace = 0;
	let squares = 0;
	for (let i = 0; i < width; i++) {
		trace += covariance[i * width + i]!;
		for (let j = 0; j <= i; j++) {
			squares += (j < i ? 2 : 1) * covariance[i * width + j]! ** 2;
		}
	}
	const scale = trace / width;
	const distance = squares - width * scale * scale;
	const noise = Math.min((fourth / n - squares) / n, distance);
	const shrinkage = noise > 0 ? noise / distance : 0;
	for (let i = 0; i < width; i++) {
		for (let j = 0; j <= i; j++) {
			covariance[i * width + j]! *= 1 - shrinkage;
		}
		covariance[i * width + i]! += shrinkage * scale;
	}
	const factor = n > 1 ? cholesky(covariance, width) : undefined;
	return factor && { n, mean, factor, shrinkage };
}

/**
 * Mahalanobis distance of `vector` from the distribution. With `member` the vector is one of the n that it was fitted to, and the
 * mean and covariance are those of the n − 1 others (in closed form; the shrinkage intensity and, but for n / (n − 1), its target
 * stay those of all n).
 */
export function mahalanobis({ n, mean, factor, shrinkage }: Gaussian, vector: Float32Array, member: boolean): number {
	const centred = Float64Array.from(vector, (value, i) => value - mean[i]!);
	const square = forwardSolve(factor, centred).reduce((sum, value) => sum + value * value, 0);
	if (!member) {
		return Math.sqrt(square);
	}
	const left = 1 - ((1 - shrinkage) * square) / (n - 1);
	return left > 0 ? Math.sqrt(((n / (n - 1)) * square) / left) : NaN;
}
