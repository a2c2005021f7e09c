import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
	encodeHeader,
	headerLength,
	LENGTH_BYTES,
	MAX_HEADER_BYTES,
	parseHeader,
	type TensorTable,
} from '../../../src/trace/container';
import { TraceError } from '../../../src/trace/error';

function parse(header: string | Uint8Array, dataBytes = 0): TensorTable {
	const bytes = typeof header === 'string' ? new TextEncoder().encode(header) : header;
	return parseHeader(bytes, LENGTH_BYTES + bytes.byteLength + dataBytes);
}

function refused(header: string | Uint8Array, dataBytes: number, pattern: RegExp): void {
	assert.throws(
		() => parse(header, dataBytes),
		(error: unknown) => error instanceof TraceError && pattern.test(error.message) && /^[^\n]+[.]$/.test(error.message),
	);
}

const one = (fields: string) => `{"a":{${fields}}}`;
const OK = one('"dtype":"F32","shape":[2],"data_offsets":[0,8]');

describe('safetensors header', () => {
	test('a table with absolute offsets', () => {
		const table = parse(
			`{"__metadata__":{"k":"v"},"b":{"dtype":"U8","shape":[],"data_offsets":[8,9]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}  `,
			9,
		);
		assert.deepEqual([...table.metadata], [['k', 'v']]);
		const at = table.tensors.get('a')!.start;
		assert.deepEqual(
			[...table.tensors.values()].map(({ name, start, length }) => [name, start - at, length]),
			[
				['b', 8, 1],
				['a', 0, 8],
			],
		);
	});

	test('what has no tensors, and tensors without values', () => {
		assert.equal(parse('{}').tensors.size, 0);
		assert.equal(parse(one('"dtype":"F32","shape":[0,5],"data_offsets":[0,0]')).tensors.get('a')!.length, 0);
	});

	const cases: [name: string, header: string, data: number, pattern: RegExp][] = [
		['not an object', '[]', 0, /damaged at character 0/],
		['leading space', ' {}', 0, /damaged at character 0/],
		['byte order mark', '\uFEFF{}', 0, /damaged/],
		['text after it', '{}x', 0, /damaged at character 2/],
		[
			'duplicate tensor',
			`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}`,
			2,
			/twice/,
		],
		[
			'duplicate by escape',
			`{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},"\\u0061":{"dtype":"U8","shape":[],"data_offsets":[1,2]}}`,
			2,
			/twice/,
		],
		['duplicate field', one('"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]'), 1, /twice/],
		['duplicate metadata key', '{"__metadata__":{"a":"","a":""}}', 0, /twice/],
		['duplicate metadata', '{"__metadata__":{},"__metadata__":{}}', 0, /twice/],
		['metadata that is no text', '{"__metadata__":{"a":1}}', 0, /damaged/],
		['missing field', one('"dtype":"U8","shape":[]'), 0, /damaged/],
		['unknown field', one('"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1'), 1, /damaged/],
		['unknown type', one('"dtype":"F4","shape":[2],"data_offsets":[0,1]'), 1, /unknown type "F4"/],
		['type from a prototype', one('"dtype":"constructor","shape":[2],"data_offsets":[0,1]'), 1, /unknown type/],
		['three offsets', one('"dtype":"U8","shape":[],"data_offsets":[0,1,1]'), 1, /damaged/],
		['reversed offsets', one('"dtype":"U8","shape":[],"data_offsets":[1,0]'), 1, /does not begin/],
		['negative', one('"dtype":"U8","shape":[-1],"data_offsets":[0,1]'), 1, /damaged/],
		['fraction', one('"dtype":"U8","shape":[1.0],"data_offsets":[0,1]'), 1, /damaged/],
		['exponent', one('"dtype":"U8","shape":[1e0],"data_offsets":[0,1]'), 1, /damaged/],
		['leading zero', one('"dtype":"U8","shape":[01],"data_offsets":[0,1]'), 1, /damaged/],
		['2^53', one('"dtype":"U8","shape":[9007199254740992],"data_offsets":[0,1]'), 1, /damaged/],
		[
			'product beyond 2^53',
			one('"dtype":"F32","shape":[9007199254740991,3],"data_offsets":[0,8]'),
			8,
			/larger than any file/,
		],
		[
			'product that wraps to fit',
			one('"dtype":"F32","shape":[4294967296,4294967296,2],"data_offsets":[0,8]'),
			8,
			/larger than any file/,
		],
		['rank 9', one('"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]'), 1, /9 axes/],
		['endless shape', one(`"dtype":"U8","shape":[${'1,'.repeat(1000)}1],"data_offsets":[0,1]`), 1, /damaged/],
		['wrong length', one('"dtype":"F32","shape":[2],"data_offsets":[0,7]'), 7, /does not match/],
		['gap at the front', one('"dtype":"U8","shape":[1],"data_offsets":[1,2]'), 2, /does not begin/],
		[
			'overlap',
			`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`,
			3,
			/does not begin/,
		],
		['bytes left over', OK, 9, /its tensors need/],
		['bytes missing', OK, 7, /its tensors need/],
		['control character in a name', '{"a\u0001":{}}', 0, /damaged/],
		['lone surrogate', '{"\\ud800":{"dtype":"U8","shape":[],"data_offsets":[0,1]}}', 1, /damaged/],
		['bad escape', '{"\\x61":{}}', 0, /damaged/],
		['trailing comma', '{"__metadata__":{},}', 0, /damaged/],
	];
	for (const [name, header, data, pattern] of cases) {
		test(`refuses: ${name}`, () => refused(header, data, pattern));
	}

	test('refuses what is not UTF-8', () => refused(Uint8Array.of(0x7b, 0x22, 0xff, 0x22), 0, /not UTF-8/));

	test('`__proto__` is a name like any other', () => {
		const table = parse('{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"__metadata__":{"__proto__":"x"}}', 1);
		assert.equal(table.tensors.get('__proto__')!.length, 1);
		assert.equal(table.metadata.get('__proto__'), 'x');
		assert.equal(({} as Record<string, unknown>)['dtype'], undefined);
	});

	test('five million levels of nesting are refused at the first', () => {
		const deep = '{"a":'.repeat(MAX_HEADER_BYTES / 5 - 1);
		const before = performance.now();
		refused(deep, 0, /damaged/);
		refused(`{"a":${'['.repeat(5_000_000)}`, 0, /damaged/);
		assert.ok(performance.now() - before < 2000);
	});

	test('huge names, many escapes and long blanks take linear time', () => {
		const before = performance.now();
		refused(`{"${'x'.repeat(MAX_HEADER_BYTES - 10)}"`, 0, /damaged/);
		refused(`{"${'\\n'.repeat(MAX_HEADER_BYTES / 2 - 10)}"`, 0, /damaged/);
		refused(`{${' '.repeat(MAX_HEADER_BYTES - 10)}`, 0, /damaged/);
		assert.ok(performance.now() - before < 8000);
	});

	test('limits: header bytes and tensors', () => {
		refused(new Uint8Array(MAX_HEADER_BYTES + 1), 0, /the limit is/);
		const many = Array.from({ length: 10_001 }, (_, i) => `"${i}":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}`);
		refused(`{${many.join()}}`, 0, /more than 10000 tensors/);
		assert.equal(parse(`{${many.slice(1).join()}}`).tensors.size, 10_000);
	});

	test('header length: huge, beyond the file, short file', () => {
		const prefix = (length: bigint) => {
			const bytes = new Uint8Array(8);
			new DataView(bytes.buffer).setBigUint64(0, length, true);
			return bytes;
		};
		assert.equal(headerLength(prefix(10n), 18), 10);
		assert.throws(() => headerLength(prefix(11n), 18), TraceError);
		assert.throws(() => headerLength(prefix(2n ** 64n - 1n), 2 ** 40), TraceError);
		assert.throws(() => headerLength(new Uint8Array(7), 7), TraceError);
		const view = new Uint8Array(20);
		view.set(prefix(3n), 5);
		assert.equal(headerLength(view.subarray(5), 100), 3, 'a view inside a larger buffer');
	});

	test('a truncated header is refused at every byte', () => {
		const full = encodeHeader([{ name: 'a', dtype: 'F32', shape: [2] }], { é: '"\\\n', k: '' });
		for (let end = LENGTH_BYTES; end < full.length; end++) {
			assert.throws(() => parseHeader(full.subarray(LENGTH_BYTES, end), end), TraceError, `at ${end}`);
		}
	});

	const name = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((text) => text !== '__metadata__');
	const tensors = fc.uniqueArray(
		fc.record({ name, dtype: fc.constantFrom('F16', 'F32', 'I32', 'U8'), shape: fc.array(fc.nat(9), { maxLength: 8 }) }),
		{ selector: (tensor) => tensor.name, maxLength: 12 },
	);
	const metadata = fc.dictionary(name, fc.string({ unit: 'grapheme' }));
	const size = (table: { dtype: string; shape: number[] }[]) =>
		table.reduce(
			(sum, { dtype, shape }) => sum + shape.reduce((a, b) => a * b, { F16: 2, F32: 4, I32: 4, U8: 1 }[dtype]!),
			0,
		);

	test('what is written is read back', () => {
		fc.assert(
			fc.property(tensors, metadata, (list, about) => {
				const header = encodeHeader(list, about);
				assert.equal(header.length % 8, 0);
				const table = parseHeader(header.subarray(8), header.length + size(list));
				assert.deepEqual(
					[...table.tensors.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape })),
					list.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
				);
				assert.deepEqual(new Map(Object.entries(about)), table.metadata);
			}),
		);
	});

	test('a mutated header is refused or lies inside the file', () => {
		const list = [
			{ name: 'a/b', dtype: 'F32', shape: [3, 2] },
			{ name: 'c', dtype: 'F16', shape: [5] },
			{ name: 'd', dtype: 'U8', shape: [] },
		];
		const header = encodeHeader(list, { format: 'x' }).subarray(8);
		const fileSize = 8 + header.length + size(list);
		const piece = fc.constantFrom(
			'{',
			'}',
			'[',
			']',
			'"',
			',',
			':',
			'0',
			'9',
			'-',
			'e',
			'\\',
			'\u0000',
			'é',
			'18446744073709551616',
			'"a/b":',
		);
		fc.assert(
			fc.property(
				fc.array(fc.tuple(fc.nat(header.length - 1), fc.nat(6), piece), { minLength: 1, maxLength: 4 }),
				(edits) => {
					let text = new TextDecoder().decode(header);
					for (const [at, drop, insert] of edits) {
						text = text.slice(0, at) + insert + text.slice(at + drop);
					}
					try {
						for (const { start, length } of parse(text, fileSize - 8 - header.length).tensors.values()) {
							assert.ok(
								Number.isSafeInteger(start) &&
									start >= 8 &&
									length >= 0 &&
									start + length <= fileSize + text.length * 4,
							);
						}
					} catch (error) {
						assert.ok(error instanceof TraceError, String(error));
					}
				},
			),
			{ numRuns: 3000 },
		);
	});

	test('a flipped byte is refused or reads as a table that fits', () => {
		const header = encodeHeader([{ name: 'a', dtype: 'F32', shape: [2] }], {}).subarray(8);
		for (let i = 0; i < header.length; i++) {
			for (let value = 0; value < 256; value++) {
				const changed = Uint8Array.from(header);
				changed[i] = value;
				try {
					const [tensor] = parse(changed, 8).tensors.values();
					assert.ok(!tensor || tensor.length === 8);
				} catch (error) {
					assert.ok(error instanceof TraceError, String(error));
				}
			}
		}
	});
});
