/**
 * L2-penalised logistic regression: the minimum of mean log(1 + exp(−y·(w·x + b))) + penalty/2·‖w‖², y = ±1, with the bias b free.
 * Strictly convex for a penalty above 0. Minimised by Newton's method whose steps are solved by conjugate gradients (truncated
 * Newton: Nocedal and Wright, Numerical Optimization, 2006, algorithm 7.1) with a backtracking line search, until the gradient's
 * norm is below `GRADIENT`. The same problem as scikit-learn's with C = 1 / (penalty · n).
 */

/** Euclidean norm of the gradient at which a fit has converged: with penalty p the weights are right to GRADIENT / p. */
const GRADIENT = 1e-8;
/** Newton's method needs about ten; more means that rounding stands in its way, and the gradient that is reported says so. */
const MAX_STEPS = 100;
/** Share of the decrease that a straight line would promise (Armijo). */
const SUFFICIENT = 1e-4;
const MAX_HALVINGS = 40;
/** Below this share of the loss a decrease is rounding. */
const ROUNDING = 1e-14;

/** Rows of standardised features, row-major. */
export interface Design {
	values: Float64Array;
	width: number;
}

export interface Logistic {
	/** [width] */
	weight: Float64Array;
	bias: number;
	/** Norm of the gradient where the fit ended: at most 1e-8 where it converged. */
	gradient: number;
}

/**
 * Fits the rows `members` of the design to `labels` (0 or 1, by row). Both labels must occur: with one of them the bias has no
 * finite minimum. `start` makes a path of penalties cheap. Yields between Newton steps, so that a caller may do other things.
 */
export function* fitLogistic(
	design: Design,
	labels: ArrayLike<number>,
	members: ArrayLike<number>,
	penalty: number,
	start?: Logistic,
	tolerance = GRADIENT,
): Generator<void, Logistic> {
	const problem = new Problem(design, labels, members, penalty);
	let at: Float64Array = start ? Float64Array.of(...start.weight, start.bias) : new Float64Array(design.width + 1);
	let loss = problem.loss(at);
	let gradient: Float64Array = problem.gradient();
	for (let step = 0; step < MAX_STEPS && norm(gradient) > tolerance; step++) {
		const direction = problem.newtonStep(gradient);
		const slope = dot(gradient, direction);
		let length = 1;
		let next = moved(at, direction, length);
		let found = problem.loss(next);
		for (let i = 0; i < MAX_HALVINGS && found > loss + SUFFICIENT * length * slope + ROUNDING * loss; i++) {
			length /= 2;
			next = moved(at, direction, length);
			found = problem.loss(next);
		}
		at = next;
		loss = found;
		gradient = problem.gradient();
		yield;
	}
	return { weight: at.slice(0, design.width), bias: at[design.width]!, gradient: norm(gradient) };
}

/** The fit of labels that are all alike: no direction, and the bias of their share with half a count added to each side. */
export function constant(width: number, positives: number, n: number): Logistic {
	return { weight: new Float64Array(width), bias: Math.log((positives + 0.5) / (n - positives + 0.5)), gradient: 0 };
}

/** w · x + b of a row. */
export function logit({ values, width }: Design, row: number, { weight, bias }: Pick<Logistic, 'weight' | 'bias'>): number {
	let sum = bias;
	for (let i = 0, at = row * width; i < width; i++) {
		sum += values[at + i]! * weight[i]!;
	}
	return sum;
}

/** −log p of a label under its logit, in nats. */
export function logLoss(score: number, label: number): number {
	const wrong = label > 0 ? -score : score;
	return wrong > 0 ? wrong + Math.log1p(Math.exp(-wrong)) : Math.log1p(Math.exp(wrong));
}

export function sigmoid(score: number): number {
	return 1 / (1 + Math.exp(-score));
}

class Problem {
	/** p − y, and p·(1 − p), of each member at the point whose loss was asked for last. */
	private readonly wrong: Float64Array;
	private readonly curvature: Float64Array;
	private readonly scaled: Float64Array;
	private at: Float64Array = new Float64Array(0);

	constructor(
		private readonly design: Design,
		private readonly labels: ArrayLike<number>,
		private readonly members: ArrayLike<number>,
		private readonly penalty: number,
	) {
		this.wrong = new Float64Array(members.length);
		this.curvature = new Float64Array(members.length);
		this.scaled = new Float64Array(members.length);
	}

	/** `at`: weights, then the bias. */
	loss(at: Float64Array): number {
		const { design, labels, members, penalty } = this;
		const { width } = design;
		this.at = at;
		const point = { weight: at, bias: at[width]! };
		let sum = 0;
		for (let i = 0; i < members.length; i++) {
			const label = labels[members[i]!]!;
			const score = logit(design, members[i]!, point);
			const p = sigmoid(score);
			sum += logLoss(score, label);
			this.wrong[i] = p - label;
			this.curvature[i] = p * (1 - p);
		}
		let square = 0;
		for (let i = 0; i < width; i++) {
			square += at[i]! * at[i]!;
		}
		return sum / members.length + (penalty / 2) * square;
	}

	gradient(): Float64Array {
		return this.back(this.wrong, this.at);
	}

	/** An inexact solution of H·d = −g: exact enough that Newton's method stays superlinear. */
	newtonStep(gradient: Float64Array): Float64Array {
		const size = gradient.length;
		const goal = Math.min(0.5, Math.sqrt(norm(gradient))) * norm(gradient);
		const step = new Float64Array(size);
		const residual = gradient.map((value) => -value);
		const direction = residual.slice();
		let square = dot(residual, residual);
		for (let i = 0; i < 2 * size && Math.sqrt(square) > goal; i++) {
			const product = this.hessian(direction);
			const length = square / dot(direction, product);
			for (let k = 0; k < size; k++) {
				step[k]! += length * direction[k]!;
				residual[k]! -= length * product[k]!;
			}
			const next = dot(residual, residual);
			const share = next / square;
			for (let k = 0; k < size; k++) {
				direction[k] = residual[k]! + share * direction[k]!;
			}
			square = next;
		}
		return step;
	}

	private hessian(vector: Float64Array): Float64Array {
		const { design, members, curvature, scaled } = this;
		const point = { weight: vector, bias: vector[design.width]! };
		for (let i = 0; i < members.length; i++) {
			scaled[i] = curvature[i]! * logit(design, members[i]!, point);
		}
		return this.back(scaled, vector);
	}

	/** Xᵀ·`by` / n + penalty · weights of `of`. */
	private back(by: Float64Array, of: Float64Array): Float64Array {
		const { members, penalty } = this;
		const { values, width } = this.design;
		const out = new Float64Array(width + 1);
		for (let i = 0; i < members.length; i++) {
			const factor = by[i]!;
			out[width]! += factor;
			for (let k = 0, at = members[i]! * width; k < width; k++) {
				out[k]! += factor * values[at + k]!;
			}
		}
		for (let k = 0; k < width; k++) {
			out[k] = out[k]! / members.length + penalty * of[k]!;
		}
		out[width]! /= members.length;
		return out;
	}
}

function moved(from: Float64Array, along: Float64Array, length: number): Float64Array {
	return from.map((value, i) => value + length * along[i]!);
}

function dot(one: Float64Array, other: Float64Array): number {
	let sum = 0;
	for (let i = 0; i < one.length; i++) {
		sum += one[i]! * other[i]!;
	}
	return sum;
}

function norm(vector: Float64Array): number {
	return Math.sqrt(dot(vector, vector));
}
