/** Eigenvalues and eigenvectors of dense symmetric matrices, row-major, in double precision. */

/** Steps for one eigenvalue before it is taken as it is: two are usual. */
const MAX_STEPS = 60;

export interface Eigen {
	/** [n], descending. */
	values: Float64Array;
	/** Unit vectors [n], in the order of their values; each is `upright`, so that a picture does not flip. */
	vectors: Float64Array[];
}

/** Tridiagonal: `diagonal` [n] and `beside` [n − 1]. */
interface Tridiagonal {
	diagonal: Float64Array;
	beside: Float64Array;
}

/** Of `matrix` [n, n], which must be symmetric: Householder reflections, then QR steps with shifts (Golub and Van Loan, Matrix Computations, 8.3). */
export function symmetricEigen(matrix: Float64Array, n: number): Eigen {
	const rows = Array.from({ length: n }, (_, i) => Float64Array.from({ length: n }, (_, j) => Number(i === j)));
	const { diagonal, beside } = tridiagonal(matrix.slice(), n, rows);
	const least = Number.EPSILON * Math.sqrt(matrix.reduce((sum, value) => sum + value * value, 0));
	const parted = (i: number) => Math.abs(beside[i]!) <= least;
	let end = n - 1;
	for (let step = 0; end > 0; step++) {
		if (parted(end - 1) || step === MAX_STEPS) {
			end--;
			step = -1;
			continue;
		}
		let start = end - 1;
		while (start > 0 && !parted(start - 1)) {
			start--;
		}
		chase({ diagonal, beside }, rows, start, end);
	}
	const order = [...rows.keys()].sort((i, j) => diagonal[j]! - diagonal[i]!);
	return { values: Float64Array.from(order, (i) => diagonal[i]!), vectors: order.map((i) => upright(rows[i]!)) };
}

/** Reflects column by column what is below the diagonal onto its first entry. `a` is used up, `rows` is reflected along. */
function tridiagonal(a: Float64Array, n: number, rows: readonly Float64Array[]): Tridiagonal {
	for (let k = 0; k < n - 2; k++) {
		const v = reflection(a, n, k);
		if (!v) {
			continue;
		}
		const p = new Float64Array(n);
		let along = 0;
		for (let i = k; i < n; i++) {
			let sum = 0;
			for (let j = k + 1; j < n; j++) {
				sum += a[i * n + j]! * v[j]!;
			}
			p[i] = sum;
			along += sum * v[i]!;
		}
		for (let i = k; i < n; i++) {
			const [vi, wi] = [2 * v[i]!, 2 * (p[i]! - along * v[i]!)];
			for (let j = k; j < n; j++) {
				a[i * n + j]! -= vi * (p[j]! - along * v[j]!) + wi * v[j]!;
			}
		}
		reflect(rows, v, k + 1);
	}
	return {
		diagonal: Float64Array.from({ length: n }, (_, i) => a[i * (n + 1)]!),
		beside: Float64Array.from({ length: Math.max(0, n - 1) }, (_, i) => a[i * n + i + 1]!),
	};
}

/** The unit vector v [n], 0 up to k, whose reflection I − 2·v·vᵀ leaves one entry of column k below the diagonal; undefined where there is one. */
function reflection(a: Float64Array, n: number, k: number): Float64Array | undefined {
	const v = new Float64Array(n);
	let rest = 0;
	for (let i = k + 1; i < n; i++) {
		v[i] = a[i * n + k]!;
		rest += i > k + 1 ? v[i]! ** 2 : 0;
	}
	if (rest === 0) {
		return undefined;
	}
	v[k + 1]! += Math.sign(v[k + 1]! || 1) * Math.sqrt(v[k + 1]! ** 2 + rest);
	const length = Math.sqrt(v[k + 1]! ** 2 + rest);
	return v.map((value) => value / length);
}

/** rows − 2·v·(vᵀ·rows), where v is 0 before `from`. */
function reflect(rows: readonly Float64Array[], v: Float64Array, from: number): void {
	const sums = new Float64Array(v.length);
	for (let i = from; i < rows.length; i++) {
		const [row, weight] = [rows[i]!, 2 * v[i]!];
		for (let j = 0; j < sums.length; j++) {
			sums[j]! += weight * row[j]!;
		}
	}
	for (let i = from; i < rows.length; i++) {
		const [row, weight] = [rows[i]!, v[i]!];
		for (let j = 0; j < sums.length; j++) {
			row[j]! -= weight * sums[j]!;
		}
	}
}

/** One implicit QR step with Wilkinson's shift on the block [start, end], both included; `rows` is rotated along. */
function chase({ diagonal, beside }: Tridiagonal, rows: readonly Float64Array[], start: number, end: number): void {
	const half = (diagonal[end - 1]! - diagonal[end]!) / 2;
	const off = beside[end - 1]!;
	let x = diagonal[start]! - diagonal[end]! + off ** 2 / (half + (half < 0 ? -1 : 1) * Math.hypot(half, off));
	let z = beside[start]!;
	for (let k = start; k < end; k++) {
		const length = Math.hypot(x, z);
		const [cos, sin] = length === 0 ? [1, 0] : [x / length, z / length];
		const [upper, lower, between] = [diagonal[k]!, diagonal[k + 1]!, beside[k]!];
		if (k > start) {
			beside[k - 1] = length;
		}
		diagonal[k] = cos * cos * upper + 2 * cos * sin * between + sin * sin * lower;
		diagonal[k + 1] = sin * sin * upper - 2 * cos * sin * between + cos * cos * lower;
		beside[k] = cos * sin * (lower - upper) + (cos * cos - sin * sin) * between;
		x = beside[k]!;
		if (k < end - 1) {
			z = sin * beside[k + 1]!;
			beside[k + 1]! *= cos;
		}
		rotate(rows[k]!, rows[k + 1]!, cos, sin);
	}
}

function rotate(u: Float64Array, v: Float64Array, cos: number, sin: number): void {
	for (let i = 0; i < u.length; i++) {
		const [x, y] = [u[i]!, v[i]!];
		u[i] = cos * x + sin * y;
		v[i] = cos * y - sin * x;
	}
}

/** The vector or its opposite: the one whose largest component is positive. */
export function upright(vector: Float64Array): Float64Array {
	const largest = vector.reduce((most, value) => (Math.abs(value) > Math.abs(most) ? value : most), 0);
	return largest < 0 ? vector.map((value) => -value) : vector;
}
