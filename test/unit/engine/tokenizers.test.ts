/** Tokenizers of every kind against Python's `tokenizers` (`test/fixtures/tokens.py`). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { joined } from '../../../src/analysis/text';
import { EngineError } from '../../../src/engine/error';
import { Tokenizer, type Encoded } from '../../../src/engine/tokens/tokenizer';

interface Case {
	ids: number[];
	/** Start, end, start, end … */
	spans: number[];
	/** Where it is not the text. */
	decoded?: string;
}

interface Kind {
	tokenizer: object;
	cases: Case[];
}

const { texts, ...kinds } = JSON.parse(readFileSync('test/fixtures/tokens.json', 'utf8')) as { texts: string[] } & Record<string, Kind>;
const all = Object.entries(kinds as Record<string, Kind>).map(([name, { tokenizer, cases }]) => ({
	name,
	tokenizer: Tokenizer.parse(new TextEncoder().encode(JSON.stringify(tokenizer))),
	cases: cases.map((one, i) => ({ ...one, text: texts[i]! })),
}));
type Parsed = (typeof all)[number];

const flat = ({ spans }: Encoded) => spans.flatMap(({ start, end }) => [start, end]);
const named = (...names: string[]): Parsed[] => all.filter(({ name }) => names.includes(name));
/** These change nothing that they cannot tell: every character is in some token. */
const COMPLETE = named('gpt2', 'roberta', 'llama3', 'smollm', 'llama2', 'mistral', 'gemma', 'added');
/** Of these, tokens share nothing but single characters: no normaliser joins several, and no unknown word is told by its bytes. */
const SIMPLE = [...COMPLETE, ...named('words', 'bert-cased')];
/** What a normaliser here joins to something before or after it. */
const JOINED = /^[\p{M}\s\uff9e\uff9f\u1100-\u11ff\u3131-\u318e\uffa0-\uffdc]$/u;

describe('as in Python', () => {
	for (const { name, tokenizer, cases } of all) {
		test(name, () => {
			for (const { text, ids, spans } of cases) {
				const encoded = tokenizer.encode(text);
				assert.deepEqual(encoded.ids, ids, JSON.stringify(text));
				assertAsPython(text, flat(encoded), spans, SIMPLE.some((kind) => kind.name === name));
			}
		});
	}

	test('what belongs before a text', () => {
		const lead = (name: string) => named(name)[0]!.tokenizer.lead;
		assert.deepEqual(['llama2', 'bert', 'gpt2', 'roberta'].map(lead), [['<s>'], ['[CLS]'], [], []]);
	});

	test('decoded text', () => {
		for (const { name, tokenizer, cases } of all) {
			for (const { text, ids, decoded = text } of cases) {
				// The library drops a byte order mark that bytes spell; the reference writes added words in their normal form.
				const same = (shown: string) => (name === 'added' ? shown.toLowerCase() : shown).replace(/\ufeff/g, '');
				assert.equal(same(tokenizer.decode(ids)), same(decoded), `${name} ${JSON.stringify(text)}`);
			}
		}
	});

	test('the cases have every kind of difference that offsets must survive', () => {
		const of = (name: string) => named(name)[0]!.cases.map(({ text, spans }) => ({ text, pairs: pairs(spans) }));
		const shared = (name: string) => of(name).some(({ pairs: list }) => list.some(([start], i) => i > 0 && start < list[i - 1]![1]));
		assert.ok(['gpt2', 'llama2', 'mistral', 't5', 'unigram-bytes'].every(shared));
		const gaps = (name: string) => of(name).some(({ pairs: list }) => list.some(([start], i) => i > 0 && start > list[i - 1]![1]));
		assert.ok(['bert', 'words', 'clip', 'accents'].every(gaps));
	});
});

/**
 * The same, but where a normaliser joined characters: Python leaves all but one of them to no token, and here they belong to the token
 * that they became a part of.
 */
function assertAsPython(text: string, ours: readonly number[], python: readonly number[], exactly: boolean): void {
	const covered = new Set(pairs(python).flatMap(([start, end]) => units(start, end)));
	for (const [i, [start, end]] of pairs(ours).entries()) {
		const [from, to] = pairs(python)[i]!;
		const more = units(start, end).filter((at) => !covered.has(at));
		const told = `token ${i} of ${JSON.stringify(text)}: ${start}..${end} and ${from}..${to}`;
		assert.ok(start <= from && to <= end, told);
		assert.ok(more.every((at) => JOINED.test(text[at]!)) && !(exactly && more.length > 0), told);
		assert.ok(more.length > 0 || (start === from && end === to), told);
	}
}

function pairs(list: readonly number[]): [number, number][] {
	return Array.from({ length: list.length / 2 }, (_, i) => [list[2 * i]!, list[2 * i + 1]!]);
}

function units(start: number, end: number): number[] {
	return Array.from({ length: end - start }, (_, i) => start + i);
}

const awkward = fc.array(
	fc.oneof(
		fc.constantFrom(...'aeEs 1.,\'\n\t\0<▁', '  ', '\r\n', '\u0301', '\u0323', 'é', 'İ', 'Σ', 'ﬁ', 'ß', '😀', '\u200d', '👩\u200d👧', '汉', '가', '\u11a8', 'ｶ', 'ﾞ'),
		fc.constantFrom('<s>', '</s>', '<|im_start|>', '<mask>', ' <left> ', '<right>  ', 'word', 'Café', 'Tom is a gerpus.', '\ud83d', '\ude00', '\ufeff', '\u202e', 'שלום', '<0xE2>'),
		fc.string({ unit: 'binary', maxLength: 3 }),
	),
	{ maxLength: 20 },
).map((parts) => parts.join(''));

describe('offsets tile any text', () => {
	for (const kind of all) {
		test(kind.name, () => {
			fc.assert(fc.property(awkward, (text) => assertTiles(text, kind)), { numRuns: 150 });
		});
	}

	test('and what is cut has the tokens of its parts', () => {
		// Special tokens end everything around them, so that what stands before one does not depend on what follows.
		for (const { tokenizer } of COMPLETE) {
			fc.assert(
				fc.property(awkward, awkward, (a, b) => {
					const [first, both] = [tokenizer.encode(`${a}<|im_end|>`), tokenizer.encode(`${a}<|im_end|>${b}`)];
					assert.deepEqual(both.ids.slice(0, first.ids.length), first.ids);
					assert.deepEqual(both.spans.slice(0, first.ids.length), first.spans);
				}),
				{ numRuns: 40 },
			);
		}
	});
});

/** Ascending, inside the text, never half a surrogate pair; what is in no token has none alone; what is in several is one character. */
function assertTiles(text: string, { name, tokenizer }: Parsed): void {
	const { ids, spans } = tokenizer.encode(text);
	const told = `${name} ${JSON.stringify(text)} ${JSON.stringify(spans)}`;
	assert.equal(ids.length, spans.length);
	let before = { start: 0, end: 0 };
	for (const span of [...spans, { start: text.length, end: text.length }]) {
		assert.ok(before.start <= span.start && before.end <= span.end, told);
		assert.ok(span.start < span.end || span.start === text.length, told);
		assert.ok(!halves(text, span.start) && !halves(text, span.end), told);
		const gap = text.slice(before.end, span.start);
		assert.ok(gap === '' || (!COMPLETE.some((one) => one.name === name) && tokenizer.encode(gap).ids.length === 0), told);
		if (span.start < before.end && SIMPLE.some((one) => one.name === name)) {
			assert.equal([...text.slice(span.start, before.end)].length, 1, told);
		}
		before = span;
	}
}

/** Whether an offset lies inside a surrogate pair. */
function halves(text: string, at: number): boolean {
	return /^[\ud800-\udbff]$/.test(text[at - 1] ?? '') && /^[\udc00-\udfff]$/.test(text[at] ?? '');
}

describe('decoding', () => {
	test('gives the text back where nothing is lost', () => {
		for (const { name, tokenizer } of named('gpt2', 'llama3', 'smollm', 'llama2')) {
			fc.assert(
				fc.property(awkward, (text) => {
					// Special tokens are left out of decoded text; SentencePiece writes a space as ▁, and so reads one.
					const special = /<\/?s>|<\|im_\w+\|>/g;
					const lost = name === 'llama2' ? /▁|\ufeff/g : /(?!)/g;
					const kept = text.replace(special, '').replace(/\p{Cs}/gu, '\ufffd').replace(lost, '');
					assert.equal(tokenizer.decode(tokenizer.encode(kept.replace(special, '')).ids), kept.replace(special, ''));
				}),
				{ numRuns: 150 },
			);
		}
	});

	test('spells the text, and each token stands where it was found', () => {
		for (const { tokenizer } of named('gpt2', 'llama3', 'smollm')) {
			fc.assert(
				fc.property(awkward, (text) => {
					const { ids, spans } = tokenizer.encode(text);
					const spelled = tokenizer.spell(ids);
					assert.equal(spelled.text, text.replace(/\p{Cs}/gu, '\ufffd'));
					spelled.spans.forEach(({ start, end }, i) => {
						assert.ok(start === end || (spans[i]!.start <= start && end <= spans[i]!.end));
					});
				}),
				{ numRuns: 100 },
			);
		}
	});

	test('a run of bytes shows its bytes, and the character where it is complete', () => {
		for (const [name, texts] of [
			['gpt2', ['⟨F0 9F⟩', '⟨98⟩', '⟨80⟩']],
			['llama2', ['⟨F0⟩', '⟨9F⟩', '⟨98⟩', '⟨80⟩']],
		] as const) {
			const { tokenizer } = named(name)[0]!;
			const { ids } = tokenizer.encode('a😀');
			const bytes = ids.filter((id) => tokenizer.record(id).bytes !== undefined);
			assert.deepEqual(bytes.map((id) => tokenizer.textOf(id)), texts);
			assert.deepEqual(bytes.map((id) => tokenizer.record(id)), bytes.map((id, i) => ({ id, text: texts[i], bytes: texts[i]!.slice(1, -1).replace(' ', '').toLowerCase() })));
			assert.equal(texts.reduce(joined, ''), '😀');
			assert.equal(tokenizer.decode(bytes), '😀');
			assert.equal(tokenizer.decode(ids.slice(0, -1)), 'a⟨F0 9F 98⟩');
			assert.equal(tokenizer.decode([...ids.slice(0, -1), ...ids]).replace(' a', 'a'), 'a⟨F0 9F 98⟩a😀');
			assert.equal(tokenizer.decode([bytes.at(-1)!, bytes.at(-1)!]), '⟨80 80⟩');
		}
	});

	test('no token is shown as a lost character', () => {
		for (const { tokenizer } of all) {
			for (let id = 0; id < tokenizer.vocabularySize; id++) {
				assert.ok(!tokenizer.textOf(id).includes('\ufffd'));
				assert.ok(!tokenizer.decode([id]).includes('\ufffd'));
			}
		}
	});
});

describe('what is not known is refused in one sentence', () => {
	const { tokenizer: usual } = kinds['gpt2'] as unknown as { tokenizer: Record<string, unknown> & { model: object } };
	for (const [what, part] of [
		['normaliser "Nmt"', { normalizer: { type: 'Nmt' } }],
		['normaliser "Nmt"', { normalizer: { type: 'Sequence', normalizers: [{ type: 'NFC' }, { type: 'Nmt' }] } }],
		['pre-tokenizer "UnicodeScripts"', { pre_tokenizer: { type: 'UnicodeScripts' } }],
		['decoder "Mystery"', { decoder: { type: 'Sequence', decoders: [{ type: 'Mystery' }] } }],
		['model "Neural"', { model: { ...usual.model, type: 'Neural' } }],
		['model "Odd"', { model: { type: 'Odd' } }],
		['prefix inside words "##"', { model: { ...usual.model, continuing_subword_prefix: '##' } }],
		['normaliser "Precompiled"', { normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAAA' } }],
	] as const) {
		test(what, () => {
			const bytes = new TextEncoder().encode(JSON.stringify({ ...usual, ...part }));
			assert.throws(
				() => Tokenizer.parse(bytes),
				(error: unknown) =>
					error instanceof EngineError &&
					error.code === 'bad-model' &&
					error.message === `The model's tokenizer.json cannot be used (its ${what} is not supported): choose another model.`,
			);
		});
	}
});

test('text that the vocabulary has no token for is named, not dropped', () => {
	const { tokenizer: usual } = kinds['gpt2'] as unknown as { tokenizer: { model: { vocab: Record<string, number>; merges: unknown[] } } };
	// 0x13, and the last byte of 😀.
	const vocab = Object.fromEntries(Object.entries(usual.model.vocab).filter(([entry]) => !['ē', 'Ģ'].includes(entry)));
	const lacking = Tokenizer.parse(new TextEncoder().encode(JSON.stringify({ ...usual, model: { ...usual.model, vocab } })));
	for (const [text, shown] of [['a\x13', '⟨U+0013⟩'], ['a😀', '⟨80⟩']] as const) {
		assert.throws(
			() => lacking.encode(text),
			(error: unknown) =>
				error instanceof EngineError && error.message === `The model's vocabulary has no token for "${shown}": leave it out of the prompt.`,
		);
	}
});
