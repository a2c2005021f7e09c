/** Colours of measured values: fixed scales, readable ink on them, and nothing that depends on the theme. */
import { interpolateCividis, interpolatePuOr, lab, rgb } from 'd3';
import { decimals, difference } from '../../src/shared/decimals';
import type { ProbeView } from '../../src/shared/panel';
import { formatProbability } from '../../src/shared/probability';

/** What a heatmap paints and prints. */
export interface Scale {
	domain: readonly [number, number];
	/** Fill and ink of a value; undefined where it was not measured. */
	shade(value: number): readonly [string, string] | undefined;
	print(value: number): string;
	/** The widest of what is printed in most cells. */
	sample: string;
	/** Its middle is as light as a light theme's page: cells need an edge. */
	edged: boolean;
}

/** Scores lie in 0..1 and the scale never adapts: the same colour means the same score in every trace. */
export const SCORES: Scale = {
	...scale([0, 1], interpolateCividis),
	print: formatProbability,
	sample: '0.00',
	edged: false,
};

const STEPS = 255;
/** Below it two decimals fit a cell, from it on one. */
const WIDE_VALUES = 10;

const DARK_INK = '#111111';
const LIGHT_INK = '#f4f4f4';

/** Of scores, or of effects on both sides of 0: purple where the answer lost, orange where it gained. */
export function scaleOf({ kind, domain }: Pick<ProbeView, 'kind' | 'domain'>): Scale {
	if (kind === 'probe') {
		return SCORES;
	}
	const digits = domain[1] < WIDE_VALUES ? 2 : 1;
	return {
		...scale(domain, interpolatePuOr),
		print: (value) => difference(value, digits),
		sample: '−0.00',
		edged: true,
	};
}

/** Of what is measured on a scale of its own, which does not adapt either. */
export function measured(domain: readonly [number, number]): Scale {
	return { ...scale(domain, interpolateCividis), print: (value) => decimals(value, 2), sample: '0.00', edged: false };
}

/** Of a heatmap, from the lowest to the highest value. */
export function coloursOf(probe: Pick<ProbeView, 'kind' | 'domain'>): string[] {
	const { domain: [low, high], shade } = scaleOf(probe);
	return Array.from({ length: STEPS + 1 }, (_, i) => shade(low + ((high - low) * i) / STEPS)![0]);
}

const tables = new Map<(t: number) => string, readonly (readonly [string, string])[]>();

/** Colouring a cell is one look-up: [fill, ink]. Values beyond the domain have the colour of its end. */
function scale(domain: readonly [number, number], interpolate: (t: number) => string): Pick<Scale, 'domain' | 'shade'> {
	const [low, high] = domain;
	return {
		domain,
		shade(value) {
			const table = tables.get(interpolate) ?? tabulate(interpolate);
			tables.set(interpolate, table);
			const place = (value - low) / (high - low);
			return Number.isNaN(value) ? undefined : table[Math.round(Math.min(Math.max(place, 0), 1) * STEPS)];
		},
	};
}

function tabulate(interpolate: (t: number) => string): (readonly [string, string])[] {
	return Array.from({ length: STEPS + 1 }, (_, i) => {
		const fill = rgb(interpolate(i / STEPS)).formatHex();
		return [fill, inkOn(fill)] as const;
	});
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
