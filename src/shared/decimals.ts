/** Numbers as text, the same on both sides of the panel: a typographic minus, and a dash where nothing was measured. */

const MINUS = '−';
const MISSING = '–';

/** `digits` decimals. `null` is what NaN becomes on its way to the panel: a message is JSON. */
export function decimals(value: number | null | undefined, digits = 2): string {
	if (value === undefined || value === null || Number.isNaN(value)) {
		return MISSING;
	}
	return Number.isFinite(value) ? typeset(value.toFixed(digits)) : `${value < 0 ? MINUS : ''}∞`;
}

/** `decimals` of a difference: `+0.02`, and no sign where it is printed as zero. */
export function difference(value: number | null | undefined, digits = 2): string {
	const text = decimals(value, digits);
	return value !== undefined && value !== null && value > 0 && /[1-9∞]/.test(text) ? `+${text}` : text;
}

/** For terminals: as `toFixed` writes it, without a sign before zero, and a dash for what is no number. */
export function plainDecimals(value: number, digits: number): string {
	return Number.isFinite(value) ? value.toFixed(digits).replace(/^-(0\.?0*)$/, '$1') : MISSING;
}

/** A minus sign for a hyphen, and no sign before zero. */
export function typeset(text: string): string {
	return (/^-0(\.0*)?$/.test(text) ? text.slice(1) : text).replace(/-/g, MINUS);
}
