/** How usual what was written is: figures with their units, and never a verdict. */
import { decimals } from '../shared/decimals';
import type { LegibilityView } from '../shared/panel';
import type { LegibilityRecord } from '../trace/evidence';
import { printable } from './text';

type Figure = LegibilityView['figures'][number];

export function legibilityView({ tokens, reference, base, repetition, rareWords, legalSteps }: LegibilityRecord): LegibilityView {
	const over = `over ${tokens} token${tokens === 1 ? '' : 's'} of the chain of thought`;
	const figures: (Figure | undefined)[] = [
		reference && {
			label: `surprisal under ${reference.id}`,
			value: `${decimals(reference.surprisalBits)} bits a token`,
			definition: `Mean −log₂ p that the model ${reference.id} gives to what was written, from the prompt and the chain so far, ${over}.`,
		},
		base && {
			label: `KL to ${base.id}`,
			value: `${decimals(base.kl)} nats a token`,
			definition: `Mean KL(this model || ${base.id}, which it was tuned from) of the next token’s distribution, ${over}: how far tuning moved it.`,
		},
		repetition === undefined
			? undefined
			: {
					label: 'repeated',
					value: percent(repetition),
					definition: 'Share of the 3-grams of tokens in the chain that occurred before in it.',
				},
		rareWords && {
			label: 'rare words',
			value: `${percent(rareWords.share)} of ${rareWords.words}`,
			definition: `Share of the chain’s words that do not occur in the reference text, which has ${rareWords.of} words.`,
		},
		legalSteps && {
			label: 'steps that are facts',
			value: `${legalSteps.legal} of ${legalSteps.steps}`,
			definition: 'Written steps that the prompt states. Whether they lead to the answer is another question.',
		},
	];
	return { figures: figures.filter((one) => one !== undefined).map((one) => ({ ...one, label: printable(one.label), definition: printable(one.definition) })) };
}

function percent(share: number): string {
	return `${decimals(100 * share, 0)} %`;
}
