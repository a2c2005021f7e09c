/** Numbers and names as a report writes them. */
import { printable } from '../text';
import type { Interval } from '../evaluation/result';

/** Stands where nothing was measured. */
export const NONE = '–';
const MINUS = '−';

export function percent(value: number | null | undefined, digits = 1): string {
	return value === null || value === undefined || !Number.isFinite(value) ? NONE : signed(value * 100, digits);
}

export function decimal(value: number | null | undefined, digits = 2): string {
	return value === null || value === undefined || !Number.isFinite(value) ? NONE : signed(value, digits);
}

/** Of a share, in percent. */
export function percentBounds([low, high]: Interval): string {
	return low === null || high === null ? NONE : `${percent(low)} to ${percent(high)}`;
}

export function bounds([low, high]: Interval, digits = 2): string {
	return low === null || high === null ? NONE : `${decimal(low, digits)} to ${decimal(high, digits)}`;
}

/** A difference with its sign, in points. */
export function points(value: number | null): string {
	const text = percent(value);
	return value !== null && value > 0 && Number(text) !== 0 ? `+${text}` : text;
}

export function pValue(p: number): string {
	return p < 0.001 ? '< .001' : p.toFixed(3).replace(/^0/, '');
}

export function seconds(value: number): string {
	return value.toFixed(value < 10 ? 2 : 1);
}

function signed(value: number, digits: number): string {
	const text = Math.abs(value).toFixed(digits);
	return value < 0 && Number(text) !== 0 ? `${MINUS}${text}` : text;
}

const ARMS: ReadonlyMap<string, string> = new Map([
	['latent', 'latent'],
	['cot', 'chain of thought'],
	['direct', 'direct'],
]);

export function armLabel(arm: string): string {
	return ARMS.get(arm) ?? printable(arm);
}

export interface NamedTest {
	arm: string;
	test?: string;
	form?: string;
	step?: number | 'all';
	trained?: boolean;
}

/** `latent`, `latent, snap-1 rescaled, all`, `latent, truncate 6` */
export function testLabel({ arm, test, form, step, trained }: NamedTest): string {
	return test === undefined
		? armLabel(arm)
		: `${armLabel(arm)}, ${shortLabel({ test, form, step })}${trained === true ? ', as trained' : ''}`;
}

/** Without the arm. That all thoughts are changed is what a test over a set does unless it says otherwise. */
export function shortLabel({ test, form, step }: Omit<NamedTest, 'arm'>): string {
	return printable([test, form, step === 'all' ? undefined : step].filter((part) => part !== undefined).join(' '));
}
