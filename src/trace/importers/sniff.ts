/** What kind of file it is, from its bytes: names lie, and a log is often renamed. */
import type { ByteSource } from '../bytes';
import { LENGTH_BYTES, MAX_HEADER_BYTES } from '../container';
import type { Found, ImportOptions } from './importer';
import { SAMPLES_MEMBER } from './inspectJson';
import { isSpace, JSON_BYTES } from './json';
import { outlineJson } from './jsonOutline';
import { isNpy } from './npy';
import { refuse, SCAN_BYTES } from './limits';
import { zipDirectory } from './zip';

/** Bytes that tell what a file is; what follows a JSON value is looked for in as many. */
const HEAD_BYTES = 64 * 1024;
/** A text file is held whole. */
const MAX_TEXT_BYTES = 64 * 2 ** 20;

/** First bytes of what is refused, and what to do about it. */
const OTHERS: readonly { magic: readonly number[]; what: string; advice: string }[] = [
	{ magic: [0x1f, 0x8b], what: 'it is compressed with gzip', advice: 'unpack it first' },
	{ magic: [0x28, 0xb5, 0x2f, 0xfd], what: 'it is compressed with zstd', advice: 'unpack it first' },
	{ magic: [0x89, 0x48, 0x44, 0x46], what: 'it is HDF5', advice: 'save its arrays with numpy.savez or safetensors' },
	{ magic: [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31], what: 'it is Arrow', advice: 'save it as parquet or JSONL' },
	{ magic: [0x47, 0x47, 0x55, 0x46], what: 'it is a GGUF model', advice: 'give a log, a data set or activations' },
	{ magic: [0xff, 0xfe], what: 'it is UTF-16', advice: 'save it as UTF-8' },
	{ magic: [0xfe, 0xff], what: 'it is UTF-16', advice: 'save it as UTF-8' },
];

/** What a pickle may do when it is opened, and what turns one into numbers. */
const PICKLE = 'save its tensors as numbers: safetensors.torch.save_file(torch.load(FILE, weights_only=True), "X.safetensors")';

export async function sniff(bytes: ByteSource, options: ImportOptions): Promise<Found> {
	if (bytes.size === 0) {
		refuse('it is empty', 'choose another file');
	}
	const head = await bytes.read(0, Math.min(HEAD_BYTES, bytes.size));
	const begins = (...magic: readonly number[]) => magic.every((byte, i) => head[i] === byte);
	const other = OTHERS.find(({ magic }) => begins(...magic));
	if (other) {
		refuse(other.what, other.advice);
	}
	if (begins(0x80) && head[1]! >= 2 && head[1]! <= 5) {
		refuse('it is a pickle, which is code and is never opened', PICKLE);
	}
	if (begins(0x50, 0x4b, 3, 4) || begins(0x50, 0x4b, 5, 6)) {
		const entries = await zipDirectory(bytes);
		if ([...entries.keys()].some((name) => /(^|\/)data\.pkl$/.test(name))) {
			refuse('it is a PyTorch file, whose pickle is code and is never opened', PICKLE);
		}
		return { bytes, options, container: 'zip', entries };
	}
	if (begins(0x50, 0x41, 0x52, 0x31)) {
		return { bytes, options, container: 'parquet' };
	}
	if (isNpy(head)) {
		return { bytes, options, container: 'npy' };
	}
	if (isSafetensors(head, bytes.size)) {
		return { bytes, options, container: 'safetensors' };
	}
	return textual(bytes, options, head);
}

/** The length of a header, and an object: text has no such length. */
function isSafetensors(head: Uint8Array, size: number): boolean {
	if (head.length <= LENGTH_BYTES || head[LENGTH_BYTES] !== JSON_BYTES.OPEN_OBJECT) {
		return false;
	}
	const length = new DataView(head.buffer, head.byteOffset).getBigUint64(0, true);
	return length <= BigInt(Math.max(size, MAX_HEADER_BYTES));
}

async function textual(bytes: ByteSource, options: ImportOptions, head: Uint8Array): Promise<Found> {
	const start = head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf ? 3 : 0;
	let at = start;
	while (at < head.length && isSpace(head[at])) {
		at++;
	}
	if (head[at] === JSON_BYTES.OPEN_OBJECT || (head[at] === JSON_BYTES.OPEN_LIST && isList(head, at))) {
		const source = start === 0 ? bytes : skipping(bytes, start);
		const outline = await outlineJson(source, SAMPLES_MEMBER);
		const more = await hasMore(source, outline.end);
		return more ? { bytes: source, options, container: 'jsonl' } : { bytes: source, options, container: 'json', outline };
	}
	if (head.includes(0)) {
		refuse('it is of a kind that is not known', 'give a log, a data set or activations');
	}
	if (bytes.size > MAX_TEXT_BYTES) {
		refuse(`it is text of ${bytes.size} bytes, the limit is ${MAX_TEXT_BYTES}`, 'split it');
	}
	try {
		return { bytes, options, container: 'text', text: new TextDecoder('utf-8', { fatal: true }).decode(await bytes.read(0, bytes.size)) };
	} catch {
		return refuse('it is neither UTF-8 text nor a kind that is known', 'save it as UTF-8, or give a log, a data set or activations');
	}
}

/** Text may begin with a tag in brackets, `[THINK]`; a list begins with a value. */
function isList(head: Uint8Array, at: number): boolean {
	let next = at + 1;
	while (isSpace(head[next])) {
		next++;
	}
	return /[[\]{"\d\-tfn]/.test(String.fromCharCode(head[next] ?? 0));
}

/** Whether anything but spaces follows. */
async function hasMore(bytes: ByteSource, end: number): Promise<boolean> {
	for (let offset = end; offset < bytes.size; offset += SCAN_BYTES) {
		const chunk = await bytes.read(offset, Math.min(SCAN_BYTES, bytes.size - offset));
		if (!chunk.every(isSpace)) {
			return true;
		}
	}
	return false;
}

function skipping(bytes: ByteSource, start: number): ByteSource {
	return { size: bytes.size - start, read: (offset, length) => bytes.read(offset + start, length), dispose: () => bytes.dispose() };
}
