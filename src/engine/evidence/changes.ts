/** What variants of a run do to its answer: in numbers, for means over many. */
import type { Variant } from '../../analysis/causal';
import { effect, type Effect } from '../../analysis/effect';
import type { ArmPlan } from '../run/arm';
import { answerOf } from '../causal/clean';
import type { Branch } from '../causal/lane';
import type { Other } from '../causal/replacement';
import { Variants } from '../causal/variants';
import type { Model } from '../model/model';

export interface Change extends Pick<Variant, 'test' | 'form' | 'step'>, Effect {
	/** Whether the answer is another one; absent where what was computed is not finite. */
	changed?: boolean;
}

/** `others`: what is resampled from. */
export interface Resampled extends Branch {
	others: readonly Other[];
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

	/** Of each branch, in their order. What puts in what was there is not run: it changes nothing. */
	async of(branches: readonly Resampled[], plan: ArmPlan): Promise<Change[]> {
		const changed = branches.filter((branch) => !isSame(branch));
		const lanes = await this.variants.run(changed, plan);
		const found = new Map(lanes.map((lane, i) => [changed[i]!, lane]));
		return branches.map((branch) => {
			const { clean, variant: { test, form, step } } = branch;
			const lane = found.get(branch);
			if (!lane) {
				return { test, form, step, changed: false, deltaLogOdds: 0, kl: 0 };
			}
			const { logits, written } = lane.answer;
			return {
				test,
				form,
				step,
				changed: logits && answerOf(this.model, written) !== clean.answer,
				...(logits ? effect(clean.logits, logits) : { deltaLogOdds: NaN, kl: NaN }),
			};
		});
	}
}

/** As a dummy token, which every prompt has. */
function isSame({ clean: { thoughts }, variant: { step, feeds: [feed] }, others }: Resampled): boolean {
	if (feed?.kind !== 'think' || feed.by?.kind !== 'resample' || typeof step !== 'number') {
		return false;
	}
	const own = thoughts[step]!;
	return others[feed.by.draw]!.thoughts[step]!.every((value, i) => value === own[i]);
}
