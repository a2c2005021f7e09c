/** Colours of measured values: one fixed sequential scale, readable ink on it, and nothing that depends on the theme. */
import { interpolateCividis, lab, rgb, scaleSequential } from 'd3';

/** Scores lie in 0..1 and the scale never adapts: the same colour means the same score in every trace. */
export const SCORE_DOMAIN: readonly [number, number] = [0, 1];

const STEPS = 255;
const DARK_INK = '#111111';
const LIGHT_INK = '#f4f4f4';

const scale = scaleSequential(interpolateCividis).domain(SCORE_DOMAIN).clamp(true);

/** Colouring a cell is one look-up: [fill, ink]. */
const TABLE: readonly (readonly [string, string])[] = Array.from({ length: STEPS + 1 }, (_, i) => {
	const fill = rgb(scale(i / STEPS)).formatHex();
	return [fill, inkOn(fill)] as const;
});

/** Fill and ink for a score; undefined where it was not measured. */
export function shade(score: number): readonly [string, string] | undefined {
	return Number.isNaN(score) ? undefined : TABLE[Math.round(Math.min(Math.max(score, 0), 1) * STEPS)];
}

/** The ink of higher contrast on `fill`. */
export function inkOn(fill: string): string {
	return contrast(fill, DARK_INK) >= contrast(fill, LIGHT_INK) ? DARK_INK : LIGHT_INK;
}

/** WCAG 2 contrast ratio, 1..21. */
export function contrast(one: string, other: string): number {
	const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
	return (high + 0.05) / (low + 0.05);
}

/** Relative luminance Y, 0..1, from CIE lightness. */
function luminance(colour: string): number {
	const { l } = lab(colour);
	return l > 8 ? ((l + 16) / 116) ** 3 : l / 903.3;
}
