/** The models of `tokenizer.json`: what they cut a piece into, and where in the piece each token stands. */
import { BPE, Unigram, WordPiece, type Tokenizer } from '@huggingface/tokenizers';
import type { Range } from '../../shared/range';
import { EngineError, quoted } from '../error';
import { unsupported, type Config, type ModelConfig } from './config';

export interface Token extends Range {
	id: number;
}

/** UTF-16 ranges in the piece, ascending; tokens that are parts of one character share its range. */
export type Subwords = (piece: string) => Token[];

type Model = NonNullable<Tokenizer['model']>;
type IdOf = (entry: string) => number | undefined;

interface Vocabulary {
	/** Of the model's own entries, which added tokens are no part of. */
	idOf: IdOf;
	unknownId?: number;
	shown: (entry: string) => string;
}

const utf8 = new TextEncoder();

/** @param shown the text of an entry, for messages. */
export function subwordsOf({ model: config, added_tokens: added }: Config, model: Model, shown: (entry: string) => string): Subwords {
	const ids = model.tokens_to_ids;
	const own = Array.isArray(config.vocab) ? new Map(config.vocab.map(([entry], id) => [entry, id])) : config.vocab;
	const foreign = new Set(added.map(({ content }) => content).filter((entry) => (own instanceof Map ? !own.has(entry) : !Object.hasOwn(own, entry))));
	const vocabulary: Vocabulary = {
		idOf: (entry) => (foreign.has(entry) ? undefined : ids.get(entry)),
		unknownId: unknownIdOf(config, (entry) => ids.get(entry)),
		shown,
	};
	switch (typeOf(config)) {
		case 'BPE':
			return byPairs(config, model as BPE, vocabulary);
		case 'Unigram':
			return byLikelihood(config, model as Unigram, vocabulary);
		case 'WordPiece':
			return byLongest(config, model as WordPiece, vocabulary);
		case 'WordLevel':
			return (piece) => [{ id: vocabulary.idOf(piece) ?? unknown(piece, vocabulary), start: 0, end: piece.length }];
	}
}

const TYPES = ['BPE', 'Unigram', 'WordPiece', 'WordLevel'] as const;

/** Files of the first versions do not say. Fails where the model is of a kind that is not known here. */
export function typeOf({ type, vocab, merges, continuing_subword_prefix: prefix }: ModelConfig): (typeof TYPES)[number] {
	const guess = Array.isArray(vocab) ? 'Unigram' : merges ? 'BPE' : prefix === undefined ? 'WordLevel' : 'WordPiece';
	const found = type === undefined ? guess : TYPES.find((known) => known === type);
	if (found === undefined) {
		throw unsupported('model', type);
	}
	return found;
}

function byPairs(config: ModelConfig, model: BPE, vocabulary: Vocabulary): Subwords {
	const { idOf } = vocabulary;
	if (config.continuing_subword_prefix) {
		throw unsupported('prefix inside words', config.continuing_subword_prefix);
	}
	if (config.dropout) {
		throw unsupported('dropout', config.dropout);
	}
	const suffix = config.end_of_word_suffix?.length ?? 0;
	return (piece) => {
		const whole = config.ignore_merges ? idOf(piece) : undefined;
		if (whole !== undefined) {
			return [{ id: whole, start: 0, end: piece.length }];
		}
		const parts = model.bpe(piece);
		const tokens: Token[] = [];
		/** Whether the token before is an unknown one, which more unknown characters lengthen. */
		let open = false;
		let start = 0;
		for (const [i, part] of parts.entries()) {
			const end = start + part.length - (i === parts.length - 1 ? suffix : 0);
			const id = idOf(part);
			const bytes = id === undefined && config.byte_fallback ? byteIds(part, idOf) : undefined;
			if (id === undefined && !bytes && open) {
				tokens.at(-1)!.end = end;
			} else {
				tokens.push(...(bytes ?? [id ?? unknown(part, vocabulary)]).map((found) => ({ id: found, start, end })));
				open = id === undefined && !bytes && config.fuse_unk === true;
			}
			start = end;
		}
		return tokens;
	};
}

/** Characters that the vocabulary lacks are one unknown word, as long as they follow each other. */
function byLikelihood(config: ModelConfig, model: Unigram, vocabulary: Vocabulary): Subwords {
	const { idOf } = vocabulary;
	return (piece) => {
		const parts: { text: string; id?: number }[] = [];
		for (const text of model.tokenize(piece)) {
			const id = idOf(text);
			const last = parts.at(-1);
			if (id === undefined && last && last.id === undefined) {
				last.text += text;
			} else {
				parts.push({ text, id });
			}
		}
		let start = 0;
		return parts.flatMap(({ text, id }) => {
			const end = start + text.length;
			const found = id !== undefined ? [id] : ((config.byte_fallback && byteIds(text, idOf)) || [unknown(text, vocabulary)]);
			const tokens = found.map((one) => ({ id: one, start, end }));
			start = end;
			return tokens;
		});
	};
}

/** A word that is not made of entries is unknown as a whole. */
function byLongest(config: ModelConfig, model: WordPiece, vocabulary: Vocabulary): Subwords {
	const { idOf } = vocabulary;
	const prefix = config.continuing_subword_prefix?.length ?? 0;
	return (piece) => {
		const parts = model.encode([piece]);
		const end = piece.length;
		if (parts.length === 1) {
			return [{ id: idOf(parts[0]!) ?? unknown(piece, vocabulary), start: 0, end }];
		}
		let start = 0;
		return parts.map((part, i) => {
			const from = start;
			start += part.length - (i > 0 ? prefix : 0);
			return { id: idOf(part)!, start: from, end: start };
		});
	};
}

/** Undefined where the vocabulary lacks one of them. */
function byteIds(text: string, idOf: IdOf): number[] | undefined {
	const ids = [...utf8.encode(text)].map((byte) => idOf(`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`));
	return ids.every((id) => id !== undefined) ? ids : undefined;
}

/** What stands for words outside the vocabulary; undefined where every text has tokens. */
export function unknownIdOf({ unk_token: token, unk_id: id }: ModelConfig, idOf: IdOf): number | undefined {
	return id ?? (token ? idOf(token) : undefined);
}

/** The reference implementation drops such text without a word; the prompt would then not be what the model was given. */
function unknown(text: string, { unknownId, shown }: Vocabulary): number {
	if (unknownId === undefined) {
		throw new EngineError(`The model's vocabulary has no token for ${quoted(shown(text))}: leave it out of the prompt.`, 'bad-request');
	}
	return unknownId;
}
