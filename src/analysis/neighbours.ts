import { norm } from './lens';

export interface Neighbour {
	/** Row of the matrix: the token's id. */
	id: number;
	/** -1..1; 0 where one of the vectors is null. */
	cosine: number;
}

/**
 * The k rows of `matrix` (row-major, `width` values each) nearest to `vector` by cosine, nearest first, lower ids first among
 * equals. Insertion above a threshold: a full sort of a large vocabulary costs a hundred times more than the scan.
 */
export function nearestByCosine(vector: Float32Array, matrix: Float32Array, width: number, k: number): Neighbour[] {
	const best: Neighbour[] = [];
	const rows = Math.floor(matrix.length / width);
	const length = norm(vector);
	for (let id = 0; id < rows && k > 0; id++) {
		const scale = length * norm(matrix, id * width, width);
		let dot = 0;
		for (let i = 0, at = id * width; i < width; i++, at++) {
			dot += vector[i]! * matrix[at]!;
		}
		const cosine = scale > 0 ? dot / scale : 0;
		if (best.length === k && !(cosine > best[k - 1]!.cosine)) {
			continue;
		}
		let place = best.length === k ? k - 1 : best.length;
		while (place > 0 && best[place - 1]!.cosine < cosine) {
			best[place] = best[place - 1]!;
			place--;
		}
		best[place] = { id, cosine };
	}
	return best;
}
