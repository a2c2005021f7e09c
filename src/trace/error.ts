/** `bad-trace`: the bytes are not a trace; `newer-trace`: written by a later version; `replaced`: the file changed under us; `bad-import`: not to be imported; `bad-review`: notes that cannot be read. */
export type TraceErrorCode = 'bad-trace' | 'newer-trace' | 'replaced' | 'cannot-read' | 'cannot-write' | 'bad-import' | 'bad-review';

/** One sentence that says what is wrong and what to do. */
export class TraceError extends Error {
	constructor(
		message: string,
		readonly code: TraceErrorCode = 'bad-trace',
	) {
		super(message);
		this.name = 'TraceError';
	}
}
