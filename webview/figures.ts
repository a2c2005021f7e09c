/** Numbers as text. Figures stand in columns, so they are short; the exact value is on hover. */
import { decimals, typeset } from '../src/shared/decimals';
import { formatProbability } from '../src/shared/probability';

/** Four significant digits, `6.103e−5` below 0.0001. */
export function exact(value: number): string {
	if (!Number.isFinite(value) || value === 0) {
		return decimals(value, 0);
	}
	return typeset(Math.abs(value) < 1e-4 ? value.toExponential(3) : Number(value.toPrecision(4)).toString());
}

/** A value in 0..1 as statistics prints it, without the leading zero: `.95`, `>.99`. */
export function proportion(value: number): string {
	return formatProbability(value).replace(/^0\./, '.');
}

/** `.93, .97` */
export function interval([low, high]: readonly [number, number]): string {
	return `${proportion(low)}, ${proportion(high)}`;
}

/** Information of an event of probability `value`, in bits. */
export function surprisal(value: number): number {
	return value >= 1 ? 0 : -Math.log2(value);
}

export function plural(count: number, noun: string): string {
	return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
