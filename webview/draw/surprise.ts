/** The underline of a token: the less usual the token is by the chosen measure, the stronger. */
import { scaleLinear } from 'd3';
import type { TokenView } from '../../src/shared/panel';
import { surprisal } from '../figures';

/** Surprisal under the model that wrote it, or under the reference model; KL of the model to its base. */
export type Underline = 'own' | 'reference' | 'kl';

/** Where the line is full, the same in every trace. At 5 bits a token had one chance in 32; at 2 nats e² ≈ 7 times less. */
export const FULL: Readonly<Record<Underline, { value: number; unit: string }>> = {
	own: { value: 5, unit: 'bits' },
	reference: { value: 5, unit: 'bits' },
	kl: { value: 2, unit: 'nats' },
};

/** Share of the line's full colour of a token that is as usual as can be: the line is there, and faint. */
const FAINT = 8;

/** Share of the line's full colour, in percent; 0 where the token was not measured. */
export function underline(token: Pick<TokenView, 'prob' | 'referenceBits' | 'kl'>, measure: Underline): number {
	const value = valueOf(token, measure);
	return value === undefined ? 0 : strength(value, measure);
}

export function strength(value: number, measure: Underline): number {
	return Math.round(scaleLinear([0, FULL[measure].value], [FAINT, 100]).clamp(true)(value));
}

function valueOf({ prob, referenceBits, kl }: Pick<TokenView, 'prob' | 'referenceBits' | 'kl'>, measure: Underline): number | undefined {
	switch (measure) {
		case 'own':
			return prob === undefined ? undefined : surprisal(prob);
		case 'reference':
			return referenceBits;
		case 'kl':
			return kl;
	}
}
