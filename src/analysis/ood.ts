/** How far a vector is from token embeddings and from states of text, and where that stands among those themselves. */
import { fitGaussian, mahalanobis, type Gaussian } from './gaussian';
import { norm } from './lens';
import { effectiveTokens, Mixtures } from './mixture';
import { nearestByCosine } from './neighbours';

/** Which neighbour the distance is to: one alone may be a duplicate. */
export const NEIGHBOUR = 5;

/** In the order in which they are shown. `tokens`: against the token embeddings, `text`: against states of text. */
export const MEASURES = [
	'norm',
	'max-cosine',
	'knn-tokens',
	'mahalanobis-tokens',
	'effective-tokens',
	'mixture-residual',
	'knn-text',
	'mahalanobis-text',
] as const;

export type Measure = (typeof MEASURES)[number];

/** A measure that cannot be taken is NaN. */
export type Measures = Record<Measure, number>;

/** Vectors to compare with. */
export interface Cloud {
	/** [n, width], finite. */
	rows: Float32Array;
	/** Absent where the vectors span no distribution. */
	gaussian?: Gaussian;
	mixtures: Mixtures;
}

export interface Clouds {
	width: number;
	tokens: Cloud;
	text: Cloud;
}

/** A row of one of the clouds, which is then measured against the others of its cloud. */
export interface Member {
	cloud: 'tokens' | 'text';
	row: number;
}

/** What the members of a cloud measure, each without itself: ascending, without what could not be taken. */
export type Scale = Record<Measure, Float64Array>;

/** A cloud of the rows that are finite. */
export function cloudOf(rows: Float32Array, width: number): Cloud {
	const finite = Array.from({ length: rows.length / width }, (_, row) => rows.subarray(row * width, (row + 1) * width)).filter(
		(row) => row.every(Number.isFinite),
	);
	const kept = new Float32Array(finite.length * width);
	finite.forEach((row, i) => kept.set(row, i * width));
	return { rows: kept, gaussian: fitGaussian(kept, width), mixtures: new Mixtures(kept, width) };
}

export function measure(vector: Float32Array, { width, tokens, text }: Clouds, member?: Member): Measures {
	if (!vector.every(Number.isFinite)) {
		return Object.fromEntries(MEASURES.map((name) => [name, NaN])) as Measures;
	}
	const token = member?.cloud === 'tokens' ? member.row : -1;
	const state = member?.cloud === 'text' ? member.row : -1;
	const mixture = tokens.mixtures.nearest(vector, token);
	return {
		norm: norm(vector),
		'max-cosine': maxCosine(vector, tokens.rows, width, token),
		'knn-tokens': neighbourDistance(vector, tokens.rows, width, token),
		'mahalanobis-tokens': tokens.gaussian ? mahalanobis(tokens.gaussian, vector, token !== -1) : NaN,
		'effective-tokens': mixture ? effectiveTokens(mixture) : NaN,
		'mixture-residual': mixture?.residual ?? NaN,
		'knn-text': neighbourDistance(vector, text.rows, width, state),
		'mahalanobis-text': text.gaussian ? mahalanobis(text.gaussian, vector, state !== -1) : NaN,
	};
}

export function scaleOf(all: readonly Measures[]): Scale {
	const column = (name: Measure) => Float64Array.from(all, (one) => one[name]).filter((value) => !Number.isNaN(value));
	return Object.fromEntries(MEASURES.map((name) => [name, column(name).sort()])) as Scale;
}

/** Share of `ascending` below `value`, in percent, equal ones counted half; NaN where there is nothing to compare. */
export function percentile(value: number, ascending: Float64Array): number {
	if (Number.isNaN(value)) {
		return NaN;
	}
	const below = insertion(ascending, (other) => other < value);
	const upTo = insertion(ascending, (other) => other <= value);
	return (50 * (below + upTo)) / ascending.length;
}

/** Percentiles of the vectors' kNN distances to token embeddings [n, width] among those of the embeddings themselves; see `measure`. */
export function tokenDistances(vectors: readonly Float32Array[], rows: Float32Array, width: number): number[] {
	const own = Float64Array.from({ length: rows.length / width }, (_, row) =>
		neighbourDistance(rows.subarray(row * width, (row + 1) * width), rows, width, row),
	);
	const ascending = own.filter((distance) => !Number.isNaN(distance)).sort();
	return vectors.map((vector) => percentile(neighbourDistance(vector, rows, width, -1), ascending));
}

/** Cosine with the nearest row but `except`; the direction of a null vector is not defined. */
function maxCosine(vector: Float32Array, rows: Float32Array, width: number, except: number): number {
	const others = nearestByCosine(vector, rows, width, 2).filter(({ id }) => id !== except);
	return norm(vector) > 0 ? (others[0]?.cosine ?? NaN) : NaN;
}

/** Euclidean distance to the `NEIGHBOUR`-th nearest row but `except`. */
function neighbourDistance(vector: Float32Array, rows: Float32Array, width: number, except: number): number {
	// The least squares, ascending, and a place for what falls out: a sort of all of them costs as much as computing them.
	const least = new Float64Array(NEIGHBOUR + 1).fill(Infinity);
	for (let row = 0; row < rows.length / width; row++) {
		let sum = row === except ? Infinity : 0;
		for (let i = 0, at = row * width; i < width; i++, at++) {
			const difference = vector[i]! - rows[at]!;
			sum += difference * difference;
		}
		for (let place = NEIGHBOUR - 1; place >= 0 && sum < least[place]!; place--) {
			least[place + 1] = least[place]!;
			least[place] = sum;
		}
	}
	const square = least[NEIGHBOUR - 1]!;
	return square < Infinity ? Math.sqrt(square) : NaN;
}

/** How many of the ascending values hold; those that do come first. */
function insertion(ascending: Float64Array, holds: (value: number) => boolean): number {
	let low = 0;
	for (let high = ascending.length; low < high; ) {
		const middle = (low + high) >>> 1;
		if (holds(ascending[middle]!)) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	return low;
}
