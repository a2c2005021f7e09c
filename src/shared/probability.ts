/** How a value in 0..1 is printed, everywhere: two decimals, and never a 0 or 1 that is only rounded (`<.01`, `>.99`). */
export function formatProbability(value: number): string {
	if (Number.isNaN(value)) {
		return '–';
	}
	if (value > 0 && value < 0.01) {
		return '<.01';
	}
	return value < 1 && value >= 0.995 ? '>.99' : value.toFixed(2);
}
