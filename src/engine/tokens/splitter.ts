/** The pre-tokenizers of `tokenizer.json`, as the reference implementation has them: they cut a text into the pieces that a model cuts further. */
import type { Range } from '../../shared/range';
import type { Aligned } from './aligned';
import { byteLetters } from './surface';
import { compiled, unsupported, type PreTokenizerConfig } from './config';

export type Splitter = (text: Aligned) => Aligned[];

type Behaviour = 'removed' | 'isolated' | 'mergedwithprevious' | 'mergedwithnext' | 'contiguous';

const BEHAVIOURS: ReadonlySet<string> = new Set<Behaviour>(['removed', 'isolated', 'mergedwithprevious', 'mergedwithnext', 'contiguous']);
/** GPT-2's words. */
const WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const SPACES = /\p{White_Space}/gu;
const PUNCTUATION = /[!-/:-@[-`{-~\p{P}]/gu;
/** Words, and runs of what is neither word nor space. */
const RUNS =
	/[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]+|[^\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}\p{White_Space}]+/gu;

/** Fails where a pre-tokenizer is not known here. */
export function splitterOf(config: PreTokenizerConfig | null | undefined): Splitter {
	if (!config) {
		return (text) => [text];
	}
	switch (config.type) {
		case 'Sequence':
			return inOrder((config.pretokenizers ?? []).map(splitterOf));
		case 'ByteLevel':
			return byteLevel(config);
		case 'Metaspace':
			return metaspace(config);
		case 'Split':
			return cut(compiled(config.pattern ?? {}), behaviour(config, 'removed'), config.invert);
		case 'Whitespace':
			return cut(RUNS, 'removed', true);
		case 'WhitespaceSplit':
			return cut(SPACES, 'removed');
		case 'BertPreTokenizer':
			return inOrder([cut(SPACES, 'removed'), cut(PUNCTUATION, 'isolated')]);
		case 'Punctuation':
			return cut(PUNCTUATION, behaviour(config, 'isolated'));
		case 'Digits':
			return cut(/\p{N}/gu, config.individual_digits ? 'isolated' : 'contiguous');
		case 'CharDelimiterSplit':
			return cut(compiled({ String: config.delimiter ?? '' }), 'removed');
		case 'FixedLength':
			return cut(new RegExp(`.{1,${Math.max(1, Math.trunc(config.length ?? 5))}}`, 'gsu'), 'isolated');
		default:
			throw unsupported('pre-tokenizer', config.type);
	}
}

function inOrder(steps: readonly Splitter[]): Splitter {
	return (text) => steps.reduce((pieces, step) => pieces.flatMap(step), [text]);
}

/** Each byte becomes a letter of its own; a character's bytes share its origin. */
function byteLevel({ add_prefix_space: prefixed = true, use_regex: words = true }: PreTokenizerConfig): Splitter {
	const split = words ? cut(compiled(WORDS), 'isolated') : (text: Aligned) => [text];
	return (text) => {
		const whole = prefixed && !text.text.startsWith(' ') ? text.prepended(' ') : text;
		return split(whole).map((piece) => piece.replaced(/[^!-~]/gsu, byteLetters));
	};
}

function metaspace({ replacement = '▁', prepend_scheme, add_prefix_space = true, split = true }: PreTokenizerConfig): Splitter {
	const scheme = prepend_scheme ?? (add_prefix_space ? 'always' : 'never');
	const apart = split ? cut(compiled({ String: replacement }), 'mergedwithnext') : (text: Aligned) => [text];
	return (text) => {
		const marked = text.replaced(/ /g, () => replacement);
		const first = scheme === 'always' || (scheme === 'first' && text.whole.start === 0);
		return apart(first && !marked.text.startsWith(replacement) ? marked.prepended(replacement) : marked);
	};
}

function behaviour({ behavior }: PreTokenizerConfig, usual: Behaviour): Behaviour {
	const found = behavior?.replaceAll('_', '').toLowerCase() ?? usual;
	if (!BEHAVIOURS.has(found)) {
		throw unsupported('behaviour of a pre-tokenizer', behavior);
	}
	return found as Behaviour;
}

interface Part extends Range {
	/** What the pattern finds. */
	found: boolean;
}

/** @param invert what the pattern does not find is what it is about. */
function cut(pattern: RegExp, how: Behaviour, invert = false): Splitter {
	return (text) => {
		const parts = joined(partsOf(text.text, pattern, invert), how);
		return parts.length === 1 && parts[0]!.end - parts[0]!.start === text.text.length ? [text] : parts.map((part) => text.slice(part));
	};
}

/** What the pattern finds and what lies between; empty parts are left out. */
function partsOf(text: string, pattern: RegExp, invert: boolean): Part[] {
	const parts: Part[] = [];
	let done = 0;
	const add = (end: number, found: boolean) => {
		if (done < end) {
			parts.push({ start: done, end, found: found !== invert });
			done = end;
		}
	};
	for (const match of text.matchAll(pattern)) {
		add(match.index, false);
		add(match.index + match[0].length, true);
	}
	add(text.length, false);
	return parts;
}

function joined(parts: readonly Part[], how: Behaviour): readonly Part[] {
	switch (how) {
		case 'isolated':
			return parts;
		case 'removed':
			return parts.filter(({ found }) => !found);
		case 'contiguous':
			return merged(parts, (before, part) => before.found === part.found);
		case 'mergedwithprevious':
			return merged(parts, (before, part) => part.found && !before.found);
		case 'mergedwithnext':
			return merged(parts, (before, part) => before.found && !part.found);
	}
}

/** `joins` sees two parts that follow each other, as they were found. */
function merged(parts: readonly Part[], joins: (before: Part, part: Part) => boolean): Part[] {
	const out: Part[] = [];
	for (const [i, part] of parts.entries()) {
		if (i > 0 && joins(parts[i - 1]!, part)) {
			out.at(-1)!.end = part.end;
		} else {
			out.push({ ...part });
		}
	}
	return out;
}
