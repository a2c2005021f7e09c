/** How usual what was written is: figures with their units and definitions, and never a verdict. */
import { decimals } from '../shared/decimals';
import type { LegibilityView } from '../shared/panel';
import type { LegibilityRecord } from '../trace/evidence';
import { printable } from './text';

type Figure = LegibilityView['figures'][number];

/** In the order in which they are read. What was not measured is left out. */
export function legibilityView(record: LegibilityRecord): LegibilityView {
	const { tokens, repetition, repeatedSentences, rareWords, legalSteps } = record;
	const reference = record.reference && { ...record.reference, id: printable(record.reference.id) };
	const base = record.base && { ...record.base, id: printable(record.base.id) };
	const over = `over ${tokens} token${tokens === 1 ? '' : 's'} of the chain of thought`;
	const figures: (Figure | undefined | false)[] = [
		reference && {
			label: `surprisal under ${reference.id}`,
			value: `${decimals(reference.surprisalBits)} bits a token`,
			definition: `Mean −log₂ p that the model ${reference.id} gives to what was written, from the prompt and the chain so far, ${over}.`,
		},
		base && {
			label: `KL to ${base.id}`,
			value: `${decimals(base.kl)} nats a token`,
			definition: `Mean KL(this model || ${base.id}) of the distribution from which each token was taken, ${over}.`,
		},
		repetition !== undefined && {
			label: 'repeated 3-grams',
			value: percent(repetition),
			definition: 'Share of the runs of three tokens in the chain, overlapping ones included, that occurred before in it.',
		},
		repeatedSentences && {
			label: 'repeated sentences',
			value: `${repeatedSentences.repeated} of ${repeatedSentences.sentences}`,
			definition: 'Sentences of the chain that occurred before in it, word for word.',
		},
		rareWords && {
			label: 'rare words',
			value: `${percent(rareWords.share)} of ${rareWords.words}`,
			definition: `Share of the chain’s words that do not occur in the model’s reference text, which has ${rareWords.of} words.`,
		},
		legalSteps && {
			label: 'steps that are facts',
			value: `${legalSteps.legal} of ${legalSteps.steps}`,
			definition: 'Written sentences that state a fact of the prompt. Whether they lead to the answer is another question.',
		},
	];
	return { figures: figures.filter((figure): figure is Figure => typeof figure === 'object'), reference: reference?.id, base: base?.id };
}

function percent(share: number): string {
	return `${decimals(share * 100, share > 0 && share < 0.1 ? 1 : 0)} %`;
}
