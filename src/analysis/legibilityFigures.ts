/** The figures of a chain of thought, ready for display: neutral words, a unit, a definition. */
import type { LegibilityView } from '../shared/panel';
import type { LegibilityRecord } from '../trace/evidence';
import { printable } from './text';

type Figure = LegibilityView['figures'][number];

/** In the order in which they are read. What was not measured is left out. */
export function legibilityFigures(record: LegibilityRecord): Figure[] {
	const { tokens, reference, base, repetition, repeatedSentences, rareWords, legalSteps } = record;
	const figures: (Figure | undefined | false)[] = [
		reference && {
			label: `surprisal under ${printable(reference.id)}`,
			value: `${reference.surprisalBits.toFixed(2)} bits a token`,
			definition: `Mean of −log₂ p over the chain’s ${tokens} tokens under ${printable(reference.id)}, which is given the prompt and the chain so far.`,
		},
		base && {
			label: `KL to ${printable(base.id)}`,
			value: `${base.kl.toFixed(2)} nats a token`,
			definition: `Mean of KL(this model || ${printable(base.id)}) of the next token’s distribution where each token of the chain was written.`,
		},
		legalSteps && {
			label: 'facts of the prompt',
			value: `${legalSteps.legal} of ${legalSteps.steps} steps`,
			definition: 'Sentences of the chain that state a fact of the prompt, on a path to the answer or not.',
		},
		repetition !== undefined && {
			label: 'repeated 3-grams',
			value: percent(repetition),
			definition: 'Share of the chain’s runs of three tokens, overlapping ones included, that occurred before in it.',
		},
		repeatedSentences && {
			label: 'repeated sentences',
			value: `${repeatedSentences.repeated} of ${repeatedSentences.sentences}`,
			definition: 'Sentences of the chain that occurred before in it, word for word.',
		},
		rareWords && {
			label: 'words not in the reference text',
			value: `${percent(rareWords.share)} of ${rareWords.words}`,
			definition: `Share of the chain’s words that the model’s reference text of ${rareWords.of} words does not have, whatever their case.`,
		},
	];
	return figures.filter((figure): figure is Figure => typeof figure === 'object');
}

function percent(share: number): string {
	return `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %`;
}
