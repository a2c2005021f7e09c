/** Text <-> token ids, with exact offsets. The library tokenizes; where its tokens stand is rebuilt and verified here. */
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import type { Range } from '../shared/range';
import { Aligned, type NormalizerConfig } from './aligned';
import { EngineError } from './error';
import { spellingOf, surface, type Spelling } from './surface';

export interface Encoded {
	readonly ids: readonly number[];
	/** UTF-16 ranges in the text, ascending, without overlap; a token that is only a part of a character may be empty. */
	readonly spans: readonly Range[];
}

/** While it grows. */
interface Encoding {
	ids: number[];
	spans: Range[];
}

/** Texts whose encodings are kept: each part of the evidence asks for those of all reference prompts again. */
const KEPT_TEXTS = 256;
/** UTF-16 units; a longer text is encoded again, so that what is kept stays small. */
const MAX_KEPT_TEXT = 16_384;

interface AddedToken {
	id: number;
	content: string;
	normalized: boolean;
	special: boolean;
}

/** The parts of a `tokenizer.json` that are used here; the library checks the rest. */
interface Config {
	added_tokens: AddedToken[];
	normalizer: NormalizerConfig | null;
	decoder: object | null;
	model: { type: string; unk_token?: string | null };
}

const UTF8 = new TextDecoder();

export class Tokenizer {
	private readonly library: LibraryTokenizer;
	private readonly added: Map<string, AddedToken>;
	private readonly addedPattern?: RegExp;
	private readonly spelling: Spelling;
	private readonly size: number;
	/** Least recently used first. */
	private readonly kept = new Map<string, Encoded>();

	private constructor(private readonly config: Config) {
		this.library = new LibraryTokenizer(config, {
			unk_token: config.model.unk_token ?? undefined,
			clean_up_tokenization_spaces: false,
		});
		this.added = new Map(config.added_tokens.map((token) => [token.content, token]));
		this.addedPattern = alternatives([...this.added.keys()]);
		this.spelling = spellingOf(config.decoder);
		this.size = this.library.model!.vocab.length;
	}

	/** `bytes`: of a `tokenizer.json`. */
	static parse(bytes: Uint8Array): Tokenizer {
		try {
			const config = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Config;
			return new Tokenizer({ ...config, added_tokens: config.added_tokens ?? [] });
		} catch (error) {
			throw new EngineError(
				`The model's tokenizer.json cannot be used (${(error as Error).message.split('\n')[0]}): export the model again.`,
				'bad-model',
			);
		}
	}

	/** One above the highest id. */
	get vocabularySize(): number {
		return this.size;
	}

	/** What stands for words outside the vocabulary; undefined where every text has tokens. */
	get unknownId(): number | undefined {
		const { unk_token } = this.config.model;
		return unk_token ? this.idOf(unk_token) : undefined;
	}

	/** Undefined where the vocabulary has no such entry. */
	idOf(token: string): number | undefined {
		return this.added.get(token)?.id ?? this.library.token_to_id(token);
	}

	/** As the vocabulary spells it; undefined where there is no such token. */
	tokenOf(id: number): string | undefined {
		return this.library.id_to_token(id);
	}

	/** The text that a token stands for, its leading space included. Bytes that are no text alone become U+FFFD. */
	textOf(id: number): string {
		const token = this.library.id_to_token(id);
		return token === undefined ? `<${id}>` : this.added.has(token) ? token : UTF8.decode(surface(token, this.spelling));
	}

	/** The text of a run of tokens, without special ones. */
	decode(ids: readonly number[]): string {
		return ids.length === 0
			? ''
			: this.library.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
	}

	/**
	 * The text that a run of tokens spells, special ones included, and where in it each of them stands. A character of several tokens
	 * belongs to the last of them, with which it is complete.
	 */
	spell(ids: readonly number[]): { text: string; spans: Range[] } {
		const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
		let text = '';
		const spans = ids.map((id, i): Range => {
			const token = this.library.id_to_token(id) ?? `<${id}>`;
			const bytes = surface(token, this.added.has(token) ? 'plain' : this.spelling);
			const start = text.length;
			text += decoder.decode(bytes, { stream: i < ids.length - 1 });
			return { start, end: text.length };
		});
		return { text, spans };
	}

	/** Fails with `bad-model` where the tokenizer does what cannot be followed here: wrong offsets would be worse than none. */
	encode(text: string): Encoded {
		const encoded = this.kept.get(text) ?? this.encoded(text);
		if (text.length <= MAX_KEPT_TEXT) {
			this.kept.delete(text);
			this.kept.set(text, encoded);
			if (this.kept.size > KEPT_TEXTS) {
				this.kept.delete(this.kept.keys().next().value!);
			}
		}
		return encoded;
	}

	private encoded(text: string): Encoded {
		const encoded: Encoding = { ids: [], spans: [] };
		for (const [index, range] of this.sections(text).entries()) {
			const section = text.slice(range.start, range.end);
			const added = this.added.get(section);
			if (added) {
				encoded.ids.push(added.id);
				encoded.spans.push(range);
			} else if (section !== '') {
				this.encodeSection(text, range, index, encoded);
			}
		}
		return encoded;
	}

	/** Added tokens are found before anything else happens to the text, the longest first. */
	private sections(text: string): Range[] {
		const out: Range[] = [];
		let done = 0;
		for (const match of this.addedPattern ? text.matchAll(this.addedPattern) : []) {
			out.push({ start: done, end: match.index }, { start: match.index, end: match.index + match[0].length });
			done = match.index + match[0].length;
		}
		return [...out, { start: done, end: text.length }];
	}

	private encodeSection(text: string, range: Range, index: number, encoded: Encoding): void {
		const original = Aligned.of(text, range);
		const aligned = this.config.normalizer ? original.normalised(this.config.normalizer) : original;
		if (!aligned) {
			throw unsupported('its normaliser');
		}
		if (aligned.text === '') {
			return;
		}
		if (this.library.normalizer && this.library.normalizer(original.text) !== aligned.text) {
			throw unsupported('its normaliser');
		}
		const pieces: string[] = this.library.pre_tokenizer
			? this.library.pre_tokenizer(aligned.text, { section_index: index })
			: [aligned.text];
		const units = new Units(this.spelling === 'metaspace' ? aligned.text.replaceAll('▁', ' ') : aligned.text);
		let at = 0;
		for (const piece of pieces) {
			const bytes = surface(piece, this.spelling === 'word-piece' ? 'plain' : this.spelling);
			const start = units.find(bytes, at);
			if (start === undefined) {
				throw unsupported('its pre-tokenizer');
			}
			at = start + bytes.length;
			this.encodePiece(piece, start, at, units, aligned, encoded);
		}
	}

	/** The tokens of one piece fill it; where they do not spell it (an unknown word), the first one stands for all of it. */
	private encodePiece(piece: string, start: number, end: number, units: Units, aligned: Aligned, encoded: Encoding): void {
		const tokens: string[] = this.library.model!([piece]);
		const lengths = tokens.map((token) => surface(token, this.spelling).length);
		const exact = lengths.reduce((sum, length) => sum + length, 0) === end - start;
		if (!exact && tokens.length > 1) {
			throw unsupported('its model');
		}
		let at = start;
		for (const [i, token] of tokens.entries()) {
			const id = this.library.token_to_id(token) ?? this.unknownId;
			if (id === undefined) {
				throw new EngineError(
					`The model's vocabulary has no token for ${JSON.stringify(piece.slice(0, 60))}: leave it out of the prompt.`,
					'bad-request',
				);
			}
			const next = exact ? at + lengths[i]! : end;
			encoded.ids.push(id);
			encoded.spans.push(aligned.origin({ start: units.ceil(at), end: units.ceil(next) }));
			at = next;
		}
	}
}

/** The UTF-8 bytes of a text, with the way back to UTF-16. */
class Units {
	private readonly bytes: Uint8Array;
	/** UTF-16 offset of byte i, of the character's end for its later bytes. */
	private readonly offsets: number[] = [];

	constructor(text: string) {
		this.bytes = new TextEncoder().encode(text);
		let offset = 0;
		for (const character of text) {
			const point = character.codePointAt(0)!;
			const length = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
			const end = offset + character.length;
			this.offsets.push(offset, ...new Array<number>(length - 1).fill(end));
			offset = end;
		}
		this.offsets.push(offset);
	}

	/** Of the character that begins at byte `at`, or of the first one after it. */
	ceil(at: number): number {
		return this.offsets[at]!;
	}

	/** Where `wanted` stands next, after nothing but white space. */
	find(wanted: Uint8Array, from: number): number | undefined {
		for (let start = from; start + wanted.length <= this.bytes.length; start++) {
			if (wanted.every((byte, i) => this.bytes[start + i] === byte)) {
				return start;
			}
			if (!isSpace(this.bytes[start]!)) {
				return undefined;
			}
		}
		return undefined;
	}
}

function isSpace(byte: number): boolean {
	return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}

function alternatives(contents: readonly string[]): RegExp | undefined {
	const escaped = contents
		.filter((content) => content !== '')
		.sort((a, b) => b.length - a.length)
		.map((content) => content.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'));
	return escaped.length > 0 ? new RegExp(escaped.join('|'), 'gu') : undefined;
}

function unsupported(part: string): EngineError {
	return new EngineError(
		`The offsets of this model's tokens cannot be told (${part} is not supported): choose another model.`,
		'bad-model',
	);
}
