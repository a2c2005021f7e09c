/** Fields of parsed JSON, taken for what they should be or for nothing: a log is worth reading also where one field is odd. */
import type { JsonObject } from './json';

export function isObject(value: unknown): value is JsonObject {
	return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An own field: nothing is inherited from a prototype. */
export function field(value: unknown, ...path: readonly (string | number)[]): unknown {
	return path.reduce((found: unknown, key) => {
		if (typeof key === 'number') {
			return Array.isArray(found) ? found[key] : undefined;
		}
		return isObject(found) && Object.hasOwn(found, key) ? found[key] : undefined;
	}, value);
}

export function stringAt(value: unknown, ...path: readonly (string | number)[]): string | undefined {
	const found = field(value, ...path);
	return typeof found === 'string' ? found : undefined;
}

/** Finite. */
export function numberAt(value: unknown, ...path: readonly (string | number)[]): number | undefined {
	const found = field(value, ...path);
	return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

export function listAt(value: unknown, ...path: readonly (string | number)[]): readonly unknown[] {
	const found = field(value, ...path);
	return Array.isArray(found) ? found : [];
}

/** Seconds since 1970, as the APIs give them. */
export function fromSeconds(seconds: number | undefined): string | undefined {
	const date = new Date((seconds ?? Number.NaN) * 1000);
	return Number.isNaN(date.getTime()) ? undefined : date.toISOString();
}

/** A value in one line, for a score or a setting. */
export function inLine(value: unknown): string {
	return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null');
}
