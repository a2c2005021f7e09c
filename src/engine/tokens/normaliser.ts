/**
 * The normalisers of `tokenizer.json`, as the reference implementation (Python `tokenizers`) has them, which is what models are
 * trained with; each keeps track of where its output came from.
 */
import type { Aligned, Edit } from './aligned';
import { Charsmap } from './charsmap';
import { compiled, unsupported, type NormalizerConfig } from './config';

export type Normaliser = (text: Aligned) => Aligned;

type Form = 'NFC' | 'NFD' | 'NFKC' | 'NFKD';

/**
 * Characters that Unicode normalisation may join or reorder: a letter with its marks (half-width katakana's among them), a run of
 * Hangul parts, and the vowels of Kirat Rai.
 */
const CLUSTER =
	/[^\p{M}\uff9e\uff9f][\p{M}\uff9e\uff9f\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\ud7b0-\ud7fb\uffa0-\uffdc\u{16d63}-\u{16d6a}]*|[\p{M}\uff9e\uff9f]+/gu;
const CONTROL = /[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]/gu;
/** Blocks of ideographs, with the gap that the reference implementation has at U+2B820. */
const IDEOGRAPH =
	/[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u{20000}-\u{2a6df}\u{2a700}-\u{2b81f}\u{2b920}-\u{2ceaf}\u{2f800}-\u{2fa1f}]/gu;

const SPACE = /^\p{White_Space}$/u;

const lowercase: Normaliser = (text) => text.replaced(/\p{Changes_When_Lowercased}/gu, (character) => character.toLowerCase());
const deleted = (wanted: RegExp): Normaliser => (text) => text.replaced(wanted, () => '');
const nothing: Normaliser = (text) => text;

/** Fails where a normaliser is not known here: guessed tokens would be worse than none. */
export function normaliserOf(config: NormalizerConfig | null | undefined): Normaliser {
	if (!config) {
		return nothing;
	}
	switch (config.type) {
		case 'Sequence':
			return inOrder((config.normalizers ?? []).map(normaliserOf));
		case 'NFC':
		case 'NFD':
		case 'NFKC':
		case 'NFKD': {
			const { type } = config;
			return (text) => inForm(text, type);
		}
		case 'Lowercase':
			return lowercase;
		case 'StripAccents':
			return deleted(/\p{M}/gu);
		case 'Strip':
			return stripped(config);
		case 'Prepend':
			return (text) => text.prepended(config.prepend ?? '');
		case 'Replace': {
			const pattern = compiled(config.pattern ?? {});
			return (text) => text.replaced(pattern, () => config.content ?? '');
		}
		case 'BertNormalizer':
			return bert(config);
		case 'Precompiled':
			return precompiled(config);
		default:
			throw unsupported('normaliser', config.type);
	}
}

function inOrder(steps: readonly Normaliser[]): Normaliser {
	return (text) => steps.reduce((done, step) => step(done), text);
}

/** Characters that are joined or reordered share their origin; every other one keeps its own. */
function inForm(aligned: Aligned, form: Form): Aligned {
	const { text } = aligned;
	if (text.normalize(form) === text) {
		return aligned;
	}
	return aligned.rewritten(
		[...text.matchAll(CLUSTER)].flatMap(({ index, 0: cluster }): Edit[] => {
			const together = cluster.normalize(form);
			if (together === cluster) {
				return [];
			}
			const alone = inPlace(cluster, index, (character) => character.normalize(form));
			const same = alone.map((edit) => edit.text).join('') === together;
			return same ? alone : [{ start: index, end: index + cluster.length, text: together }];
		}),
	);
}

/** Each character on its own. */
function inPlace(text: string, from: number, become: (character: string) => string): Edit[] {
	let end = from;
	return [...text].map((character) => ({ start: end, end: (end += character.length), text: become(character) }));
}

function stripped({ strip_left: left = true, strip_right: right = true }: NormalizerConfig): Normaliser {
	return (aligned) => {
		const { text } = aligned;
		const start = left ? spaces(text, 0, 1) : 0;
		const end = right && start < text.length ? text.length - spaces(text, text.length - 1, -1) : text.length;
		const edges = [
			{ start: 0, end: start, text: '' },
			{ start: end, end: text.length, text: '' },
		];
		return aligned.rewritten(edges.filter((edge) => edge.start < edge.end));
	};
}

/** White space from a place on, in one direction. */
function spaces(text: string, from: number, step: 1 | -1): number {
	let count = 0;
	while (SPACE.test(text[from + count * step] ?? '')) {
		count++;
	}
	return count;
}

function bert(config: NormalizerConfig): Normaliser {
	const { clean_text: clean = true, handle_chinese_chars: apart = true, lowercase: lower = true } = config;
	return inOrder([
		...(clean ? [deleted(CONTROL), (text: Aligned) => text.replaced(/\p{White_Space}/gu, () => ' ')] : []),
		...(apart ? [(text: Aligned) => text.replaced(IDEOGRAPH, (character) => ` ${character} `)] : []),
		...((config.strip_accents ?? lower) ? [(text: Aligned) => inForm(text, 'NFD'), deleted(/\p{Mn}/gu)] : []),
		...(lower ? [lowercase] : []),
	]);
}

function precompiled({ type, precompiled_charsmap: base64 }: NormalizerConfig): Normaliser {
	if (!base64) {
		return nothing;
	}
	const map = Charsmap.parse(base64);
	if (!map) {
		throw unsupported('normaliser', type);
	}
	return (text) => text.rewritten([...map.edits(text.text)]);
}
