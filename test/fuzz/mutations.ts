/** Damage that keeps a safetensors file close to a sound one: most of it hits the header, whose length is then mended as often as not. */
import { LENGTH_BYTES } from '../../src/trace/container';

type Random = () => number;
/** The header's text, and what follows it. */
interface Parts {
	header: string;
	data: Buffer;
}

/** Latin-1 keeps every byte of the header as one character. */
const BYTES = 'latin1';

const PIECES = [
	'{', '}', '[', ']', '"', ',', ':', ' ', '\n', '\t', '\\', '\\u0061', '\\ud800', '\\/', '0', '-', '1e0', '.0', 'null', 'true', '\u0000', 'Ã©', 'Ã',
];
/** Of objects and lists: put where a member may begin. */
const MEMBERS = [
	'"x":1,', '"x":[{}],', '"x":{"x":null},', '"__metadata__":null,', '"__metadata__":{},', '"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},',
	'"z":["U8",[0],[0,0]],', '"z":{"dtype":{"U8":null},"shape":[0],"data_offsets":[0,0]},', '"z":{"dtype":"F4","shape":[0],"data_offsets":[0,0]},',
	'"z":{"dtype":"U8","shape":[0,9007199254740993],"data_offsets":[0,0]},', '"dtype":"U8",', '"k":"v",', '1,', '0,', '1,1,1,1,1,1,1,1,1,',
];
const NUMBERS = ['0', '1', '2', '7', '8', '00', '-1', '1.0', '255', '65536', '4294967296', '9007199254740991', '9007199254740992', '9007199254740993', '18446744073709551615', '18446744073709551616'];
const DTYPES = ['BOOL', 'U8', 'I8', 'F8_E5M2', 'F8_E4M3', 'F8_E8M0', 'F8_E4M3FNUZ', 'F8_E5M2FNUZ', 'F4', 'F6_E2M3', 'F6_E3M2', 'I16', 'U16', 'F16', 'BF16', 'I32', 'U32', 'F32', 'C64', 'F64', 'I64', 'U64', 'f32', 'constructor'];
const NUMBER = /\d+/g;
const STRING = /"(?:[^"\\]|\\.)*"/g;
const ENTRY = /"(?:[^"\\]|\\.)*":\{[^{}]*\},?/g;
const DTYPE = /(?<="dtype":")\w+/g;

const HEADER: readonly ((header: string, random: Random) => string)[] = [
	(header, random) => insert(header, below(header.length + 1, random), one(PIECES, random)),
	(header, random) => exchange(header, /[[{,]/g, (sign) => sign + one(MEMBERS, random), random),
	(header, random) => insert(header, 0, one([' ', '\n', '{', '\u00ef\u00bb\u00bf'], random)),
	(header, random) => header + one([' ', '\n', '\u0000', '}', '{}'], random),
	(header, random) => {
		const start = below(header.length, random);
		return header.slice(0, start) + header.slice(start + 1 + below(8, random));
	},
	(header, random) => insert(header.slice(0, -1), below(header.length, random), String.fromCharCode(below(256, random))),
	(header, random) => exchange(header, NUMBER, () => one(NUMBERS, random), random),
	(header, random) => exchange(header, DTYPE, () => one(DTYPES, random), random),
	(header, random) => exchange(header, STRING, () => one(header.match(STRING) ?? ['""'], random), random),
	(header, random) => exchange(header, ENTRY, () => one(header.match(ENTRY) ?? [''], random), random),
	(header, random) => exchange(header, ENTRY, (entry) => entry + (entry.endsWith(',') ? entry : `,${entry}`), random),
	(header, random) => exchange(header, ENTRY, () => '', random),
	(header, random) => exchange(header, /[,:[\]{}]/g, (sign) => one([` ${sign}`, `${sign} `, `\n${sign}\t`], random), random),
];

export function mutated(file: Buffer, random: Random): Buffer {
	const parts = split(file);
	for (let left = one([1, 1, 1, 2, 3], random); left > 0; left--) {
		const kind = random();
		if (kind < 0.94) {
			parts.header = one(HEADER, random)(parts.header, random);
		} else if (kind < 0.97) {
			parts.data = parts.data.subarray(0, below(parts.data.length + 1, random));
		} else {
			parts.data = Buffer.concat([parts.data, Buffer.alloc(1 + below(9, random), below(256, random))]);
		}
	}
	const out = joined(parts);
	const kind = random();
	if (kind < 0.03) {
		out.writeBigUInt64LE(one([0n, 1n, 7n, BigInt(out.length), BigInt(out.length) - 8n, 2n ** 24n, 2n ** 63n, 2n ** 64n - 1n], random), 0);
	} else if (kind < 0.13) {
		out[below(out.length, random)]! ^= 1 << below(8, random);
	} else if (kind < 0.15) {
		return out.subarray(0, below(out.length, random));
	}
	return out;
}

function split(file: Buffer): Parts {
	const end = LENGTH_BYTES + Number(file.readBigUInt64LE(0));
	return { header: file.toString(BYTES, LENGTH_BYTES, end), data: file.subarray(end) };
}

function joined({ header, data }: Parts): Buffer {
	const length = Buffer.alloc(LENGTH_BYTES);
	length.writeBigUInt64LE(BigInt(header.length));
	return Buffer.concat([length, Buffer.from(header, BYTES), data]);
}

function exchange(header: string, pattern: RegExp, by: (match: string) => string, random: Random): string {
	const matches = [...header.matchAll(pattern)];
	const match = matches[below(matches.length, random)];
	return match ? header.slice(0, match.index) + by(match[0]) + header.slice(match.index + match[0].length) : header;
}

function insert(text: string, at: number, piece: string): string {
	return text.slice(0, at) + piece + text.slice(at);
}

function below(limit: number, random: Random): number {
	return Math.floor(random() * limit);
}

function one<T>(list: readonly T[], random: Random): T {
	return list[below(list.length, random)]!;
}
