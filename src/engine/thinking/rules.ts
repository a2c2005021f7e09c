/** When a latent segment stops before its limit: one function and one line in the table for each rule. */
import { divergence } from '../distribution';
import type { Last } from '../run/last';
import type { Produced, StopRule } from './step';

/**
 * Looks at a segment from its first thought on. `before` sees the state that would become the next thought: where it holds, that thought
 * is not produced. `after` sees a thought that was fed: where it holds, it was the last.
 */
interface Judge {
	before?(last: Last): Promise<boolean>;
	after?(produced: Produced): boolean;
}

type Rule<R extends StopRule['rule']> = (rule: Extract<StopRule, { rule: R }>) => Judge;

/** The likeliest next token is one of those that end thinking. */
const token: Rule<'token'> = ({ ids }) => ({
	before: async (last) => ids.includes((await last.next()).id),
});

/** Entropy of the next token, in nats, has been below a bound for so many states in a row (Soft Thinking's cold stop, arXiv 2505.15778). */
const entropy: Rule<'entropy'> = ({ below, for: needed = 1 }) => {
	let low = 0;
	return {
		before: async (last) => {
			low = (await last.next()).entropy < below ? low + 1 : 0;
			return low >= needed;
		},
	};
};

/** ‖zᵢ − zᵢ₋₁‖ is below a share of ‖zᵢ‖ (Huginn's latent difference, arXiv 2502.05171). */
const difference: Rule<'difference'> = ({ below }) => {
	let before: Float32Array | undefined;
	return {
		after: ({ latent }) => {
			const [previous] = [before, (before = latent)];
			return previous?.length === latent.length && distance(latent, previous) < below * distance(latent, new Float32Array(latent.length));
		},
	};
};

/** KL(pᵢ₋₁ ‖ pᵢ) of the next token's distribution at successive states, in nats (Huginn's exit by KL). */
const kl: Rule<'kl'> = ({ below }) => {
	let before: Float32Array | undefined;
	return {
		before: async (last) => {
			const [previous, now] = [before, (before = await last.logits())];
			return previous !== undefined && divergence(previous, now) < below;
		},
	};
};

/** The thought graph's `gate` is above a bound. */
const gate: Rule<'gate'> = ({ above }) => ({
	after: (produced) => produced.gate !== undefined && produced.gate > above,
});

const RULES: { readonly [R in StopRule['rule']]: Rule<R> } = { token, entropy, difference, kl, gate };

/** All rules of a segment. */
export class Rules {
	private readonly judges: { rule: StopRule['rule']; judge: Judge }[];

	constructor(stop: readonly StopRule[] = []) {
		this.judges = stop.map((one) => ({ rule: one.rule, judge: (RULES[one.rule] as Rule<StopRule['rule']>)(one) }));
	}

	/** The first rule that holds before the next thought. All are asked, because some count. */
	async before(last: Last): Promise<StopRule['rule'] | undefined> {
		let found: StopRule['rule'] | undefined;
		for (const { rule, judge } of this.judges) {
			const holds = await judge.before?.(last);
			found ??= holds ? rule : undefined;
		}
		return found;
	}

	/** The first rule that holds after a thought. */
	after(produced: Produced): StopRule['rule'] | undefined {
		return this.judges.filter(({ judge }) => judge.after?.(produced))[0]?.rule;
	}
}

function distance(a: Float32Array, b: Float32Array): number {
	return Math.sqrt(a.reduce((sum, value, i) => sum + (value - b[i]!) ** 2, 0));
}
