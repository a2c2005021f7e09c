/** Files made to do harm: deep nesting, equal keys, prototypes, bombs, lying sizes, code. Each is refused in one sentence. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { deflateSync, gzipSync, strToU8, zipSync, type Zippable } from 'fflate';
import { memoryBytes } from '../../../../src/trace/bytes';
import { encodeHeader } from '../../../../src/trace/container';
import { crc32 } from '../../../../src/trace/importers/inflate';
import { MAX_RECORD_BYTES } from '../../../../src/trace/importers/limits';
import { zipDirectory } from '../../../../src/trace/importers/zip';
import { bytesOf, composeAll, importAll, open, outlineOf, says, utf8 } from './support';

const refused = (bytes: Uint8Array, wording: RegExp, map?: string) => assert.rejects(composeAll(bytes, map), says(wording));
const zip = (files: Zippable) => zipSync(files);
const header = strToU8(JSON.stringify({ version: 2, eval: { model: 'm' } }));
const sample = (extra: object = {}) => ({ id: 1, epoch: 1, input: 'q', target: '', messages: [{ role: 'user', content: 'q' }, { role: 'assistant', content: 'a' }], ...extra });

describe('hostile JSON', () => {
	const LEVELS = 5_000_000;
	for (const [name, before, after] of [
		['a file', '', ''],
		['a member', '{"choices":', '}'],
		['a sample of a log', '{"eval":{},"samples":[', ']}'],
		['a line', '{"prompt":"q","response":"<think>a</think>b"}\n', '\n'],
	] as const) {
		test(`five million levels in ${name}`, async () => {
			await refused(utf8(before + '['.repeat(LEVELS) + ']'.repeat(LEVELS) + after), /nests deeper than 512 levels/);
		});
	}

	test('five million levels in a sample of a zip', async () => {
		const bytes = zip({ 'header.json': header, 'samples/a_epoch_1.json': utf8('['.repeat(LEVELS)) });
		await refused(bytes, /nests deeper/);
	});

	test('five million levels in the text of an attribute are no messages', async () => {
		const value = JSON.stringify('['.repeat(LEVELS) + ']'.repeat(LEVELS));
		const span = `{"attributes":{"gen_ai.output.messages":${value},"gen_ai.system":"x"},"spanId":"1"}`;
		assert.deepEqual((await importAll(utf8(span))).samples, []);
	});

	test('levels that are open but never closed, and brackets inside of texts', async () => {
		await refused(utf8('{"a":'.repeat(400)), /ends before its JSON does/);
		const { samples } = await importAll(utf8(JSON.stringify({ prompt: '[{'.repeat(10_000), response: '<think>["\\"{</think>4' })));
		assert.deepEqual(outlineOf(samples[0]!), ['reasoning: ["\\"{', 'answer: 4']);
	});

	test('a name twice in one object, also when it is written differently', async () => {
		await refused(utf8('{"prompt":"a","prompt":"b","response":"<think>a</think>"}'), /names something twice|names "prompt" twice/);
		await refused(utf8('{"choices":[{"message":{"content":"a","\\u0063ontent":"b"}}]}'), /names "content" twice in one object/);
		await importAll(utf8('{"choices":[{"message":{"content":"a"}},{"message":{"content":"b"}}]}'));
	});

	test('a key named __proto__ changes no prototype', async () => {
		for (const key of ['__proto__', '\\u005f_proto__']) {
			await refused(utf8(`{"choices":[{"message":{"content":"a"},"${key}":{"polluted":1}}]}`), /a key named __proto__/);
		}
		const { samples } = await importAll(utf8('{"constructor":{"prototype":{"polluted":1}},"choices":[{"message":{"content":"a"}}],"toString":1}'));
		assert.deepEqual(outlineOf(samples[0]!), ['answer: a']);
		assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
	});

	test('fields that only a prototype has are absent', async () => {
		await refused(utf8('{"a":1}'), /none of its first records has a shape that is known/);
	});

	test('NaN and infinities, which Python writes, are values that are not there', async () => {
		const logprobs = '{"content":[{"token":"4","logprob":NaN},{"token":"2","logprob":-Infinity,"top_logprobs":[{"token":"x","logprob":Infinity}]}]}';
		const { samples } = await importAll(utf8(`{"choices":[{"message":{"content":"42"},"logprobs":${logprobs}}],"created":NaN}`));
		assert.deepEqual(samples[0]!.turns[0]!.tokens?.map(({ logprob, alternatives }) => [logprob, alternatives.length]), [[NaN, 0], [NaN, 0]]);
		assert.deepEqual(outlineOf((await importAll(utf8('{"prompt":"q","response":"<think>NaN</think>Infinity"}'))).samples[0]!), ['reasoning: NaN', 'answer: Infinity']);
	});

	test('half a log, bytes that are no text, and nothing', async () => {
		await refused(utf8('{"eval":{"model":"m"},"samples":[{"id":1,"mess'), /ends before its JSON does/);
		await refused(Uint8Array.of(...utf8('{"prompt":"'), 0xff, ...utf8('","response":"<think>a</think>"}')), /is not UTF-8/);
		await refused(Uint8Array.of(0xff, 0xfe, 0x7b, 0), /UTF-16/);
		await refused(new Uint8Array(), /it is empty/);
		await refused(utf8(' \n '), /no content of a kind that is known/);
	});
});

/** A zip of one entry whose directory announces other sizes than it has. */
function lying(data: Uint8Array, size: number, method = 8): Uint8Array {
	const whole = zip({ 'samples/a_epoch_1.json': [strToU8('x'), { level: 0 }] });
	const name = strToU8('samples/a_epoch_1.json');
	const local = whole.slice(0, 30 + name.length);
	const central = whole.slice(30 + name.length + 1, whole.length - 22);
	const end = whole.slice(whole.length - 22);
	for (const [part, at] of [[local, 14], [central, 16]] as const) {
		const view = new DataView(part.buffer);
		view.setUint16(at - 6, method, true);
		view.setUint32(at, 0, true);
		view.setUint32(at + 4, data.length, true);
		view.setUint32(at + 8, size, true);
	}
	new DataView(end.buffer).setUint32(16, local.length + data.length, true);
	return new Uint8Array(Buffer.concat([local, data, central, end]));
}

test('thousands of tags before a long text are found in one pass', { timeout: 30_000 }, async () => {
	const [found] = (await importAll(utf8(`${'<think>'.repeat(9_000)}${'x'.repeat(40e6)}`))).samples;
	assert.deepEqual(found!.turns[0]!.parts.map(({ kind }) => kind), ['reasoning']);
});

describe('hostile zips', () => {
	test('an entry that unpacks to more than it announces', async () => {
		const bomb = deflateSync(new Uint8Array(8 * 2 ** 20), { level: 9 });
		await refused(lying(bomb, 1000), /unpacks to more than announced/);
		await refused(lying(bomb, 8 * 2 ** 20 + 1), /unpacks to less than announced/);
	});

	test('an entry that grows more than a log does', async () => {
		const bomb = deflateSync(new Uint8Array(8 * 2 ** 20), { level: 9 });
		await refused(lying(bomb, 100 * 2 ** 20), /as a zip bomb does/);
	});

	test('an entry that is larger than a sample may be', async () => {
		await refused(lying(new Uint8Array(200_000), MAX_RECORD_BYTES + 1), /the limit is/);
	});

	test('a damaged entry, an unknown method, a directory outside the file', async () => {
		const good = zip({ 'header.json': [header, { level: 0 }], 'samples/a_epoch_1.json': [utf8(JSON.stringify(sample())), { level: 0 }] });
		const flipped = good.slice();
		flipped[good.length - 250]! ^= 1;
		await assert.rejects(composeAll(flipped), says(/checksum|damaged|not valid JSON|not where its directory says/));
		await refused(lying(strToU8('x'), 1, 12), /compressed in a way that is not known/);
		const outside = good.slice();
		new DataView(outside.buffer).setUint32(good.length - 6, 0xfffffff0, true);
		await refused(outside, /lies outside the file/);
	});

	for (const name of ['../evil.json', 'samples/../../evil_epoch_1.json', '/etc/passwd', 'C:\\evil', 'samples\\..\\evil_epoch_1.json']) {
		test(`an entry named ${name}`, async () => {
			await refused(zip({ 'header.json': header, [name]: strToU8('{}') }), /would lie outside its folder/);
		});
	}

	test('dots that leave no folder are a name', async () => {
		const { samples } = await importAll(zip({ 'header.json': header, 'samples/a..b_epoch_1.json': utf8(JSON.stringify(sample())) }));
		assert.equal(samples[0]!.id, 'a..b_epoch_1');
	});

	test('of entries with one name the last one counts, as for Python', async () => {
		const [first, second] = ['one', 'two'].map((text) => zip({ 'samples/a_epoch_1.json': utf8(JSON.stringify(sample({ input: text, messages: [] }))) })) as [Uint8Array, Uint8Array];
		assert.ok(first.length === second.length);
		const parts = [first, second].map((one) => ({ data: one.slice(0, one.length - 22 - 68), central: one.slice(one.length - 22 - 68, one.length - 22), end: one.slice(-22) }));
		new DataView(parts[1]!.central.buffer).setUint32(42, parts[0]!.data.length, true);
		const end = new DataView(parts[1]!.end.buffer);
		end.setUint32(12, 2 * 68, true);
		end.setUint32(16, 2 * parts[0]!.data.length, true);
		const bytes = Uint8Array.of(...parts[0]!.data, ...parts[1]!.data, ...parts[0]!.central, ...parts[1]!.central, ...parts[1]!.end);
		assert.equal((await importAll(bytes)).samples[0]!.prompt, 'two');
	});

	test('thousands of samples are listed without reading one', async () => {
		const files: Zippable = { 'header.json': header };
		for (let i = 0; i < 5_000; i++) {
			files[`samples/${i}_epoch_1.json`] = [utf8('{}'), { level: 0 }];
		}
		const source = memoryBytes(zip(files));
		let reads = 0;
		const counting = { ...source, read: (offset: number, length: number) => (reads++, source.read(offset, length)) };
		assert.equal((await zipDirectory(counting)).size, 5_001);
		assert.ok(reads <= 3);
	});

	test('a sample in parts: they are taken in their order, however many they are', async () => {
		const said = (role: string, content: string) => ({ role, content });
		const logged = (parts: Record<string, unknown[]>, refs: unknown[]) =>
			zip({
				'header.json': header,
				'samples/a_epoch_1/sample.json': utf8(JSON.stringify({ ...sample(), messages: [], message_refs: refs })),
				...Object.fromEntries(Object.entries(parts).map(([start, messages]) => [`samples/a_epoch_1/messages/${start}.json`, utf8(JSON.stringify(messages))])),
			});
		const parts = { 10: [said('assistant', 'last')], 2: [said('user', 'then')], 0: [said('user', 'q'), said('assistant', 'first')] };
		const { samples } = await importAll(logged(parts, [[0, 2], [2, 4]]));
		assert.deepEqual([samples[0]!.prompt, outlineOf(samples[0]!)], ['q', ['answer: first', 'input: then', 'answer: last']]);
		const many = Array.from({ length: 250_000 }, () => said('assistant', 'a'));
		const [long] = (await importAll(logged({ 0: many }, [[0, many.length]]))).samples;
		assert.equal(long!.turns.flatMap((turn) => turn.parts).length, many.length, 'more than one call takes arguments');
		await refused(logged(parts, [[0, 2_000_000]]), /messages that it cannot have/);
	});

	test('the checksum is that of zlib', () => {
		assert.equal(crc32(utf8('123456789')), 0xcbf43926);
		for (const length of [0, 1, 3, 4, 5, 4096, 10_001]) {
			const data = Uint8Array.from({ length }, (_, i) => (i * 31) ^ (i >> 3));
			// The checksum of a member of a gzip file is its last but one word.
			const packed = gzipSync(data);
			assert.equal(crc32(data), new DataView(packed.buffer, packed.byteOffset).getUint32(packed.length - 8, true));
		}
	});
});

describe('code and other kinds', () => {
	const files: [string, Uint8Array, RegExp][] = [
		['a pickle', Uint8Array.of(0x80, 4, 0x95, 0, 0), /a pickle, which is code and is never opened\): save its tensors as numbers: safetensors/],
		['a PyTorch file', zip({ 'archive/data.pkl': Uint8Array.of(0x80, 2), 'archive/data/0': new Uint8Array(4) }), /PyTorch file, whose pickle is code/],
		['an array of objects', bytesOf('objects.npy'), /holds Python objects, which are code/],
		['gzip', Uint8Array.of(0x1f, 0x8b, 8, 0), /gzip\): unpack it first/],
		['HDF5', Uint8Array.of(0x89, 0x48, 0x44, 0x46, 13, 10), /HDF5/],
		['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 0x1a, 10, 0, 0), /of a kind that is not known/],
		['text without reasoning', utf8('Hello there.'), /no content of a kind that is known\): give one of these: Inspect \.eval log/],
		['a zip of something else', zip({ 'a.txt': strToU8('x') }), /no content of a kind that is known/],
		['a trace', Uint8Array.of(...encodeHeader([], { format: 'neuralese-trace' })), /is a trace already\): open it/],
		['parquet without its end', bytesOf('s1k.parquet').slice(0, 400), /not written whole/],
	];
	for (const [name, bytes, wording] of files) {
		test(name, () => refused(bytes, wording));
	}

	test('more tensors than a trace may hold', async () => {
		const many = Array.from({ length: 10_001 }, (_, i) => `"t${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`);
		const text = utf8(`{${many.join(',')}}`);
		const bytes = new Uint8Array(8 + text.length);
		new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
		bytes.set(text, 8);
		await refused(bytes, /more than 10000 tensors/);
	});

	test('a name says nothing: a log is known by its content', async () => {
		assert.equal((await open(utf8(JSON.stringify({ eval: { model: 'm' }, status: 'success', samples: [sample()] })))).format, 'inspect-json');
	});
});
