/** When a position halts before its last loop: one function and one line in the table for each rule. */
import type { HaltRule } from '../../trace/document';
import { divergence, entropyOf } from '../distribution';
import type { Depth } from '../model/recipeSchema';

type Stop = NonNullable<Depth['stop']>[number];

/** Of one position after a loop. */
export interface Seen {
	/** ‖sᵢ − sᵢ₋₁‖ / ‖sᵢ‖. */
	difference: number;
	/** Of the core's gate, 0..1. */
	gate: number | undefined;
	/** Of the next token by the coda lens [vocabulary]; absent where no rule asks for it. */
	logits: Float32Array | undefined;
}

type Judge = (seen: Seen) => boolean;
type Rule<R extends HaltRule> = (rule: Extract<Stop, { rule: R }>) => Judge;

/** The state has moved by less than a share of its norm (Huginn's latent difference, arXiv 2502.05171). */
const difference: Rule<'difference'> = ({ below }) => (seen) => seen.difference < below;

/** KL(pᵢ₋₁ ‖ pᵢ) of the next token's distribution by the coda lens, in nats (Huginn's KL). */
const kl: Rule<'kl'> = ({ below }) => {
	let before: Float32Array | undefined;
	return ({ logits }) => {
		const [previous, now] = [before, (before = logits!)];
		return previous !== undefined && divergence(previous, now) < below;
	};
};

/** Entropy of that distribution, in nats, has been below a bound after so many loops in a row. */
const entropy: Rule<'entropy'> = ({ below, for: needed = 1 }) => {
	let low = 0;
	return ({ logits }) => {
		low = entropyOf(logits!) < below ? low + 1 : 0;
		return low >= needed;
	};
};

/** The gate is above a bound; cumulative, 1 − Π(1 − gateᵢ) is, the probability to have halted by now (Ouro, arXiv 2510.25741). */
const gate: Rule<'gate'> = ({ above, cumulative = false }) => {
	let running = 1;
	return ({ gate: now = 0 }) => {
		running = cumulative ? running * (1 - now) : 1 - now;
		return 1 - running > above;
	};
};

const RULES: { readonly [R in HaltRule]: Rule<R> } = { difference, kl, entropy, gate };

/** All rules, for one position. */
export class Halting {
	private readonly judges: { rule: HaltRule; judge: Judge }[];

	private readonly least: number;

	constructor({ stop = [], least = 1 }: Pick<Depth, 'stop' | 'least'>) {
		this.least = least;
		this.judges = stop.map((one) => ({ rule: one.rule, judge: (RULES[one.rule] as Rule<HaltRule>)(one) }));
	}

	/** The first rule that holds after loop 1, 2, … All are asked, because some count. */
	after(loop: number, seen: Seen): HaltRule | undefined {
		const [first] = this.judges.filter(({ judge }) => judge(seen));
		return loop >= this.least ? first?.rule : undefined;
	}
}
