/** The parts of a `tokenizer.json` that are used here, and how its patterns are read. */
import { SplitPreTokenizer } from '@huggingface/tokenizers';
import { EngineError, quoted } from '../error';
import type { DecoderConfig } from './surface';

export interface Pattern {
	Regex?: string;
	String?: string;
}

export interface AddedToken {
	id: number;
	content: string;
	/** Looked for in the normalised text, as its own normal form. */
	normalized?: boolean;
	/** Only where no letter, digit or underscore touches it. */
	single_word?: boolean;
	/** Takes the white space before it, or after it. */
	lstrip?: boolean;
	rstrip?: boolean;
	special?: boolean;
}

/** A normaliser. */
export interface NormalizerConfig {
	type: string;
	normalizers?: NormalizerConfig[];
	pattern?: Pattern;
	content?: string;
	prepend?: string;
	strip_left?: boolean;
	strip_right?: boolean;
	clean_text?: boolean;
	handle_chinese_chars?: boolean;
	strip_accents?: boolean | null;
	lowercase?: boolean;
	precompiled_charsmap?: string | null;
}

export interface PreTokenizerConfig {
	type: string;
	pretokenizers?: PreTokenizerConfig[];
	pattern?: Pattern;
	behavior?: string;
	invert?: boolean;
	individual_digits?: boolean;
	add_prefix_space?: boolean;
	use_regex?: boolean;
	replacement?: string;
	prepend_scheme?: string;
	split?: boolean;
	delimiter?: string;
	length?: number;
}

export interface ModelConfig {
	type?: string;
	/** By token; of a Unigram model a list of tokens and scores. */
	vocab: Record<string, number> | [string, number][];
	merges?: unknown[];
	unk_token?: string | null;
	unk_id?: number | null;
	continuing_subword_prefix?: string | null;
	end_of_word_suffix?: string | null;
	byte_fallback?: boolean;
	fuse_unk?: boolean;
	ignore_merges?: boolean;
	dropout?: number | null;
}

/** What is put around a text. */
export interface PostProcessorConfig {
	type: string;
	processors?: PostProcessorConfig[];
	/** Of a template. */
	single?: { SpecialToken?: { id: string }; Sequence?: unknown }[];
	/** Of BERT's and RoBERTa's: the token that stands first, and its id. */
	cls?: [string, number];
}

export interface Config {
	added_tokens: AddedToken[];
	normalizer: NormalizerConfig | null;
	pre_tokenizer: PreTokenizerConfig | null;
	decoder: DecoderConfig | null;
	post_processor?: PostProcessorConfig | null;
	model: ModelConfig;
}

/** `what`: a part of a tokenizer, in the words of its file. */
export function unsupported(what: string, type: unknown): EngineError {
	return new EngineError(
		`The model's tokenizer.json cannot be used (its ${what} ${quoted(String(type))} is not supported): choose another model.`,
		'bad-model',
	);
}

/** The library knows how the patterns, which are written for Oniguruma, read in JavaScript. */
export function compiled(pattern: Pattern | string): RegExp {
	const wanted = typeof pattern === 'string' ? { Regex: pattern } : pattern;
	const { pattern: found } = new SplitPreTokenizer({ type: 'Split', pattern: wanted as { Regex: string }, behavior: 'Isolated', invert: true });
	if (found === null) {
		throw unsupported('pattern', JSON.stringify(wanted));
	}
	return found;
}
