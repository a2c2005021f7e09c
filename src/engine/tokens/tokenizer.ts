/** Text <-> token ids, with exact offsets. The library has the models and the decoders; what leads to a model's pieces is done here. */
import { Tokenizer as LibraryTokenizer } from '@huggingface/tokenizers';
import { incomplete, instead, legible, printable } from '../../analysis/text';
import type { Range } from '../../shared/range';
import type { TokenRecord } from '../../trace/document';
import { Aligned } from './aligned';
import { EngineError } from '../error';
import { spellingOf, surface, type DecoderConfig, type Spelling } from './surface';
import { AddedTokens } from './added';
import { unsupported, type AddedToken, type Config } from './config';
import { leadOf } from './lead';
import { normaliserOf, type Normaliser } from './normaliser';
import { splitterOf, type Splitter } from './splitter';
import { subwordsOf, typeOf, unknownIdOf, type Subwords } from './subwords';

export interface Encoded {
	readonly ids: readonly number[];
	/**
	 * UTF-16 ranges in the text: of each token the whole characters that it came from, as in Python's `tokenizers` without
	 * `trim_offsets`. Starts ascend, and so do ends. They tile the text: a character that is in none was dropped by the normaliser or
	 * is white space between words; one that is in several is shared by tokens that are parts of it (bytes of one character, what a
	 * normaliser made of one, a space put before it). What a normaliser joins or reorders is shared as a whole, where Python gives it
	 * to its first character alone.
	 */
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
const DECODERS: ReadonlySet<string | undefined> = new Set([
	'ByteLevel',
	'WordPiece',
	'Metaspace',
	'BPEDecoder',
	'CTC',
	'Sequence',
	'Replace',
	'Fuse',
	'Strip',
	'ByteFallback',
]);

export class Tokenizer {
	private readonly library: LibraryTokenizer;
	private readonly added: ReadonlyMap<string, AddedToken>;
	private readonly spelling: Spelling;
	private readonly size: number;
	/** Those that are found in the text as it is, and those that are found in the normalised text. */
	private readonly plain: AddedTokens;
	private readonly normal: AddedTokens;
	private readonly normalise: Normaliser;
	private readonly split: Splitter;
	private readonly subwords: Subwords;
	/** Least recently used first. */
	private readonly kept = new Map<string, Encoded>();

	private constructor(private readonly config: Config) {
		typeOf(config.model);
		checkDecoder(config.decoder);
		this.normalise = normaliserOf(config.normalizer);
		this.split = splitterOf(config.pre_tokenizer);
		this.library = new LibraryTokenizer(
			{ ...config, normalizer: null, pre_tokenizer: null, post_processor: null },
			{ unk_token: config.model.unk_token ?? undefined, clean_up_tokenization_spaces: false },
		);
		this.spelling = spellingOf(config.decoder);
		this.subwords = subwordsOf(config, this.library.model!, (entry) => printable(legible(surface(entry, this.spelling))));
		this.added = new Map(config.added_tokens.map((token) => [token.content, token]));
		const [normal, plain] = [true, false].map((wanted) =>
			config.added_tokens.filter(({ normalized, special }) => (normalized ?? !special) === wanted),
		) as [AddedToken[], AddedToken[]];
		this.plain = new AddedTokens(plain.map((token) => [token.content, token]));
		this.normal = new AddedTokens(normal.map((token) => [this.normalise(Aligned.of(token.content)).text, token]));
		this.size = this.library.model!.vocab.length;
	}

	/** `bytes`: of a `tokenizer.json`. Fails with `bad-model` where it asks for what is not known here: wrong tokens would be worse than none. */
	static parse(bytes: Uint8Array): Tokenizer {
		try {
			const config = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as Config;
			return new Tokenizer({ ...config, added_tokens: config.added_tokens ?? [], decoder: config.decoder ?? null });
		} catch (error) {
			if (error instanceof EngineError) {
				throw error;
			}
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

	/** Tokens that belong before a text. `encode` leaves them out: a recipe says where they stand, or a chat template writes them. */
	get lead(): string[] {
		return leadOf(this.config.post_processor).filter((token) => this.idOf(token) !== undefined);
	}

	/** What stands for words outside the vocabulary; undefined where every text has tokens. */
	get unknownId(): number | undefined {
		return unknownIdOf(this.config.model, (token) => this.idOf(token));
	}

	/** Undefined where the vocabulary has no such entry. */
	idOf(token: string): number | undefined {
		return this.added.get(token)?.id ?? this.library.token_to_id(token);
	}

	/** As the vocabulary spells it; undefined where there is no such token. */
	tokenOf(id: number): string | undefined {
		return this.library.id_to_token(id);
	}

	/** The text that a token stands for, its leading space included; bytes that are no whole character are written out (`⟨E2 80⟩`). */
	textOf(id: number): string {
		return legible(this.bytesOf(id));
	}

	/** As traces keep it. */
	record(id: number): TokenRecord {
		const bytes = this.bytesOf(id);
		const text = legible(bytes);
		return incomplete(bytes) ? { id, text, bytes: Buffer.from(bytes).toString('hex') } : { id, text };
	}

	/** The text of a run of tokens, without special ones. Bytes that never become a character are written out. */
	decode(ids: readonly number[]): string {
		if (ids.length === 0) {
			return '';
		}
		const text = this.library.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
		return text.includes('\ufffd') ? this.mended(text, ids) : text;
	}

	/**
	 * The text that a run of tokens spells, special ones included, and where in it each of them stands. A character of several tokens
	 * belongs to the last of them, with which it is complete.
	 */
	spell(ids: readonly number[]): { text: string; spans: Range[] } {
		const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
		let text = '';
		const spans = ids.map((id, i): Range => {
			const start = text.length;
			text += decoder.decode(this.bytesOf(id), { stream: i < ids.length - 1 });
			return { start, end: text.length };
		});
		return { text, spans };
	}

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
		// Half a surrogate pair has no UTF-8: the character that stands for it is as long.
		const whole = Aligned.of(text.replace(/\p{Cs}/gu, '\ufffd'));
		for (const section of found(this.plain, whole, encoded)) {
			for (const part of found(this.normal, this.normalise(section), encoded)) {
				for (const piece of this.split(part)) {
					for (const { id, start, end } of this.subwords(piece.text)) {
						encoded.ids.push(id);
						encoded.spans.push(piece.origin({ start, end }));
					}
				}
			}
		}
		return encoded;
	}

	private bytesOf(id: number): Uint8Array {
		const token = this.library.id_to_token(id) ?? `<${id}>`;
		return surface(token, this.added.has(token) ? 'plain' : this.spelling);
	}

	/** `text` is what the library makes of the tokens: a U+FFFD of its own for each stretch of bytes that is no character. */
	private mended(text: string, ids: readonly number[]): string {
		const bytes = ids.filter((id) => !this.added.get(this.library.id_to_token(id) ?? '')?.special).map((id) => this.bytesOf(id));
		const texts = instead(Buffer.concat(bytes));
		let next = 0;
		return text.replace(/\ufffd/g, (character) => texts[next++] ?? character);
	}
}

/** The text between the added tokens, which are taken up on the way. */
function* found(tokens: AddedTokens, text: Aligned, encoded: Encoding): Generator<Aligned> {
	for (const { start, end, token } of tokens.sections(text)) {
		if (token) {
			encoded.ids.push(token.id);
			encoded.spans.push(text.origin({ start, end }));
		} else {
			yield start === 0 && end === text.text.length ? text : text.slice({ start, end });
		}
	}
}

function checkDecoder(decoder: DecoderConfig | null): void {
	if (decoder) {
		if (!DECODERS.has(decoder.type)) {
			throw unsupported('decoder', decoder.type);
		}
		decoder.decoders?.forEach(checkDecoder);
	}
}
