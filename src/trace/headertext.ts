/**
 * The grammar of a safetensors header, a small part of JSON. An own parser, because `JSON.parse` nests five million levels
 * deep, keeps the last of two equal keys, rounds 2^53 + 1 and turns `__proto__` into a prototype; this one nests nowhere and
 * refuses the rest.
 */

export interface HeaderEntry {
	name: string;
	dtype: string;
	shape: number[];
	offsets: [number, number];
}

export interface HeaderText {
	metadata: Map<string, string>;
	entries: HeaderEntry[];
}

type Refuse = (what: string) => never;

/** No integer that is safe has more than 16 digits. */
const INTEGER = /0|[1-9][0-9]{0,15}/y;
const ESCAPED: ReadonlyMap<string, string> = new Map(
	Object.entries({ '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' }),
);
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const SPACE = ' \t\r\n';
/** A shape or a pair of offsets; longer lists are refused before they are built. */
const MAX_LIST = 16;

export function parseHeaderText(header: Uint8Array, maxTensors: number, refuse: Refuse): HeaderText {
	let text: string;
	try {
		text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
	} catch {
		refuse('its header is not UTF-8');
	}
	return new HeaderParser(text, maxTensors, refuse).parse();
}

class HeaderParser {
	private at = 0;

	constructor(
		private readonly text: string,
		private readonly maxTensors: number,
		private readonly refuse: Refuse,
	) {}

	parse(): HeaderText {
		let metadata: Map<string, string> | undefined;
		const entries: HeaderEntry[] = [];
		if (!this.text.startsWith('{')) {
			this.fail();
		}
		this.object((name) => {
			if (name === '__metadata__') {
				metadata = new Map();
				this.object((key) => void metadata!.set(key, this.string()));
			} else if (entries.length < this.maxTensors) {
				entries.push(this.entry(name));
			} else {
				this.refuse(`it has more than ${this.maxTensors} tensors`);
			}
		});
		this.space();
		return this.at === this.text.length ? { metadata: metadata ?? new Map(), entries } : this.fail();
	}

	private entry(name: string): HeaderEntry {
		let dtype: string | undefined;
		let shape: number[] | undefined;
		let offsets: number[] | undefined;
		this.object((key) => {
			if (key === 'dtype') {
				dtype = this.string();
			} else if (key === 'shape') {
				shape = this.integers();
			} else if (key === 'data_offsets') {
				offsets = this.integers();
			} else {
				this.fail();
			}
		});
		if (dtype === undefined || shape === undefined || offsets?.length !== 2) {
			return this.fail();
		}
		return { name, dtype, shape, offsets: [offsets[0]!, offsets[1]!] };
	}

	/** Calls `member` after each key; it has to read the value. */
	private object(member: (key: string) => void): void {
		const keys = new Set<string>();
		this.list('{', '}', () => {
			const key = this.string();
			if (keys.has(key)) {
				this.refuse(`its header names something twice, at character ${this.at}`);
			}
			keys.add(key);
			this.expect(':');
			member(key);
		});
	}

	private integers(): number[] {
		const out: number[] = [];
		this.list('[', ']', () => {
			if (out.push(this.integer()) > MAX_LIST) {
				this.fail();
			}
		});
		return out;
	}

	private list(open: string, close: string, item: () => void): void {
		this.expect(open);
		if (this.accept(close)) {
			return;
		}
		do {
			item();
		} while (this.accept(','));
		this.expect(close);
	}

	/** Scanned by hand: a pattern would keep a state for each of the millions of characters that a hostile name can have. */
	private string(): string {
		this.expect('"');
		let value = '';
		let start = this.at;
		for (;;) {
			const code = this.text.charCodeAt(this.at);
			if (code === QUOTE) {
				value += this.text.slice(start, this.at++);
				// A lone surrogate has no UTF-8, so two names that differ here could be one elsewhere.
				return /\p{Cs}/u.test(value) ? this.fail() : value;
			}
			if (code === BACKSLASH) {
				value += this.text.slice(start, this.at) + this.escape();
				start = this.at;
			} else if (code >= 0x20) {
				this.at++;
			} else {
				// A control character, or NaN at the end of the text.
				this.fail();
			}
		}
	}

	private escape(): string {
		const letter = this.text[this.at + 1] ?? '';
		if (letter === 'u') {
			const hex = this.text.slice(this.at + 2, this.at + 6);
			this.at += 6;
			return /^[0-9a-fA-F]{4}$/.test(hex) ? String.fromCharCode(parseInt(hex, 16)) : this.fail();
		}
		this.at += 2;
		return ESCAPED.get(letter) ?? this.fail();
	}

	private integer(): number {
		this.space();
		INTEGER.lastIndex = this.at;
		const [digits] = INTEGER.exec(this.text) ?? this.fail();
		this.at += digits.length;
		return Number.isSafeInteger(Number(digits)) ? Number(digits) : this.fail();
	}

	private space(): void {
		while (this.at < this.text.length && SPACE.includes(this.text[this.at]!)) {
			this.at++;
		}
	}

	private accept(character: string): boolean {
		this.space();
		const found = this.text[this.at] === character;
		this.at += found ? 1 : 0;
		return found;
	}

	private expect(character: string): void {
		if (!this.accept(character)) {
			this.fail();
		}
	}

	private fail(): never {
		return this.refuse(`its header is damaged at character ${this.at}`);
	}
}
