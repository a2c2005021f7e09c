/**
 * Where the parts of a JSON file lie, without holding it: a log of gigabytes is one object whose samples are wanted one at a time. Only
 * brackets and texts are looked at; each part is checked when it is parsed.
 */
import type { ByteSource } from '../bytes';
import type { Range } from '../../shared/range';
import { isSpace, JSON_BYTES, stringEnd } from './json';
import { MAX_JSON_DEPTH, MAX_RECORD_BYTES, MAX_SAMPLES, refuse, SCAN_BYTES } from './limits';

const { QUOTE, COMMA, COLON, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT } = JSON_BYTES;
/** Longer names than any format has. */
const MAX_NAME = 1_000;
/** Members of the outermost object: no format has more, but a hostile one costs memory for each. */
const MAX_MEMBERS = 100_000;

export interface JsonOutline {
	kind: 'object' | 'list';
	/** Of the outermost object. */
	members: ReadonlyMap<string, Range>;
	/** Of the outermost list, or of the object's member that was asked for. */
	elements: readonly Range[];
	/** Byte after the outermost value. */
	end: number;
}

/** Of the value that begins at the first byte which is no space. `list`: the member whose elements are wanted. */
export async function outlineJson(bytes: ByteSource, list: string): Promise<JsonOutline> {
	const scan = new Scan(list);
	for (let offset = 0; offset < bytes.size; offset += SCAN_BYTES) {
		if (scan.push(await bytes.read(offset, Math.min(SCAN_BYTES, bytes.size - offset)), offset)) {
			return scan.result();
		}
	}
	return refuse(`it ends before its JSON does, after ${bytes.size} bytes`, 'copy or download it again');
}

class Scan {
	private depth = 0;
	private kind?: JsonOutline['kind'];
	/** Inside a text; `escaped`: after a backslash. */
	private quoted = false;
	private escaped = false;
	/** Bytes of the name that is being read; undefined where a text is no name of the outermost object. */
	private name?: number[];
	private key = '';
	private expectKey = false;
	/** Where the open value of the outermost object, and of the wanted list, begins. */
	private readonly starts: [number | undefined, number | undefined] = [undefined, undefined];
	private inList = false;
	private end = -1;
	private readonly members = new Map<string, Range>();
	private readonly elements: Range[] = [];

	constructor(private readonly list: string) {}

	result(): JsonOutline {
		return { kind: this.kind!, members: this.members, elements: this.elements, end: this.end };
	}

	/** Whether the outermost value has ended. */
	push(chunk: Uint8Array, offset: number): boolean {
		for (let i = 0; i < chunk.length && this.end < 0; i++) {
			i = this.quoted ? this.text(chunk, i) : this.step(chunk, i, offset);
		}
		return this.end >= 0;
	}

	/** Goes on in a text that a chunk's border cut, or in a name. Returns the last position that was read. */
	private text(chunk: Uint8Array, from: number): number {
		for (let i = from; i < chunk.length; i++) {
			const byte = chunk[i]!;
			if (this.escaped) {
				this.escaped = false;
			} else if (byte === 0x5c) {
				this.escaped = true;
			} else if (byte === QUOTE) {
				this.quoted = false;
				this.endName();
				return i;
			}
			if (this.name && this.name.push(byte) > MAX_NAME) {
				refuse(`a name in it has more than ${MAX_NAME} bytes`);
			}
		}
		return chunk.length - 1;
	}

	private endName(): void {
		if (this.name) {
			try {
				this.key = JSON.parse(`"${new TextDecoder().decode(Uint8Array.from(this.name))}"`) as string;
			} catch {
				refuse('it is not valid JSON');
			}
			this.name = undefined;
		}
	}

	private step(chunk: Uint8Array, i: number, offset: number): number {
		const byte = chunk[i]!;
		if (isSpace(byte)) {
			return i;
		}
		this.begin(byte, offset + i);
		switch (byte) {
			case QUOTE:
				return this.openText(chunk, i);
			case OPEN_LIST:
			case OPEN_OBJECT:
				this.open(byte);
				break;
			case CLOSE_LIST:
			case CLOSE_OBJECT:
				this.close(offset + i);
				break;
			case COMMA:
				this.separate(offset + i);
				break;
			case COLON:
				if (this.depth === 1 && this.kind === 'object') {
					this.expectKey = false;
				}
				break;
		}
		return i;
	}

	/** A value may begin here, at either of the levels that are outlined. */
	private begin(byte: number, at: number): void {
		if (byte === COMMA || byte === COLON || byte === CLOSE_LIST || byte === CLOSE_OBJECT) {
			return;
		}
		if (this.depth === 1 && !(this.kind === 'object' && this.expectKey)) {
			this.starts[0] ??= at;
		} else if (this.depth === 2 && this.inList) {
			this.starts[1] ??= at;
		}
	}

	private openText(chunk: Uint8Array, i: number): number {
		if (this.depth === 1 && this.kind === 'object' && this.expectKey) {
			this.name = [];
		} else {
			const end = stringEnd(chunk, i);
			if (end >= 0) {
				return end - 1;
			}
		}
		this.quoted = true;
		return i;
	}

	private open(byte: number): void {
		if (this.depth === 0) {
			this.kind = byte === OPEN_OBJECT ? 'object' : 'list';
			this.expectKey = byte === OPEN_OBJECT;
		} else if (this.depth === 1) {
			this.inList = this.kind === 'object' && byte === OPEN_LIST && this.key === this.list;
		}
		if (++this.depth > MAX_JSON_DEPTH) {
			refuse(`it nests deeper than ${MAX_JSON_DEPTH} levels`);
		}
	}

	private close(at: number): void {
		if (this.depth === 2 && this.inList) {
			this.endElement(at);
			this.inList = false;
		} else if (this.depth === 1) {
			this.endMember(at);
			this.end = at + 1;
		}
		this.depth--;
	}

	private separate(at: number): void {
		if (this.depth === 2 && this.inList) {
			this.endElement(at);
		} else if (this.depth === 1) {
			this.endMember(at);
			this.expectKey = this.kind === 'object';
		}
	}

	private endElement(end: number): void {
		this.add(this.starts[1], end);
		this.starts[1] = undefined;
	}

	private endMember(end: number): void {
		const [start] = this.starts;
		this.starts[0] = undefined;
		if (this.kind === 'list') {
			this.add(start, end);
		} else if (start !== undefined) {
			if (this.members.has(this.key)) {
				refuse('it names something twice in its outermost object', 'write it with one value for each name');
			}
			if (this.members.size >= MAX_MEMBERS) {
				refuse(`its outermost object has more than ${MAX_MEMBERS} members`);
			}
			this.members.set(this.key, { start, end });
		}
	}

	private add(start: number | undefined, end: number): void {
		if (start !== undefined && this.elements.push({ start, end }) > MAX_SAMPLES) {
			refuse(`it has more than ${MAX_SAMPLES} samples`, 'split it');
		}
	}
}

/** One part of the file, to be parsed. */
export async function readPart(bytes: ByteSource, { start, end }: Range, what: string): Promise<Uint8Array> {
	if (end - start > MAX_RECORD_BYTES) {
		refuse(`${what} has ${end - start} bytes, the limit is ${MAX_RECORD_BYTES}`, 'split it');
	}
	return bytes.read(start, end - start);
}
