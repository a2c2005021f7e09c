/** What variants of a run do to its answer: in numbers, for means over many. */
import type { Variant } from '../../analysis/causal';
import { effect, type Effect } from '../../analysis/effect';
import type { ArmPlan } from '../run/arm';
import { answerOf, type Clean } from '../causal/clean';
import type { Other, Replacements } from '../causal/replacement';
import { Variants } from '../causal/variants';
import type { Model } from '../model/model';

export interface Change extends Pick<Variant, 'test' | 'form' | 'step'>, Effect {
	/** Whether the answer is another one; absent where what was computed is not finite. */
	changed?: boolean;
}

export class Changes {
	private readonly variants: Variants;

	constructor(
		private readonly model: Model,
		signal: AbortSignal,
		/** Called before each group of variants, with the seconds that it takes at most. */
		tick: (seconds: number) => void,
	) {
		this.variants = new Variants(model, signal, tick);
	}

	/** `others`: what is resampled from. What puts in what was there is not run: it changes nothing. */
	async of(
		clean: Clean,
		variants: readonly Variant[],
		replacements: Replacements,
		others: readonly Other[],
		plan: ArmPlan,
	): Promise<Change[]> {
		const same = variants.filter((variant) => isSame(variant, clean, others));
		const lanes = await this.variants.run(clean, variants.filter((variant) => !same.includes(variant)), replacements, plan);
		return [
			...same.map(({ test, form, step }) => ({ test, form, step, changed: false, deltaLogOdds: 0, kl: 0 })),
			...lanes.map(({ variant: { test, form, step }, answer: { logits, written } }) => ({
				test,
				form,
				step,
				changed: logits && answerOf(this.model, written) !== clean.answer,
				...(logits ? effect(clean.logits, logits) : { deltaLogOdds: NaN, kl: NaN }),
			})),
		];
	}
}

/** As a dummy token, which every prompt has. */
function isSame({ step, feeds: [feed] }: Variant, { thoughts }: Clean, others: readonly Other[]): boolean {
	if (feed?.kind !== 'think' || feed.by?.kind !== 'resample' || typeof step !== 'number') {
		return false;
	}
	const own = thoughts[step]!;
	return others[feed.by.draw]!.thoughts[step]!.every((value, i) => value === own[i]);
}
