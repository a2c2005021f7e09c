/** What bounds an import. A file may come from anybody, so nothing that it claims is believed before it was held against these. */
import { TraceError } from '../error';

/** Bytes of one sample or record: what is parsed at once takes about five times as much memory as text. */
export const MAX_RECORD_BYTES = 128 * 2 ** 20;
/** Samples of one file: the largest reasoning data sets have some millions of rows, but a list of them is of no use to anyone. */
export const MAX_SAMPLES = 2_000_000;
/** JSON nests as deep as a log's tool results; Inspect itself writes at most 254 levels. Recursion is safe to several thousand. */
export const MAX_JSON_DEPTH = 512;
/** Chunk in which a file is scanned: large enough that reads cost nothing, small enough to be forgotten. */
export const SCAN_BYTES = 2 ** 20;
/** Turns, parts and tokens of one sample. */
export const MAX_PARTS = 100_000;
/** Ranks of alternatives that a source gives for one token: APIs give at most 20. */
export const MAX_ALTERNATIVES = 100;
/** Log-probability with which vLLM says that it has none, since JSON has no -∞. */
export const NO_LOGPROB = -9999;

/** One sentence: what is wrong with the file, and what to do. */
export function refuse(what: string, advice = 'check the file, or download it again'): never {
	throw new TraceError(`The file cannot be imported (${what}): ${advice}.`, 'bad-import');
}

/** How much of a foreign name is repeated. */
const MAX_SHOWN = 60;

/** Names come from the file: shortened, and with control characters escaped. */
export function quote(text: string): string {
	return JSON.stringify(text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text);
}
