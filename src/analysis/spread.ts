/** What one tokenizer's tokens are worth, told by another's: both stand on the same text. */
import type { Range } from '../shared/range';

/** Tokens that stand for the same characters: one, or several that only together are a character. */
interface Piece extends Range {
	bits: number;
}

/**
 * Bits of each token of `to`, summed over the tokens of `from` that overlap its characters. A token of `from` that covers several tokens of
 * `to`, or white space between them, gives to each in proportion to the UTF-16 units that it shares with it; what several tokens of `from` spell together
 * (their spans overlap, or one is empty and a part of the character before it) counts as one. NaN where nothing overlaps, or where a token that
 * overlaps has no bits of its own.
 * @param bits of each token of `from`; NaN where unknown.
 * @param from starts ascend, and so do ends; `to` without overlap.
 */
export function spread(bits: readonly number[], from: readonly Range[], to: readonly Range[]): number[] {
	const pieces: Piece[] = [];
	for (const [i, { start, end }] of from.entries()) {
		const before = pieces.at(-1);
		if (before && (start === end || start < before.end)) {
			before.end = Math.max(before.end, end);
			before.bits += bits[i]!;
		} else {
			pieces.push({ start, end, bits: bits[i]! });
		}
	}
	let first = 0;
	return to.map((token) => {
		while (first < pieces.length && pieces[first]!.end <= token.start) {
			first++;
		}
		let sum: number | undefined;
		for (let i = first; i < pieces.length && pieces[i]!.start < token.end; i++) {
			const piece = pieces[i]!;
			const shared = Math.min(piece.end, token.end) - Math.max(piece.start, token.start);
			if (shared > 0) {
				sum = (sum ?? 0) + (piece.bits * shared) / (piece.end - piece.start);
			}
		}
		return sum ?? NaN;
	});
}
