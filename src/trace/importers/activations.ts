/** Files that hold tensors and nothing else: safetensors, npz, npy. What their axes mean the user says. */
import { memoryBytes, type ByteSource } from '../bytes';
import { headerLength, LENGTH_BYTES, parseHeader } from '../container';
import { FORMAT } from '../reader';
import type { FileImporter, Found } from './importer';
import { refuse } from './limits';
import { mappedFile } from './mapping';
import { npyHeader } from './npy';
import { storedTensor, type Tensor } from './tensors';
import { dataStart, readEntry, type ZipEntry } from './zip';

/** A compressed array is unpacked whole. */
const MAX_PACKED_BYTES = 512 * 2 ** 20;
const MAX_ARRAYS = 10_000;

export const safetensors: FileImporter = {
	kind: 'file',
	name: 'safetensors',
	label: 'safetensors activations',
	matches: ({ container }) => container === 'safetensors',
	open: async ({ bytes, options }) => {
		const length = headerLength(await bytes.read(0, Math.min(LENGTH_BYTES, bytes.size)), bytes.size);
		const table = parseHeader(await bytes.read(LENGTH_BYTES, length), bytes.size);
		if (table.metadata.get('format') === FORMAT) {
			refuse('it is a trace already', 'open it, or use inspect');
		}
		const tensors = [...table.tensors.values()].map(({ name, dtype, shape, start }) => storedTensor(bytes, name, dtype, shape, start));
		return mappedFile('safetensors', tensors, options.map);
	},
};

export const npy: FileImporter = {
	kind: 'file',
	name: 'npy',
	label: 'NumPy .npy activations',
	matches: ({ container }) => container === 'npy',
	open: async ({ bytes, options }) => {
		const { dtype, shape, start } = await npyHeader(bytes, 'array');
		return mappedFile('npy', [storedTensor(bytes, 'array', dtype, shape, start)], options.map);
	},
};

export const npz: FileImporter = {
	kind: 'file',
	name: 'npz',
	label: 'NumPy .npz activations',
	matches: (found) => found.container === 'zip' && found.entries.size > 0 && [...found.entries.keys()].every((name) => name.endsWith('.npy')),
	open: async (found) => {
		const { bytes, entries, options } = found as Found & { container: 'zip' };
		if (entries.size > MAX_ARRAYS) {
			refuse(`it has ${entries.size} arrays, the limit is ${MAX_ARRAYS}`);
		}
		const tensors: Tensor[] = [];
		for (const entry of entries.values()) {
			tensors.push(await arrayOf(bytes, entry));
		}
		return mappedFile('npz', tensors, options.map);
	},
};

/** Stored arrays are read by range; compressed ones are unpacked whole. */
async function arrayOf(bytes: ByteSource, entry: ZipEntry): Promise<Tensor> {
	const name = entry.name.replace(/\.npy$/, '');
	if (entry.codec === 'stored' && !entry.encrypted && entry.compressed === entry.size) {
		const offset = await dataStart(bytes, entry);
		if (offset + entry.size > bytes.size) {
			refuse(`array ${JSON.stringify(name.slice(0, 60))} lies outside the file`, 'copy or download it again');
		}
		const part: ByteSource = { size: entry.size, read: (start, length) => bytes.read(offset + start, length), dispose: () => {} };
		const { dtype, shape, start } = await npyHeader(part, name);
		return storedTensor(part, name, dtype, shape, start);
	}
	const part = memoryBytes(await readEntry(bytes, entry, MAX_PACKED_BYTES));
	const { dtype, shape, start } = await npyHeader(part, name);
	return storedTensor(part, name, dtype, shape, start);
}
