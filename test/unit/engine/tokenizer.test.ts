import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EngineError } from '../../../src/engine/error';
import { Tokenizer, type Encoded } from '../../../src/engine/tokens/tokenizer';
import { MODEL } from './harness';

const bundled = Tokenizer.parse(readFileSync(`${MODEL}/tokenizer.json`));
const parse = (config: object) => Tokenizer.parse(new TextEncoder().encode(JSON.stringify(config)));
const spans = ({ spans: list }: Encoded) => list.map(({ start, end }) => [start, end]);

/** Bytes as GPT-2 writes them, and a few merges, so that a letter, a space and a run have tokens of their own. */
function byteLevel(special = '<|end|>'): Tokenizer {
	const printable = (byte: number) => (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
	let moved = 0;
	const letters = Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : 256 + moved++));
	const merges = ['h e', 'l l', 'he ll', 'hell o', 'Ġ w', 'Ġw o'];
	const vocab = [...letters, ...merges.map((merge) => merge.replace(' ', ''))];
	return parse({
		added_tokens: [
			{
				id: vocab.length,
				content: special,
				single_word: false,
				lstrip: false,
				rstrip: false,
				normalized: false,
				special: true,
			},
		],
		normalizer: null,
		pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
		post_processor: null,
		decoder: { type: 'ByteLevel' },
		model: { type: 'BPE', vocab: Object.fromEntries(vocab.map((token, id) => [token, id])), merges, unk_token: null },
	});
}

/** Ascending, without overlap, inside the text; joined with the gaps they rebuild it, and gaps are white space. */
function assertTiles(text: string, { ids, spans: list }: Encoded): void {
	assert.equal(ids.length, list.length);
	let at = 0;
	let rebuilt = '';
	for (const { start, end } of list) {
		assert.ok(at <= start && start <= end && end <= text.length, `${start}..${end} after ${at} of ${text.length}`);
		assert.match(text.slice(at, start), /^\s*$/);
		rebuilt += text.slice(at, start) + text.slice(start, end);
		at = end;
	}
	assert.match(text.slice(at), /^\s*$/);
	assert.equal(rebuilt + text.slice(at), text);
}

describe('bundled tokenizer', () => {
	// Ids by the reference implementation (Python tokenizers 0.22).
	const cases: [text: string, texts: string[], spans: number[][]][] = [
		[
			'Every gerpus is a terpus. Tom is a gerpus.\nIs Tom a terpus or hilpus?\n\n',
			[' Every gerpus', ' is a terpus.', ' Tom', ' is a gerpus.', ' Is Tom', ' a terpus', ' or hilpus?'],
			[
				[0, 12],
				[12, 25],
				[25, 29],
				[29, 42],
				[42, 49],
				[49, 58],
				[58, 69],
			],
		],
		[
			'Tom is a banana. 😀 <a> x',
			[' Tom', '<unk>', '<unk>', '<a>', '<unk>'],
			[
				[0, 3],
				[3, 16],
				[16, 19],
				[20, 23],
				[23, 25],
			],
		],
		[
			'<latent>Alex<eos>  <a>',
			['<latent>', ' Alex', '<eos>', '<a>'],
			[
				[0, 8],
				[8, 12],
				[12, 17],
				[19, 22],
			],
		],
		[
			'Tom\r\n is a terpus.',
			[' Tom', ' is a terpus.'],
			[
				[0, 3],
				// `\s+$` of its normaliser drops the \r: there a line ends.
				[4, 18],
			],
		],
		[
			'a\u0301 Tom',
			['<unk>', ' Tom'],
			[
				[0, 2],
				[2, 6],
			],
		],
		[
			'Every gerpusis a terpus.',
			['<unk>', ' a terpus', '<unk>'],
			[
				[0, 14],
				[14, 23],
				[23, 24],
			],
		],
	];
	for (const [text, texts, expected] of cases) {
		test(JSON.stringify(text), () => {
			const encoded = bundled.encode(text);
			assert.deepEqual(
				encoded.ids.map((id) => bundled.textOf(id)),
				texts,
			);
			assert.deepEqual(spans(encoded), expected);
		});
	}

	test('nothing but white space has no tokens', () => {
		for (const text of ['', ' ', '\n\n', ' \t\r\n ']) {
			assert.deepEqual(bundled.encode(text), { ids: [], spans: [] });
		}
	});

	test('decodes what it encodes', () => {
		const text = 'Every gerpus is a terpus. Tom is a gerpus. Is Tom a terpus or hilpus?';
		assert.equal(bundled.decode(bundled.encode(text).ids), text);
	});

	const word = fc.constantFrom(
		'Every gerpus',
		'is a terpus.',
		'Is Tom',
		'or hilpus?',
		'<a>',
		'<eos>',
		'\n',
		'\r\n',
		'  ',
		' ',
		'\t',
		'.',
		'é',
		'😀',
		'e\u0301',
		'\u202e',
		'\ud800',
		'banana',
		'\0',
		'\u00a0',
	);
	test('spans tile any text', () => {
		fc.assert(
			fc.property(fc.array(word, { maxLength: 30 }), (words) =>
				assertTiles(words.join(''), bundled.encode(words.join(''))),
			),
			{ numRuns: 500 },
		);
		fc.assert(
			fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => assertTiles(text, bundled.encode(text))),
			{ numRuns: 500 },
		);
	});
});

describe('byte-level BPE', () => {
	const tokenizer = byteLevel();

	test('merges, spaces and special tokens have exact offsets', () => {
		const encoded = tokenizer.encode('hello wow<|end|>hell');
		assert.deepEqual(
			encoded.ids.map((id) => tokenizer.textOf(id)),
			['hello', ' wo', 'w', '<|end|>', 'hell'],
		);
		assert.deepEqual(spans(encoded), [
			[0, 5],
			[5, 8],
			[8, 9],
			[9, 16],
			[16, 20],
		]);
	});

	test('special tokens are found whatever signs they are written with', () => {
		for (const special of ['<|start-latent|>', '[a-z]+', '(?:$^)', '\\d/{2}', '.*']) {
			const own = byteLevel(special);
			assert.deepEqual(own.encode(`h${special}w`).ids.map((id) => own.textOf(id)), ['h', special, 'w']);
		}
	});

	test('tokens of one character share it', () => {
		const encoded = tokenizer.encode('a😀b');
		assert.deepEqual(spans(encoded), [
			[0, 1],
			[1, 3],
			[1, 3],
			[1, 3],
			[1, 3],
			[3, 4],
		]);
		assert.equal(tokenizer.decode(encoded.ids), 'a😀b');
	});

	test('what tokens spell is the text, and a character of several belongs to the last of them', () => {
		const { ids } = tokenizer.encode('a😀b<|end|> wo');
		const spelled = tokenizer.spell(ids);
		assert.equal(spelled.text, 'a😀b<|end|> wo');
		assert.deepEqual(spans({ ids, spans: spelled.spans }), [
			[0, 1],
			[1, 1],
			[1, 1],
			[1, 1],
			[1, 3],
			[3, 4],
			[4, 11],
			[11, 14],
		]);
		// A character that never becomes whole is shown as one that is missing, and what follows stays in its place.
		const broken = tokenizer.spell([ids[1]!, ids[5]!]);
		assert.deepEqual([broken.text, spans({ ids, spans: broken.spans })], ['\ufffdb', [[0, 0], [0, 2]]]);
		assert.equal(tokenizer.spell([ids[1]!]).text, '\ufffd');
		assert.deepEqual(tokenizer.spell([]), { text: '', spans: [] });
	});
});

describe('normalisers', () => {
	const wordLevel = (normalizer: object) =>
		parse({
			added_tokens: [],
			normalizer,
			pre_tokenizer: { type: 'WhitespaceSplit' },
			post_processor: null,
			decoder: null,
			model: { type: 'WordLevel', vocab: { '[UNK]': 0, straße: 1, ab: 2 }, unk_token: '[UNK]' },
		});

	test('lower case, Unicode forms and accents keep the original offsets', () => {
		const tokenizer = wordLevel({ type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Lowercase' }] });
		assert.deepEqual(tokenizer.encode('STRAßE A\u0301B AB'), {
			ids: [1, 0, 2],
			spans: [
				{ start: 0, end: 6 },
				{ start: 7, end: 10 },
				{ start: 11, end: 13 },
			],
		});
	});

	test('a file that is no tokenizer is refused with one sentence', () => {
		for (const bytes of ['', '{', '[]', '{"model":{}}', 'null']) {
			assert.throws(
				() => Tokenizer.parse(new TextEncoder().encode(bytes)),
				(error: unknown) => error instanceof EngineError && /^[^\n]+\.$/.test(error.message),
				bytes,
			);
		}
	});
});
