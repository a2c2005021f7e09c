/** Shapes that journals and results share. Every list and text is bounded: a file may come from anybody. */
import * as v from 'valibot';

/** The engine's own limit. */
export const MAX_PROBLEMS = 1_000_000;
export const MAX_ARMS = 64;
/** Every thought count of a truncation over 1 000 thoughts, and some noise levels. */
export const MAX_TESTS = 2_000;
export const MAX_LINE = 2_000;
/** As much of a text as is searched for an answer. */
const MAX_ANSWER = 10_000;

export const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));
export const line = v.pipe(v.string(), v.maxLength(MAX_LINE));
export const flag = v.boolean();
/** JSON has no NaN. */
export const nullable = v.nullable(v.number());
/** Null where none was given. */
export const answer = v.nullable(v.pipe(v.string(), v.maxLength(MAX_ANSWER)));
/** Thought that is changed, or how many are left. */
export const step = v.union([count, v.literal('all')]);
export const model = { id: line, sha256: line };

export const list = <T extends v.GenericSchema>(item: T, limit: number) => v.pipe(v.array(item), v.maxLength(limit));
