/** Lines of a file, one after the other, none of them longer than a record may be. */
import type { ByteSource } from '../bytes';
import { isSpace } from './json';
import { MAX_RECORD_BYTES, refuse, SCAN_BYTES } from './limits';

const NEWLINE = 0x0a;

export interface Line {
	/** From 1. */
	number: number;
	/** Without its end. */
	bytes: Uint8Array;
}

/** Lines that hold more than spaces. */
export async function* lines(bytes: ByteSource): AsyncGenerator<Line> {
	let number = 1;
	let pending: Uint8Array[] = [];
	let length = 0;
	const take = (): Line | undefined => {
		const line = joined(pending, length);
		[pending, length] = [[], 0];
		return line.every(isSpace) ? undefined : { number, bytes: line };
	};
	for (let offset = 0; offset < bytes.size; offset += SCAN_BYTES) {
		const chunk = await bytes.read(offset, Math.min(SCAN_BYTES, bytes.size - offset));
		let start = 0;
		for (let end = chunk.indexOf(NEWLINE); end >= 0; end = chunk.indexOf(NEWLINE, start)) {
			pending.push(chunk.subarray(start, end));
			length += end - start;
			const line = take();
			if (line) {
				yield line;
			}
			number++;
			start = end + 1;
		}
		pending.push(chunk.subarray(start));
		length += chunk.length - start;
		if (length > MAX_RECORD_BYTES) {
			refuse(`line ${number} has more than ${MAX_RECORD_BYTES} bytes`, 'split it');
		}
	}
	const last = take();
	if (last) {
		yield last;
	}
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
	const out = new Uint8Array(length);
	let at = 0;
	for (const part of parts) {
		out.set(part, at);
		at += part.length;
	}
	return out;
}
