/** The state at the position itself: after the final norm (Coconut, arXiv 2412.06769), or before it. */
import type { Source } from './sources';

export const normed: Source<'normed'> = {
	async vector(_, __, moment) {
		return { vector: (await moment.normed()).slice() };
	},
	inWords: () => 'state after the final norm',
};

export const resid: Source<'resid'> = {
	async vector(_, __, { hidden }) {
		return { vector: hidden.slice() };
	},
	inWords: () => 'state before the final norm',
};
