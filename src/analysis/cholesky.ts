/** Cholesky factors of small dense matrices, row-major, in double precision. */

/** A pivot below this share of the largest diagonal entry is rounding: the matrix is not positive definite. */
const MIN_PIVOT = 1e-13;

/** Lower triangle L [n, n] with L·Lᵀ = `matrix` [n, n], whose lower triangle is read; undefined where it is not positive definite. */
export function cholesky(matrix: Float64Array, n: number): Float64Array | undefined {
	const lower = new Float64Array(n * n);
	let largest = 0;
	for (let i = 0; i < n; i++) {
		largest = Math.max(largest, matrix[i * n + i]!);
	}
	for (let i = 0; i < n; i++) {
		for (let j = 0; j <= i; j++) {
			let sum = matrix[i * n + j]!;
			for (let k = 0; k < j; k++) {
				sum -= lower[i * n + k]! * lower[j * n + k]!;
			}
			if (j < i) {
				lower[i * n + j] = sum / lower[j * n + j]!;
			} else if (sum > MIN_PIVOT * largest) {
				lower[i * n + i] = Math.sqrt(sum);
			} else {
				return undefined;
			}
		}
	}
	return lower;
}

/** y [n] with L·y = `right`: its squared norm is rightᵀ·(L·Lᵀ)⁻¹·right. */
export function forwardSolve(lower: Float64Array, right: Float64Array): Float64Array {
	const n = right.length;
	const y = new Float64Array(n);
	for (let i = 0; i < n; i++) {
		let sum = right[i]!;
		for (let k = 0; k < i; k++) {
			sum -= lower[i * n + k]! * y[k]!;
		}
		y[i] = sum / lower[i * n + i]!;
	}
	return y;
}

/** x [n] with L·Lᵀ·x = `right`. */
export function solve(lower: Float64Array, right: Float64Array): Float64Array {
	const n = right.length;
	const x = forwardSolve(lower, right);
	for (let i = n - 1; i >= 0; i--) {
		let sum = x[i]!;
		for (let k = i + 1; k < n; k++) {
			sum -= lower[k * n + i]! * x[k]!;
		}
		x[i] = sum / lower[i * n + i]!;
	}
	return x;
}
