/** Tokens in the place of thoughts: positions without recurrence (the pause-token control, arXiv 2310.02226). */
import { EngineError } from '../error';
import type { Source } from './sources';

export const token: Source<'token'> = {
	async vector(model, { id }) {
		return { vector: await model.embedding(id), token: id };
	},
	inWords: (_, [text]) => `embedding of ${text}`,
};

/** One for each thought, so that each position has its own. */
export const tokens: Source<'tokens'> = {
	async vector(model, { ids }, { index, first = 0 }) {
		const id = ids[index - first];
		if (id === undefined) {
			throw new EngineError(`The recipe has tokens for ${ids.length} thoughts: ask for as many latents or fewer.`, 'bad-request');
		}
		return { vector: await model.embedding(id), token: id };
	},
	inWords: ({ ids }, texts) => `embeddings of ${texts[0]} to ${texts[ids.length - 1]}`,
};
