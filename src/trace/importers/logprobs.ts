/** `choices[].logprobs.content[]` of OpenAI's chat API, which vLLM, Inspect and others write as well. */
import { MAX_ALTERNATIVES, MAX_PARTS, NO_LOGPROB } from './limits';
import type { LoggedToken } from './sample';
import { field, listAt, numberAt, stringAt } from './values';

/** Undefined where there are none. `content`: the list of tokens. */
export function loggedTokens(content: unknown): LoggedToken[] | undefined {
	if (!Array.isArray(content) || content.length === 0 || content.length > MAX_PARTS) {
		return undefined;
	}
	const decoder = new TextDecoder();
	return content.map((item): LoggedToken => {
		const bytes = bytesOf(field(item, 'bytes'));
		return {
			// Tokens may end inside a character: only their bytes tell what they are together.
			text: bytes ? decoder.decode(bytes, { stream: true }) : (stringAt(item, 'token') ?? ''),
			logprob: logprobOf(item),
			alternatives: listAt(item, 'top_logprobs')
				.slice(0, MAX_ALTERNATIVES)
				.map((other) => ({ text: stringAt(other, 'token') ?? '', logprob: logprobOf(other) }))
				.filter(({ logprob }) => !Number.isNaN(logprob)),
		};
	});
}

/** No probability is above 1; rounding may leave it a little over. */
const ROUNDING = 1e-3;

function logprobOf(item: unknown): number {
	const value = numberAt(item, 'logprob');
	return value === undefined || value <= NO_LOGPROB || value > ROUNDING ? Number.NaN : Math.min(value, 0);
}

function bytesOf(value: unknown): Uint8Array | undefined {
	const isBytes = Array.isArray(value) && value.length > 0 && value.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256);
	return isBytes ? Uint8Array.from(value as number[]) : undefined;
}
