/** The point of a convex hull that is nearest to a vector: how well a mixture of tokens can stand for it. */
import { cholesky, solve } from './cholesky';

/**
 * Stops when the Frank–Wolfe gap is this small against the largest squared distance from the vector to a row. The best mixture's
 * squared distance is at most twice the gap away, so the residual is right to 1.5e-5 of that largest distance, and far better
 * where it is not near 0.
 */
const GAP = 1e-10;
/** A weight below it is rounding. */
const MIN_WEIGHT = 1e-12;
/** Products that are kept: 32 MB. */
const MAX_PRODUCTS = 1 << 22;
/** Steps per value of a vector: the finite method takes about one a supporting row, of which there are at most width + 1. */
const MAX_STEPS = 20;

export interface Mixture {
	/** Rows with a weight above 0, and the weights, which sum to 1. */
	support: { row: number; weight: number }[];
	/** Distance of the vector to the mixture. */
	residual: number;
}

/** Rows that vectors are compared with one after the other: what their mixtures share is computed once. */
export class Mixtures {
	private readonly count: number;
	/** The mean row. Relative to it products do not cancel where all rows have a large part in common. */
	private readonly centre: Float64Array;
	/** Products of a row with all, least recently used first. */
	private readonly products = new Map<number, Float64Array>();

	constructor(
		/** [count, width], finite. */
		private readonly rows: Float32Array,
		private readonly width: number,
	) {
		this.count = rows.length / width;
		this.centre = new Float64Array(width);
		rows.forEach((value, at) => (this.centre[at % width]! += value / this.count));
	}

	/**
	 * Weights w ≥ 0, Σw = 1, that minimise ‖vector − rowsᵀ·w‖, by Wolfe's minimum-norm-point method (Mathematical Programming 11,
	 * 1976), in double precision. The mixture is unique. Where rows depend on one another, as embeddings that are sums do, its weights
	 * need not be: then they are one choice of several, with at most width + 1 of them above 0. Row `except` is left out. A row that
	 * depends on those in use up to rounding is passed over: it could move the mixture by rounding only. Undefined where the gap stays
	 * above `GAP`, or where there is no row.
	 */
	nearest(vector: Float32Array, except = -1): Mixture | undefined {
		const { rows, width, count } = this;
		const squares = Float64Array.from({ length: count }, (_, row) => squaredDistance(vector, rows, row * width));
		const scale = squares.reduce((largest, square) => Math.max(largest, square), 0);
		const hull = new Hull(vector, rows, width, scale);
		const passed = new Uint8Array(count);
		if (except !== -1) {
			passed[except] = 1;
		}
		const start = lowest(squares, passed);
		if (start === -1 || !Number.isFinite(scale)) {
			return undefined;
		}
		hull.add(start);
		const centred = Float64Array.from(vector, (value, i) => value - this.centre[i]!);
		const own = this.productsWith(centred);
		const square = centred.reduce((sum, value) => sum + value * value, 0);
		for (let step = 0; step < MAX_STEPS * (width + 1); step++) {
			const point = hull.point();
			const norm = point.reduce((sum, value) => sum + value * value, 0);
			const slopes = this.slopes(hull.support(), own, square);
			const best = lowest(slopes, passed);
			if (best === -1 || norm - slopes[best]! <= GAP * scale) {
				return { support: hull.support(), residual: Math.sqrt(norm) };
			}
			if (!hull.add(best) || !hull.settle()) {
				passed[best] = 1;
			}
		}
		return undefined;
	}

	/** Of each row r the product of the mixture and r, both less the vector v: Σ w·(s − v)·(r − v) over the rows s of the support. */
	private slopes(support: Mixture['support'], own: Float64Array, square: number): Float64Array {
		const mixed = support.reduce((sum, { row, weight }) => sum + weight * own[row]!, 0);
		const slopes = own.map((product) => square - mixed - product);
		for (const { row, weight } of support) {
			const products = this.productsOf(row);
			for (let other = 0; other < slopes.length; other++) {
				slopes[other]! += weight * products[other]!;
			}
		}
		return slopes;
	}

	private productsOf(row: number): Float64Array {
		const { rows, width } = this;
		const found =
			this.products.get(row) ??
			this.productsWith(this.centre.map((value, i) => rows[row * width + i]! - value));
		this.products.delete(row);
		this.products.set(row, found);
		if (this.products.size > Math.max(width + 1, MAX_PRODUCTS / this.count)) {
			this.products.delete(this.products.keys().next().value!);
		}
		return found;
	}

	/** Of a vector less the centre with every row less the centre. */
	private productsWith(centred: Float64Array): Float64Array {
		const { rows, width, centre } = this;
		const products = new Float64Array(this.count);
		for (let row = 0, at = 0; row < products.length; row++) {
			let sum = 0;
			for (let i = 0; i < width; i++, at++) {
				sum += centred[i]! * (rows[at]! - centre[i]!);
			}
			products[row] = sum;
		}
		return products;
	}
}

/** exp(entropy) of the weights: 1 for a single token, n for n tokens in equal parts. */
export function effectiveTokens({ support }: Mixture): number {
	return Math.exp(-support.reduce((sum, { weight }) => sum + weight * Math.log(weight), 0));
}

/** The rows in use, relative to the vector, with their weights. */
class Hull {
	private rowsInUse: number[] = [];
	private weights: number[] = [];
	/** Inner products of the rows in use. */
	private products: number[][] = [];

	constructor(
		private readonly vector: Float32Array,
		private readonly rows: Float32Array,
		private readonly width: number,
		private readonly scale: number,
	) {}

	/** False where the row is in use already: rounding, not the row, is then what is left. */
	add(row: number): boolean {
		if (this.rowsInUse.includes(row)) {
			return false;
		}
		this.rowsInUse.push(row);
		this.weights.push(this.weights.length === 0 ? 1 : 0);
		this.products.push(this.rowsInUse.map((other) => this.product(row, other)));
		return true;
	}

	/**
	 * Moves to the nearest point of the plane through the rows in use, dropping those that would get a negative weight. False where
	 * the last row depends on the others, which stay as they were.
	 */
	settle(): boolean {
		for (;;) {
			const target = this.affine();
			if (!target) {
				this.rowsInUse.pop();
				this.weights.pop();
				this.products.pop();
				return false;
			}
			if (target.every((weight) => weight > MIN_WEIGHT)) {
				this.weights = [...target];
				return true;
			}
			// How far each that would vanish lets the mixture move.
			const steps = this.weights.map((weight, i) =>
				target[i]! > MIN_WEIGHT ? Infinity : weight > target[i]! ? weight / (weight - target[i]!) : 0,
			);
			const nearest = Math.min(...steps);
			const step = Math.min(1, nearest);
			const moved = this.weights.map((weight, i) => weight + step * (target[i]! - weight));
			const kept = moved.map((weight, i) => weight > MIN_WEIGHT && steps[i]! > nearest);
			const isKept = <T>(_: T, i: number) => kept[i]!;
			this.weights = moved.filter(isKept);
			this.rowsInUse = this.rowsInUse.filter(isKept);
			this.products = this.products.filter(isKept).map((row) => row.filter(isKept));
		}
	}

	/** The mixture less the vector. */
	point(): Float64Array {
		const point = new Float64Array(this.width);
		this.rowsInUse.forEach((row, i) => {
			for (let j = 0, at = row * this.width; j < this.width; j++, at++) {
				point[j]! += this.weights[i]! * (this.rows[at]! - this.vector[j]!);
			}
		});
		return point;
	}

	support(): Mixture['support'] {
		const total = this.weights.reduce((sum, weight) => sum + weight, 0);
		return this.rowsInUse.map((row, i) => ({ row, weight: this.weights[i]! / total }));
	}

	/** Weights of any sign, of sum 1, of the plane's point of least norm: (P·Pᵀ + s·1·1ᵀ)·u = 1, scaled to sum 1. */
	private affine(): Float64Array | undefined {
		const n = this.rowsInUse.length;
		const matrix = new Float64Array(n * n);
		this.products.forEach((row, i) => row.slice(0, i + 1).forEach((value, j) => (matrix[i * n + j] = value + this.scale)));
		const factor = cholesky(matrix, n);
		const weights = factor && solve(factor, new Float64Array(n).fill(1));
		const total = weights?.reduce((sum, weight) => sum + weight, 0);
		return weights?.map((weight) => weight / total!);
	}

	private product(a: number, b: number): number {
		let sum = 0;
		for (let i = 0; i < this.width; i++) {
			sum += (this.rows[a * this.width + i]! - this.vector[i]!) * (this.rows[b * this.width + i]! - this.vector[i]!);
		}
		return sum;
	}
}

/** Index of the lowest value that is not passed over, -1 where there is none. */
function lowest(values: Float64Array, passed: Uint8Array): number {
	let best = -1;
	values.forEach((value, i) => {
		if (passed[i] === 0 && (best === -1 || value < values[best]!)) {
			best = i;
		}
	});
	return best;
}

function squaredDistance(vector: Float32Array, rows: Float32Array, start: number): number {
	let sum = 0;
	for (let i = 0; i < vector.length; i++) {
		sum += (vector[i]! - rows[start + i]!) ** 2;
	}
	return sum;
}
