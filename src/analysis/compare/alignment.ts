/** Which steps of two traces are held against each other. Both ways keep the order of either side. */
import { diffArrays } from 'diff';

/** Places in two lists; one side is absent where the other has nothing for it. */
export interface Pair {
	a?: number;
	b?: number;
}

/** Changes between two lists beyond which no alignment is looked for: the search takes time in their square, and so many have little in common. */
export const MAX_CHANGES = 1_000;

export function byIndex(a: number, b: number): Pair[] {
	return Array.from({ length: Math.max(a, b) }, (_, i) => ({ ...(i < a ? { a: i } : {}), ...(i < b ? { b: i } : {}) }));
}

/** The places at which the lists are the same, by the fewest changes from one to the other (Myers 1986); undefined where there are too many. */
export function stretches(a: readonly string[], b: readonly string[]): { a: number; b: number; length: number }[] | undefined {
	const changes = diffArrays([...a], [...b], { maxEditLength: MAX_CHANGES });
	let [atA, atB] = [0, 0];
	return changes?.flatMap(({ added, removed, count }) => {
		const same = added || removed ? [] : [{ a: atA, b: atB, length: count }];
		atA += added ? 0 : count;
		atB += removed ? 0 : count;
		return same;
	});
}

/** Equal texts in equal order; between them what is left over in the order in which it comes. Undefined where the lists have too little in common. */
export function byText(a: readonly string[], b: readonly string[]): Pair[] | undefined {
	const found = stretches(a, b);
	if (!found) {
		return undefined;
	}
	const pairs: Pair[] = [];
	let [atA, atB] = [0, 0];
	for (const same of [...found, { a: a.length, b: b.length, length: 0 }]) {
		pairs.push(...moved(byIndex(same.a - atA, same.b - atB), atA, atB), ...moved(byIndex(same.length, same.length), same.a, same.b));
		[atA, atB] = [same.a + same.length, same.b + same.length];
	}
	return pairs;
}

/** The same pairs of lists that begin at these places. */
export function moved(pairs: readonly Pair[], byA: number, byB: number): Pair[] {
	return pairs.map(({ a, b }) => ({ ...(a === undefined ? {} : { a: a + byA }), ...(b === undefined ? {} : { b: b + byB }) }));
}
