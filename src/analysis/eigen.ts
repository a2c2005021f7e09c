/** Eigenvalues and eigenvectors of small symmetric matrices, row-major, in double precision. */

/** Sweeps until nothing is left off the diagonal: 6 to 10 for matrices of some hundred rows. */
const MAX_SWEEPS = 40;
/** Share of the matrix's Frobenius norm that may stay off the diagonal: rounding of doubles. */
const TOLERANCE = 1e-14;

export interface Eigen {
	/** [n], descending. */
	values: Float64Array;
	/** Unit vectors [n], in the order of their values; each is `upright`, so that a picture does not flip. */
	vectors: Float64Array[];
}

/** Of `matrix` [n, n], which must be symmetric; by cyclic Jacobi rotations (Golub and Van Loan, Matrix Computations, 8.5). */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
	const a = matrix.slice();
	const rows = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => Number(i === j)));
	const norm = Math.sqrt(a.reduce((sum, value) => sum + value * value, 0));
	for (let sweep = 0; sweep < MAX_SWEEPS && offDiagonal(a, n) > TOLERANCE * norm; sweep++) {
		for (let p = 0; p < n; p++) {
			for (let q = p + 1; q < n; q++) {
				rotate(a, rows, n, p, q);
			}
		}
	}
	const order = [...rows.keys()].sort((i, j) => a[j * (n + 1)]! - a[i * (n + 1)]!);
	return { values: Float64Array.from(order, (i) => a[i * (n + 1)]!), vectors: order.map((i) => upright(rows[i]!)) };
}

/** Makes entry (p, q) zero. `rows` holds the eigenvectors found so far, one a row. */
function rotate(a: Float64Array, rows: readonly Float64Array[], n: number, p: number, q: number): void {
	const off = a[p * n + q]!;
	if (off === 0) {
		return;
	}
	const half = (a[q * (n + 1)]! - a[p * (n + 1)]!) / (2 * off);
	const t = (half < 0 ? -1 : 1) / (Math.abs(half) + Math.hypot(half, 1));
	const cos = 1 / Math.hypot(t, 1);
	const sin = t * cos;
	a[p * (n + 1)]! -= t * off;
	a[q * (n + 1)]! += t * off;
	a[p * n + q] = a[q * n + p] = 0;
	const [u, v] = [rows[p]!, rows[q]!];
	for (let i = 0; i < n; i++) {
		if (i !== p && i !== q) {
			const [one, other] = [a[p * n + i]!, a[q * n + i]!];
			a[p * n + i] = a[i * n + p] = cos * one - sin * other;
			a[q * n + i] = a[i * n + q] = sin * one + cos * other;
		}
		const [x, y] = [u[i]!, v[i]!];
		u[i] = cos * x - sin * y;
		v[i] = sin * x + cos * y;
	}
}

function offDiagonal(a: Float64Array, n: number): number {
	let sum = 0;
	for (let i = 0; i < n; i++) {
		for (let j = 0; j < i; j++) {
			sum += 2 * a[i * n + j]! ** 2;
		}
	}
	return Math.sqrt(sum);
}

/** The vector or its opposite: the one whose largest component is positive. */
export function upright(vector: Float64Array): Float64Array {
	const largest = vector.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
	return largest < 0 ? vector.map((value) => -value) : vector;
}
