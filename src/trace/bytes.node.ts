import { open, stat } from 'node:fs/promises';
import type { ByteSource } from './bytes';
import { TraceError } from './error';

/** Reads one file by byte range. A file that was replaced or written to meanwhile is an error, never a mixture of two files. */
export async function openFile(path: string): Promise<ByteSource> {
	const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
		throw new TraceError(
			`The file cannot be opened (${error.code ?? error.message}): check that it exists and may be read.`,
			'cannot-read',
		);
	});
	const first = await handle.stat();
	if (!first.isFile()) {
		await handle.close();
		throw new TraceError('This is not a regular file: choose a file that ends in .trace.safetensors.', 'cannot-read');
	}
	return {
		size: first.size,
		read: async (offset, length) => {
			const [now, named] = await Promise.all([handle.stat(), stat(path).catch(() => undefined)]);
			if (now.size !== first.size || now.mtimeMs !== first.mtimeMs || (named && named.ino !== first.ino)) {
				throw new TraceError('The file has changed since it was opened: close it and open it again.', 'replaced');
			}
			if (offset < 0 || length < 0 || offset + length > first.size) {
				throw new RangeError(`Bytes ${offset} to ${offset + length} lie outside the ${first.size} bytes there are.`);
			}
			const out = new Uint8Array(length);
			for (let filled = 0; filled < length;) {
				const { bytesRead } = await handle.read(out, filled, length - filled, offset + filled);
				if (bytesRead === 0) {
					throw new TraceError(
						'The file has become shorter since it was opened: close it and open it again.',
						'replaced',
					);
				}
				filled += bytesRead;
			}
			return out;
		},
		dispose: () => void handle.close().catch(() => {}),
	};
}
