/** Calls of one position each, put together as if they had been one. */
import type { Forward, Forwards } from '../model/body';
import type { Looped } from './looped';

export function joinedForwards(parts: readonly Forward[]): Forward {
	const last = parts.at(-1)!;
	return {
		count: parts.length,
		resid: last.resid.map((_, site) => concatenated(parts.map(({ resid }) => resid[site]!))),
		embeds: last.embeds && concatenated(parts.map(({ embeds }) => embeds!)),
		cache: last.cache,
		looped: joinedLoops(parts.map(({ looped }) => looped!)),
	};
}

/** `parts`: one position of every row each. */
export function joinedBatches(parts: readonly Forwards[], rows: number, width: number): Forwards {
	const last = parts.at(-1)!;
	const resid = [...last.resid.keys()].map((site) => {
		const all = new Float32Array(rows * parts.length * width);
		for (const [i, part] of parts.entries()) {
			for (let row = 0; row < rows; row++) {
				all.set(part.resid.get(site)!.subarray(row * width, (row + 1) * width), (row * parts.length + i) * width);
			}
		}
		return [site, all] as const;
	});
	return { count: parts.length, resid: new Map(resid), cache: last.cache };
}

function joinedLoops(parts: readonly Looped[]): Looped {
	const [gates] = [parts.flatMap(({ gate }) => (gate ? [gate] : []))];
	return {
		halted: parts.flatMap(({ halted }) => halted),
		difference: concatenated(parts.map(({ difference }) => difference)),
		gate: gates.length > 0 ? concatenated(gates) : undefined,
		broken: parts.find(({ broken }) => broken !== undefined)?.broken,
		read: async () => {
			const read: Float32Array[][] = [];
			for (const part of parts) {
				read.push(await part.read());
			}
			return read[0]!.map((_, loop) => concatenated(read.map((streams) => streams[loop]!)));
		},
	};
}

function concatenated(arrays: readonly Float32Array[]): Float32Array {
	const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
	arrays.reduce((at, array) => (all.set(array, at), at + array.length), 0);
	return all;
}
