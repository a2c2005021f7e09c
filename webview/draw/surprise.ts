/** The underline of a token: the less the model expected it, the stronger. */
import { scaleLinear } from 'd3';
import { surprisal } from '../figures';

/** At 5 bits the model gave the token one chance in 32: from there on the line is full. */
export const FULL_BITS = 5;

const strength = scaleLinear([0, FULL_BITS], [8, 100]).clamp(true);

/** Share of the line's full colour, in percent; 0 where the token has no probability. */
export function underline(prob: number | undefined): number {
	return prob === undefined ? 0 : Math.round(strength(surprisal(prob)));
}
