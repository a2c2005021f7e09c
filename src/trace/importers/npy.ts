/** The header of an array that NumPy saved. Arrays of objects are pickles, which are code: they are never opened. */
import type { ByteSource } from '../bytes';
import { quote, refuse } from './limits';

export interface NpyHeader {
	dtype: string;
	shape: number[];
	/** Of the first value, in bytes from the array's beginning. */
	start: number;
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Magic, version, and a length of two or four bytes. */
const PREFIX_BYTES = 12;
/** The header of an array of numbers is one short line. */
const MAX_HEADER = 10_000;
const HEADER = /^\{\s*'descr':\s*'([^']{1,20})',\s*'fortran_order':\s*(True|False),\s*'shape':\s*\(([\d,\s]*)\),?\s*\}\s*$/;
const TYPES: ReadonlyMap<string, { dtype: string; bytes: number }> = new Map([
	['<f2', { dtype: 'F16', bytes: 2 }],
	['<f4', { dtype: 'F32', bytes: 4 }],
	['<f8', { dtype: 'F64', bytes: 8 }],
	['<i4', { dtype: 'I32', bytes: 4 }],
	['<i8', { dtype: 'I64', bytes: 8 }],
	['|u1', { dtype: 'U8', bytes: 1 }],
	['|b1', { dtype: 'BOOL', bytes: 1 }],
]);

export function isNpy(head: Uint8Array): boolean {
	return MAGIC.every((byte, i) => head[i] === byte);
}

/** `source`: the array and nothing else. */
export async function npyHeader(source: ByteSource, name: string): Promise<NpyHeader> {
	const shown = `array ${quote(name)}`;
	const prefix = await source.read(0, Math.min(PREFIX_BYTES, source.size));
	if (prefix.length < PREFIX_BYTES || !isNpy(prefix)) {
		refuse(`${shown} is no NumPy array`);
	}
	const view = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength);
	const wide = prefix[6]! >= 2;
	const [length, begin] = wide ? [view.getUint32(8, true), 12] : [view.getUint16(8, true), 10];
	if (length > MAX_HEADER || begin + length > source.size) {
		refuse(`the header of ${shown} would have ${length} bytes`);
	}
	const header = new TextDecoder().decode(await source.read(begin, length));
	if (/'descr':\s*'?[|<>=]?O/.test(header)) {
		refuse(`${shown} holds Python objects, which are code`, 'save numbers: numpy.save(file, array.astype("float32"))');
	}
	const [, descr = '', fortran, extents = ''] = HEADER.exec(header) ?? [];
	const type = TYPES.get(descr);
	if (!type || fortran !== 'False') {
		refuse(`${shown} has a type or an order that is not read`, 'save it with numpy.ascontiguousarray(array, dtype="float32")');
	}
	const shape = extents.split(',').map((part) => part.trim()).filter((part) => part !== '').map(Number);
	const size = shape.reduce((product, extent) => product * extent, type.bytes);
	if (!Number.isSafeInteger(size) || begin + length + size !== source.size) {
		refuse(`${shown} has another size than its header says`, 'copy or download it again');
	}
	return { dtype: type.dtype, shape, start: begin + length };
}
