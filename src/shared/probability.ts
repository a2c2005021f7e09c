/** How a value in 0..1 is printed, everywhere: two decimals, and never a 0 or 1 that is only rounded (`<.01`, `>.99`). `null` is what NaN becomes in a message. */
export function formatProbability(value: number | null): string {
	if (!isKnown(value)) {
		return '–';
	}
	if (value > 0 && value < 0.01) {
		return '<.01';
	}
	return value < 1 && value >= 0.995 ? '>.99' : value.toFixed(2);
}

/** Of imported traces some words are known by their rank only. */
export function isKnown(value: number | null): value is number {
	return value !== null && !Number.isNaN(value);
}
