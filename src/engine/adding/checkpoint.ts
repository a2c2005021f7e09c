/** Names of the weights in the checkpoint beside an export, as the transformers library saves it: of one file, or of an index of several. */
import * as v from 'valibot';
import { headerLength, LENGTH_BYTES, parseHeader } from '../../trace/container';
import { withRegular } from '../model/folder';

const WHOLE = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';
/** A line for each weight: those of the largest models of experts have a hundred thousand. */
const MAX_INDEX = 32 << 20;

const index = v.object({ weight_map: v.record(v.string(), v.string()) });

/** Headers and indexes alone are read; none where there are none, or where they cannot be read. */
export async function checkpointNames(folder: string, signal: AbortSignal): Promise<string[]> {
	for (const names of [wholeNames, indexNames]) {
		try {
			return await names(folder, signal);
		} catch {
			signal.throwIfAborted();
		}
	}
	return [];
}

async function wholeNames(folder: string, signal: AbortSignal): Promise<string[]> {
	return withRegular(folder, WHOLE, () => {}, signal, async (read, size) => {
		const length = headerLength(await read(0, LENGTH_BYTES), size);
		return [...parseHeader(await read(LENGTH_BYTES, length), size).tensors.keys()];
	});
}

async function indexNames(folder: string, signal: AbortSignal): Promise<string[]> {
	const small = (size: number) => {
		if (size > MAX_INDEX) {
			throw new Error('the index is too long');
		}
	};
	const text = await withRegular(folder, INDEX, small, signal, async (read, size) => new TextDecoder().decode(await read(0, size)));
	return Object.keys(v.parse(index, JSON.parse(text)).weight_map);
}
