/** How far a thought is from language, measure by measure, in words. */
import type { OodView } from '../shared/panel';
import type { OodRecord } from '../trace/evidence';
import { ordinal } from './estimates';
import type { Measure } from './ood';

type Words = Pick<OodView, 'label' | 'definition'>;

const WORDS: Readonly<Record<Measure, (record: OodRecord) => Words>> = {
	norm: () => ({ label: 'norm', definition: 'Euclidean length of the vector that is fed back.' }),
	'max-cosine': () => ({
		label: 'cosine with nearest token',
		definition: 'Highest cosine of the vector with a token embedding: 1 is the direction of that token. Here a low value is far from language.',
	}),
	'knn-tokens': ({ neighbour }) => ({
		label: `distance to ${ordinal(neighbour)} nearest token`,
		definition: `Euclidean distance to the ${ordinal(neighbour)} nearest token embedding. It grows with the norm.`,
	}),
	'mahalanobis-tokens': () => ({
		label: 'Mahalanobis from tokens',
		definition:
			'Standard deviations from the mean of the token embeddings, by their covariance with Ledoit–Wolf shrinkage. It grows with the norm.',
	}),
	'effective-tokens': () => ({
		label: 'tokens in best mixture',
		definition: 'exp(entropy) of the weights w of the nearest mixture of token embeddings, w ≥ 0, Σw = 1: over how many tokens it spreads.',
	}),
	'mixture-residual': () => ({
		label: 'rest beyond any mixture',
		definition: '‖z − Eᵀw‖: distance to the nearest mixture of token embeddings. What no superposition of words explains.',
	}),
	'knn-text': ({ neighbour, site }) => ({
		label: `distance to ${ordinal(neighbour)} nearest state`,
		definition: `Euclidean distance to the ${ordinal(neighbour)} nearest of the model’s states at written words, ${SITES[site]}.`,
	}),
	'mahalanobis-text': ({ site }) => ({
		label: 'Mahalanobis from states',
		definition: `Standard deviations from the mean of the model’s states at written words, ${SITES[site]}, by their covariance with Ledoit–Wolf shrinkage.`,
	}),
};

const SITES: Readonly<Record<OodRecord['site'], string>> = { normed: 'after the final norm', resid: 'before the final norm' };

/** `planes`: the row of one thought in each plane `ood.<measure>`: value, percentile among tokens, among states of text. */
export function oodViews(record: OodRecord, planes: ReadonlyMap<Measure, ArrayLike<number>>): OodView[] {
	return [...planes].map(([measure, row]) => ({
		...WORDS[measure](record),
		value: row[0] ?? NaN,
		tokens: row[1] ?? NaN,
		text: row[2] ?? NaN,
	}));
}
