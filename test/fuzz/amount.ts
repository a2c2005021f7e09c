/** How much a fuzz test does: some thousand cases with every `npm test`, all of them with `npm test -- fuzz --nightly`. */
export function amount(short: number, nightly: number): number {
	return process.env['NEURALESE_NIGHTLY'] === undefined ? short : nightly;
}
