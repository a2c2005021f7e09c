/** Values of a comparison in words. */
import type { PlaneView, TokensView } from '../../src/shared/compare';
import { decimals, difference } from '../../src/shared/decimals';

const DIGITS = 3;

/** `Step 3, layer 2: +0.123 nats`; layers of two models as `1/2`. */
export function cellText({ signed, unit, columns }: PlaneView, row: number, column: number, value: number): string {
	const name = columns[column] ?? '';
	const where = name === '' ? '' : /^\d/.test(name) ? `, layer ${name}` : `, ${name}`;
	const measured = Number.isNaN(value) ? 'not measured on both sides' : `${signed ? difference(value, DIGITS) : decimals(value, DIGITS)}${unit === '' ? '' : ` ${unit}`}`;
	return `Step ${row + 1}${where}: ${measured}`;
}

export function klText({ kl }: TokensView): string {
	return kl ? `${kl.exact ? '' : '≥ '}${decimals(kl.atLeast, DIGITS)}` : '–';
}

/** Of a group of tokens: their surprisal on both sides, and the divergence of what the first was taken from. */
export function tokenText(group: TokensView): string {
	const { bitsA, bitsB, kl } = group;
	const bits = bitsA === undefined && bitsB === undefined ? [] : [`surprisal ${decimals(bitsA)} bits in A, ${decimals(bitsB)} in B`];
	const divergence = kl ? [`KL(A || B) of what the first token was taken from: ${klText(group)} nats`] : [];
	return [...bits, ...divergence].join('\n');
}
