/**
 * A text under normalisation that remembers, for each of its UTF-16 code units, which stretch of the original it came from. The
 * tokenizer library has no offsets, so its normalisers are followed step by step here.
 */
import type { Range } from '../shared/range';

/** A normaliser of `tokenizer.json`. */
export interface NormalizerConfig {
	type: string;
	normalizers?: NormalizerConfig[];
	pattern?: { Regex?: string; String?: string };
	content?: string;
	prepend?: string;
	strip_left?: boolean;
	strip_right?: boolean;
}

/** A letter with the marks that combine with it: what Unicode normalisation may join or take apart. */
const CLUSTER = /\P{M}\p{M}*|\p{M}+/gu;

export class Aligned {
	private constructor(
		readonly text: string,
		/** Where code unit i came from, in the original; `ends` exclusive. Both ascend. */
		private readonly starts: readonly number[],
		private readonly ends: readonly number[],
		/** End of the original. */
		private readonly end: number,
	) {}

	/** `original.slice(range)` as it is. */
	static of(original: string, range: Range): Aligned {
		const text = original.slice(range.start, range.end);
		const starts = Array.from({ length: text.length }, (_, i) => range.start + i);
		return new Aligned(
			text,
			starts,
			starts.map((start) => start + 1),
			range.end,
		);
	}

	/** What of the original became the code units [start, end). */
	origin(range: Range): Range {
		if (range.start >= range.end) {
			const at = this.starts[range.start] ?? this.end;
			return { start: at, end: at };
		}
		return { start: this.starts[range.start]!, end: this.ends[range.end - 1]! };
	}

	slice(range: Range): Aligned {
		const end = this.starts[range.end] ?? this.end;
		return new Aligned(
			this.text.slice(range.start, range.end),
			this.starts.slice(range.start, range.end),
			this.ends.slice(range.start, range.end),
			end,
		);
	}

	/** Undefined where the normaliser is not known here. */
	normalised(config: NormalizerConfig): Aligned | undefined {
		switch (config.type) {
			case 'Sequence':
				return (config.normalizers ?? []).reduce<Aligned | undefined>((aligned, step) => aligned?.normalised(step), this);
			case 'Replace':
				return this.replaced(pattern(config), () => config.content ?? '');
			case 'Prepend':
				return this.text === ''
					? this
					: new Aligned(
							config.prepend + this.text,
							[...repeat(this.starts[0]!, config.prepend!.length), ...this.starts],
							[...repeat(this.starts[0]!, config.prepend!.length), ...this.ends],
							this.end,
						);
			case 'Strip':
				return this.slice({
					start: config.strip_left === false ? 0 : this.text.length - this.text.trimStart().length,
					end: config.strip_right === false ? this.text.length : this.text.trimEnd().length,
				});
			case 'Lowercase':
				return this.replaced(/./gsu, (character) => character.toLowerCase());
			case 'StripAccents':
				return this.replaced(/\p{Mn}/gu, () => '');
			case 'NFC':
			case 'NFD':
			case 'NFKC':
			case 'NFKD': {
				const { type } = config;
				return this.replaced(CLUSTER, (cluster) => cluster.normalize(type));
			}
			default:
				return undefined;
		}
	}

	/** Every match becomes one stretch: each code unit of its replacement came from the whole of it. */
	private replaced(wanted: RegExp, replace: (match: string) => string): Aligned {
		const starts: number[] = [];
		const ends: number[] = [];
		let text = '';
		let done = 0;
		const keep = (to: number) => {
			for (let i = done; i < to; i++) {
				starts.push(this.starts[i]!);
				ends.push(this.ends[i]!);
			}
			text += this.text.slice(done, to);
			done = to;
		};
		for (const match of this.text.matchAll(wanted)) {
			keep(match.index);
			done = match.index + match[0].length;
			const origin = this.origin({ start: match.index, end: done });
			const replacement = replace(match[0]);
			text += replacement;
			starts.push(...repeat(origin.start, replacement.length));
			ends.push(...repeat(origin.end, replacement.length));
		}
		keep(this.text.length);
		return new Aligned(text, starts, ends, this.end);
	}
}

function repeat(value: number, times: number): number[] {
	return new Array<number>(times).fill(value);
}

function pattern({ pattern: source }: NormalizerConfig): RegExp {
	return new RegExp(source?.Regex ?? (source?.String ?? '').replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&'), 'gu');
}
