/** A half-open interval [start, end). In text its unit is the UTF-16 code unit, as in VS Code. */
export interface Range {
	start: number;
	end: number;
}

export function clamp(value: number, low: number, high: number): number {
	return Math.min(Math.max(value, low), high);
}

export function contains(range: Range, offset: number): boolean {
	return range.start <= offset && offset < range.end;
}
