/** Random access to the bytes of a file, wherever it lies. */
export interface ByteSource {
	/** In bytes. */
	readonly size: number;
	/** Exactly `length` bytes from `offset`, in a buffer of the caller's own. Fails where the source is shorter. */
	read(offset: number, length: number): Promise<Uint8Array>;
	dispose(): void;
}

/** A source over bytes in memory: files of virtual workspaces, and tests. */
export function memoryBytes(bytes: Uint8Array): ByteSource {
	return {
		size: bytes.byteLength,
		read: async (offset, length) => {
			if (offset < 0 || length < 0 || offset + length > bytes.byteLength) {
				throw new RangeError(
					`Bytes ${offset} to ${offset + length} lie outside the ${bytes.byteLength} bytes there are.`,
				);
			}
			// By constructor, because a Buffer's `slice` does not copy.
			return new Uint8Array(bytes.subarray(offset, offset + length));
		},
		dispose: () => {},
	};
}
