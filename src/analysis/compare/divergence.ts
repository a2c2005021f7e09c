/** Kullback–Leibler divergence of two distributions of which only the likeliest tokens are known. */

/** The likeliest tokens, likeliest first, with natural logarithms of their probabilities. Tokens are ids, or texts where a source has no ids. */
export interface TopTokens {
	tokens: readonly (number | string)[];
	logprobs: readonly number[];
}

/** In nats. */
export interface Divergence {
	/** The smallest KL(P || Q) that what is known of P and Q allows. */
	atLeast: number;
	/** Whether it is the divergence itself: all tokens are known. */
	exact: boolean;
}

/** Mass of Q below it cannot be told from none, since logits of up to 128 are F32, in steps of 2^-17; more of it only makes the divergence smaller. */
const ROUNDING = 2 ** -17;
/** Halvings of the interval of a ratio's logarithm: to less than a float's steps. */
const HALVINGS = 80;

/**
 * Of P the tokens in `p` are known, of Q those in `q`; of every other token only that it is no likelier than the last of its list, and of all
 * others together what is missing to 1. Nothing bounds KL from above then: a token that P has may be as unlikely in Q as one likes. From below it is
 *
 *   Σ_both p ln(p/q) + Σ_onlyP p ln(p/q′) + Σ_onlyQ p′ ln(p′/q) + ρ_P ln(ρ_P/ρ_Q)
 *
 * with the unknown q′, p′ and the masses ρ of tokens in neither list chosen so that it is smallest. The sum is convex in them (log-sum
 * inequality: Cover & Thomas 2006, theorem 2.7.2), and where its gradient is 0 all unknown ratios p/q are one r: q′ = min(last q, p/r), p′ = min(last p, r q).
 * `vocabulary`: how many tokens there are, where that is known.
 */
export function divergence(p: TopTokens, q: TopTokens, vocabulary = Infinity): Divergence {
	const [P, Q] = [probabilities(p), probabilities(q)];
	const onlyP = [...P].filter(([token]) => !Q.has(token)).map(([, value]) => value);
	const onlyQ = [...Q].filter(([token]) => !P.has(token)).map(([, value]) => value);
	let known = 0;
	for (const [token, value] of P) {
		const other = Q.get(token);
		known += other === undefined ? 0 : term(value, other);
	}
	const exact = P.size >= vocabulary && Q.size >= vocabulary;
	const unknown = exact ? 0 : smallest({ onlyP, onlyQ, lastP: last(p), lastQ: last(q), restP: rest(P, 0), restQ: rest(Q, ROUNDING) });
	return { atLeast: Math.max(0, known + unknown), exact };
}

interface Unknown {
	/** Probabilities in the one distribution of tokens that only its list has. */
	onlyP: readonly number[];
	onlyQ: readonly number[];
	/** Of the last token of each list: no token outside is likelier. */
	lastP: number;
	lastQ: number;
	/** Mass outside each list. */
	restP: number;
	restQ: number;
}

function smallest(given: Unknown): number {
	const { onlyP, onlyQ, lastP, lastQ, restP, restQ } = given;
	const qOf = (p: number, r: number) => Math.min(lastQ, p / r);
	const pOf = (q: number, r: number) => Math.min(lastP, r * q);
	const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
	/** What is left for tokens in neither list falls for P and grows for Q as r grows. */
	const leftP = (r: number) => restP - sum(onlyQ.map((q) => pOf(q, r)));
	const leftQ = (r: number) => restQ - sum(onlyP.map((p) => qOf(p, r)));
	const least = crossing((r) => leftQ(r) >= 0);
	const most = crossing((r) => leftP(r) < 0);
	// Where no ratio leaves something for both, each list takes all that there is for it.
	const r = least < most ? crossing((ratio) => ratio * leftQ(ratio) >= leftP(ratio)) : undefined;
	const [forP, forQ] = [Math.min(r ?? most, most), Math.max(r ?? least, least)];
	return (
		sum(onlyP.map((p) => term(p, qOf(p, forQ)))) +
		sum(onlyQ.map((q) => term(pOf(q, forP), q))) +
		term(Math.max(0, leftP(forP)), Math.max(leftQ(forQ), Number.MIN_VALUE))
	);
}

/** Where a condition that is false for small ratios becomes true. */
function crossing(holds: (r: number) => boolean): number {
	let [low, high] = [-700, 700];
	for (let i = 0; i < HALVINGS; i++) {
		const middle = (low + high) / 2;
		[low, high] = holds(Math.exp(middle)) ? [low, middle] : [middle, high];
	}
	return Math.exp(high);
}

/** A source may list several tokens of one text: they count together. */
function probabilities({ tokens, logprobs }: TopTokens): Map<number | string, number> {
	const found = new Map<number | string, number>();
	tokens.forEach((token, i) => found.set(token, (found.get(token) ?? 0) + Math.exp(logprobs[i]!)));
	return found;
}

/** Several tokens may have the text of one that is not listed, so that together they may be likelier than the last one. */
function last({ tokens, logprobs }: TopTokens): number {
	return typeof tokens[0] === 'string' ? 1 : Math.min(1, ...logprobs.map(Math.exp));
}

function rest(known: ReadonlyMap<unknown, number>, least: number): number {
	return Math.max(least, 1 - [...known.values()].reduce((total, value) => total + value, 0));
}

function term(p: number, q: number): number {
	return p === 0 ? 0 : p * Math.log(p / q);
}
