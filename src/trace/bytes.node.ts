import { constants, fstatSync, readSync, statSync, type BigIntStats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { ByteSource } from './bytes';
import { TraceError } from './error';

/**
 * Up to this many bytes are read at once where they are asked for: from the page cache that takes microseconds, and a promise for each
 * system call would take ten times as long. A position of a large model at every site has as many.
 */
const MAX_DIRECT_BYTES = 2 ** 20;
/** A pipe that carries the name of a trace would keep whoever opens it waiting for ever. Windows has neither. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

const EXACT = { bigint: true } as const;

/** Reads one file by byte range. A file that was replaced or written to meanwhile is an error, never a mixture of two files. */
export async function openFile(path: string): Promise<ByteSource> {
	const handle = await open(path, OPEN_FLAGS).catch((error: unknown) => {
		throw unreadable('opened', error);
	});
	const first = await handle.stat(EXACT);
	if (!first.isFile()) {
		await handle.close();
		throw new TraceError('This is not a regular file: choose a file that ends in .trace.safetensors.', 'cannot-read');
	}
	return new FileBytes(path, handle, first);
}

class FileBytes implements ByteSource {
	readonly size: number;
	private disposed = false;

	constructor(
		private readonly path: string,
		private readonly handle: FileHandle,
		private readonly first: BigIntStats,
	) {
		this.size = Number(first.size);
	}

	async read(offset: number, length: number): Promise<Uint8Array> {
		if (this.disposed) {
			throw replaced('was closed while it was being read');
		}
		if (offset < 0 || length < 0 || offset + length > this.size) {
			throw new RangeError(`Bytes ${offset} to ${offset + length} lie outside the ${this.size} bytes there are.`);
		}
		const out = new Uint8Array(length);
		try {
			await (length <= MAX_DIRECT_BYTES ? this.fillDirectly(out, offset) : this.fill(out, offset));
		} catch (error) {
			throw error instanceof TraceError ? error : unreadable('read', error);
		}
		return out;
	}

	dispose(): void {
		this.disposed = true;
		void this.handle.close().catch(() => {});
	}

	private async fill(out: Uint8Array, offset: number): Promise<void> {
		for (let filled = 0; filled < out.length;) {
			filled += some((await this.handle.read(out, filled, out.length - filled, offset + filled)).bytesRead);
		}
		const [now, named] = await Promise.all([this.handle.stat(EXACT), stat(this.path, EXACT).catch(() => undefined)]);
		this.checkUnchanged(now, named);
	}

	private fillDirectly(out: Uint8Array, offset: number): void {
		const { fd } = this.handle;
		for (let filled = 0; filled < out.length;) {
			filled += some(readSync(fd, out, filled, out.length - filled, offset + filled));
		}
		this.checkUnchanged(fstatSync(fd, EXACT), statOf(this.path));
	}

	/** Called when bytes have been read, so that nothing can have changed between this and them. A file that was only removed stays readable. */
	private checkUnchanged({ size, mtimeNs }: BigIntStats, named: BigIntStats | undefined): void {
		if (size !== this.first.size || mtimeNs !== this.first.mtimeNs || (named && named.ino !== this.first.ino)) {
			throw replaced('has changed since it was opened');
		}
	}
}

function statOf(path: string): BigIntStats | undefined {
	try {
		return statSync(path, EXACT);
	} catch {
		return undefined;
	}
}

function some(bytesRead: number): number {
	if (bytesRead === 0) {
		throw replaced('has become shorter since it was opened');
	}
	return bytesRead;
}

function replaced(how: string): TraceError {
	return new TraceError(`The file ${how}: close it and open it again.`, 'replaced');
}

function unreadable(what: 'opened' | 'read', error: unknown): TraceError {
	const { code, message } = error as NodeJS.ErrnoException;
	return new TraceError(`The file cannot be ${what} (${code ?? message}): check that it exists and may be read.`, 'cannot-read');
}
