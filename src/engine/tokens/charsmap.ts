/**
 * SentencePiece's normalisation rules as `tokenizer.json` carries them (`precompiled_charsmap`): a double-array trie (Darts) from
 * UTF-8 to offsets in a pool of replacements, which end with NUL. Layout: u32 length of the trie in bytes, the trie as u32, the pool;
 * little endian.
 */

/** Graphemes of more bytes are looked up character by character, as in the reference implementation. */
const MAX_GRAPHEME_BYTES = 5;
/** The published maps have 300 kB. */
const MAX_MAP = 16 * 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const graphemes = new Intl.Segmenter('und', { granularity: 'grapheme' });
/** UTF-16 units that the segmenter sees at once: it takes quadratic time. Longer graphemes are taken apart at such places. */
const WINDOW = 64;
/** What may be joined to what stands beside it; printable ASCII among its like is always on its own. */
const JOINED = /[\x20-\x7e]?(?:[^\x20-\x7e][\x20-\x7e]?)+/gu;

export class Charsmap {
	private constructor(
		private readonly units: Uint32Array,
		private readonly pool: Uint8Array,
	) {}

	/** Undefined where the text is no such map. */
	static parse(base64: string): Charsmap | undefined {
		const bytes = Uint8Array.from(Buffer.from(base64.slice(0, MAX_MAP), 'base64'));
		const length = bytes.length < 4 ? 0 : new DataView(bytes.buffer).getUint32(0, true);
		if (length === 0 || length % 4 !== 0 || 4 + length > bytes.length) {
			return undefined;
		}
		const view = new DataView(bytes.buffer, 4, length);
		return new Charsmap(
			Uint32Array.from({ length: length / 4 }, (_, i) => view.getUint32(4 * i, true)),
			bytes.subarray(4 + length),
		);
	}

	/** What changes in a text, in order: whole graphemes first, else their characters. */
	*edits(text: string): Generator<{ start: number; end: number; text: string }> {
		for (const { start, part } of split(text)) {
			const whole = encoder.encode(part);
			const mapped = whole.length <= MAX_GRAPHEME_BYTES ? this.lookup(whole) : undefined;
			if (mapped !== undefined) {
				yield { start, end: start + part.length, text: mapped };
				continue;
			}
			let at = start;
			for (const character of part) {
				const single = this.lookup(encoder.encode(character));
				if (single !== undefined) {
					yield { start: at, end: at + character.length, text: single };
				}
				at += character.length;
			}
		}
	}

	/** The replacement of the shortest beginning of `key` that has one, as the reference implementation has it. */
	private lookup(key: Uint8Array): string | undefined {
		let node = offsetOf(this.units[0]!);
		for (const byte of key) {
			if (byte === 0) {
				return undefined;
			}
			node ^= byte;
			const unit = this.units[node];
			if (unit === undefined || (unit & 0x8000_00ff) !== byte) {
				return undefined;
			}
			node ^= offsetOf(unit);
			if ((unit >>> 8) & 1) {
				const start = (this.units[node] ?? 0) & 0x7fff_ffff;
				const end = this.pool.indexOf(0, start);
				return decoder.decode(this.pool.subarray(start, end < 0 ? undefined : end));
			}
		}
		return undefined;
	}
}

function offsetOf(unit: number): number {
	return (unit >>> 10) << ((unit & 0x200) >>> 6);
}

/** Graphemes; the segmenter is slow, so it sees only what it could join. */
function* split(text: string): Generator<{ start: number; part: string }> {
	let done = 0;
	for (const { index, 0: joined } of text.matchAll(JOINED)) {
		for (; done < index; done++) {
			yield { start: done, part: text[done]! };
		}
		const end = index + joined.length;
		while (done < end) {
			const window = text.slice(done, Math.min(done + WINDOW, end));
			const segments = [...graphemes.segment(window)];
			// The last one may go on behind the window.
			const whole = done + window.length < end && segments.length > 1 ? segments.slice(0, -1) : segments;
			for (const { segment } of whole) {
				yield { start: done, part: segment };
				done += segment.length;
			}
		}
	}
	for (; done < text.length; done++) {
		yield { start: done, part: text[done]! };
	}
}
