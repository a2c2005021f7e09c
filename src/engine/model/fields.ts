/** What fields of a manifest may hold, whichever part of it they are in. */
import * as v from 'valibot';

/** One file must fit one buffer; weights of larger models lie in files of their own, which are never read whole. */
export const MAX_FILE_BYTES = 2 ** 31 - 1;
/** Far beyond any context that runs here; keeps products exact. */
const MAX_COUNT = 1_000_000;

export const whole = (low: number, high = MAX_COUNT) => v.pipe(v.number(), v.integer(), v.minValue(low), v.maxValue(high));
export const positive = whole(1);
export const line = v.pipe(v.string(), v.nonEmpty(), v.maxLength(500));
export const names = (limit: number) => v.pipe(v.array(line), v.minLength(1), v.maxLength(limit));
/** Also a name of a folder beside this one: no separator, no `..`, nothing hidden. */
export const id = v.pipe(
	v.string(),
	v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'expected a short name of letters, digits, dots and dashes'),
);
export const kebab = v.pipe(v.string(), v.regex(/^[a-z0-9]+(?:-[a-z0-9]+)*$/, 'expected a kebab-case name'), v.maxLength(64));
/** A name inside the folder: no separator, no `..`, nothing hidden. */
const fileName = v.pipe(
	v.string(),
	v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'expected a plain file name inside the folder'),
);
/** Of weights, which are called as their exporter or user called them: still no path, no drive or stream, nothing hidden or unseen. */
export const WEIGHTS_NAME = /^(?!\.)[^\\/:\p{Cc}\p{Cf}\p{Zl}\p{Zp}]{1,200}$/u;
export const file = v.object({
	name: fileName,
	sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, 'expected 64 lowercase hex digits')),
	bytes: whole(1, MAX_FILE_BYTES),
});
