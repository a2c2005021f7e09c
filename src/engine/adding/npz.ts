/** Arrays that NumPy has saved (`.npz`: a zip of `.npy`), read strictly: numbers only, never objects. */
import { unzipSync } from 'fflate';
import { EngineError, quoted } from '../error';

export interface NumericArray {
	shape: number[];
	/** Row-major. */
	data: Float32Array;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Logits of a long text over a large vocabulary; a zip may claim any size. */
const MAX_ARRAY_BYTES = 2 ** 30;
const MAX_ARRAYS = 1_000;
/** The header of an array of numbers is one short line. */
const MAX_HEADER = 10_000;
const HEADER = /^\{\s*'descr':\s*'([<>|=][a-z]\d+)',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*$/;

type Getter = (view: DataView, at: number) => number;
const TYPES: ReadonlyMap<string, { bytes: number; get: Getter }> = new Map<string, { bytes: number; get: Getter }>([
	['<f4', { bytes: 4, get: (view, at) => view.getFloat32(at, true) }],
	['<f8', { bytes: 8, get: (view, at) => view.getFloat64(at, true) }],
	['<i4', { bytes: 4, get: (view, at) => view.getInt32(at, true) }],
	['<i8', { bytes: 8, get: (view, at) => Number(view.getBigInt64(at, true)) }],
]);

/** Fails with one sentence that names the array. */
export function readNpz(bytes: Uint8Array): ReadonlyMap<string, NumericArray> {
	let files: Record<string, Uint8Array>;
	let total = 0;
	let count = 0;
	try {
		files = unzipSync(bytes, {
			filter: ({ name, originalSize }) => {
				total += originalSize;
				count++;
				if (total > MAX_ARRAY_BYTES || count > MAX_ARRAYS) {
					throw new Error(`more than ${MAX_ARRAY_BYTES} bytes or ${MAX_ARRAYS} arrays`);
				}
				return name.endsWith('.npy');
			},
		});
	} catch (error) {
		throw new EngineError(
			`The reference is not an NPZ that can be read (${(error as Error).message.slice(0, 100)}): save it with numpy.savez.`,
			'bad-request',
		);
	}
	return new Map(Object.entries(files).map(([name, content]) => [name.replace(/\.npy$/, ''), readNpy(name, content)]));
}

function readNpy(name: string, bytes: Uint8Array): NumericArray {
	const refuse = (what: string) =>
		new EngineError(
			`The reference's array ${quoted(name)} ${what}: save float32, float64, int32 or int64 arrays.`,
			'bad-request',
		);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
	if (bytes.length < 12 || !MAGIC.every((byte, i) => bytes[i] === byte)) {
		throw refuse('is no NumPy array');
	}
	const wide = bytes[6]! >= 2;
	const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
	const start = (wide ? 12 : 10) + length;
	const header = length <= MAX_HEADER ? HEADER.exec(new TextDecoder().decode(bytes.subarray(wide ? 12 : 10, start))) : null;
	const [, descr, fortran, extents] = header ?? [];
	const type = TYPES.get(descr ?? '');
	if (!type || fortran !== 'False') {
		throw refuse(`has a header that is not supported`);
	}
	const shape = extents!
		.split(',')
		.map((part) => part.trim())
		.filter((part) => part !== '')
		.map(Number);
	const size = shape.reduce((product, extent) => product * extent, 1);
	if (!Number.isSafeInteger(size) || bytes.length !== start + size * type.bytes) {
		throw refuse('has another size than its header says');
	}
	return { shape, data: Float32Array.from({ length: size }, (_, i) => type.get(view, start + i * type.bytes)) };
}
