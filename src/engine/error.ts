import type { EngineErrorCode } from './api';

/** One sentence that says what to do; the code crosses the process boundary with it. */
export class EngineError extends Error {
	constructor(
		message: string,
		readonly code: EngineErrorCode,
	) {
		super(message);
		this.name = 'EngineError';
	}
}

/** For untrusted text inside a sentence: shortened, control characters escaped. */
export function quoted(text: string): string {
	return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
