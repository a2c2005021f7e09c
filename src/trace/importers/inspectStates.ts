/**
 * Activations that Inspect's `hf` and `nnterp` providers log in `ModelOutput.metadata["hidden_states"]`: lists [call][layer][position][width],
 * where the first call reads the prompt and each later one the token before it.
 */
import type { Activations } from './sample';

interface States {
	activations?: Activations;
	notes: string[];
}

/** Values of one sample: more than a record's bytes can hold as text. */
const MAX_VALUES = 64 * 2 ** 20;

/** Absent where the log has none. Lists that do not fit each other are left out with a note. */
export function hiddenStates(value: unknown, model: string): States {
	if (value === undefined || value === null) {
		return { notes: [] };
	}
	const wrong = (what: string): States => ({ notes: [`The activations were left out: ${what}.`] });
	if (!Array.isArray(value) || value.length === 0) {
		return wrong('they are no list of model calls, as older versions of Inspect wrote them');
	}
	const calls = value as unknown[][][][];
	const layers = Array.isArray(calls[0]) ? calls[0].length : 0;
	const width = calls[0]?.[0]?.[0]?.length ?? 0;
	const prompt = calls[0]?.[0]?.length ?? 0;
	const shaped = calls.every(
		(call) => Array.isArray(call) && call.length === layers && call.every((layer) => isTable(layer, call[0]!.length, width)),
	);
	if (layers === 0 || width === 0 || !shaped) {
		return wrong('their lists differ in length');
	}
	// nnterp logs the outputs of the blocks; transformers the embedding first, and the last one after the final norm.
	const blocks = /^nnterp\b/.test(model);
	const sites = blocks ? layers + 1 : layers;
	const rows = calls.reduce((sum, call) => sum + call[0]!.length, 0);
	if (rows * sites * width > MAX_VALUES) {
		return wrong(`they are more than ${MAX_VALUES} numbers`);
	}
	const data = new Float32Array(rows * sites * width).fill(Number.NaN);
	let row = 0;
	for (const call of calls) {
		call.forEach((layer, l) =>
			layer.forEach((vector, position) => {
				const at = ((row + position) * sites + (blocks ? l + 1 : l)) * width;
				vector.forEach((number, i) => (data[at + i] = typeof number === 'number' ? number : Number.NaN));
			}),
		);
		row += call[0]!.length;
	}
	const read: Activations['read'] = ({ start, end }) => data.subarray(start * sites * width, end * sites * width);
	return {
		activations: { rows, prompt, sites, width, normed: !blocks, read },
		notes: blocks ? ['The activations have no site 0: the log holds what the blocks put out.'] : [],
	};
}

function isTable(layer: unknown, rows: number, width: number): boolean {
	return Array.isArray(layer) && layer.length === rows && layer.every((vector) => Array.isArray(vector) && vector.length === width);
}
