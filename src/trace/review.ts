/**
 * A reviewer's bookmarks and notes on a trace: `X.review.json` beside `X.trace.safetensors`, never inside it. Text that version control
 * merges: one property a line, notes in the order of the steps that they are about, each with an id of its own.
 */
import * as v from 'valibot';
import { TraceError } from './error';

export const REVIEW_VERSION = 1;
export const REVIEW_ENDING = '.review.json';
/** Longer than anybody writes beside a step. */
export const MAX_NOTE_TEXT = 20_000;
/** More than anybody writes. */
const MAX_NOTES = 100_000;
/** Of arms, authors and hashes. */
export const MAX_NAME = 200;
/** Of the whole file: it is sent to the panel whole with every change. */
export const MAX_REVIEW_BYTES = 8 * 2 ** 20;

const time = v.pipe(v.string(), v.isoTimestamp('expected a time such as 2026-01-31T12:00:00.000Z'));
const note = v.object({
	id: v.pipe(v.string(), v.regex(/^[0-9a-f-]{8,36}$/, 'expected 8 to 36 of 0-9, a-f and -')),
	arm: v.pipe(v.string(), v.maxLength(MAX_NAME)),
	/** Position in the arm: where a thought is produced, or the first one of a sentence. */
	position: v.pipe(v.number(), v.integer(), v.minValue(0)),
	/** Empty: a bookmark. */
	text: v.pipe(v.string(), v.maxLength(MAX_NOTE_TEXT)),
	author: v.optional(v.pipe(v.string(), v.maxLength(MAX_NAME))),
	/** When the text was last changed. */
	changed: time,
	/** The note was taken back; kept, so that merging with an older file does not bring it back. */
	removed: v.optional(v.literal(true)),
});
const review = v.object({
	format: v.literal('neuralese-review'),
	version: v.pipe(v.number(), v.integer(), v.minValue(1)),
	/** Which trace it is about: when that was made, and SHA-256 of its prompt's text. A file of the same name may have become another. */
	trace: v.object({ created: v.pipe(v.string(), v.maxLength(MAX_NAME)), promptSha256: v.pipe(v.string(), v.maxLength(MAX_NAME)) }),
	notes: v.pipe(v.array(note), v.maxLength(MAX_NOTES)),
});

export type Note = v.InferOutput<typeof note>;
export type Review = v.InferOutput<typeof review>;

/** Name of the review of a trace file; undefined for a file whose name is none of a trace. */
export function reviewName(trace: string): string | undefined {
	return /^(.+)\.trace\.safetensors$/s.exec(trace)?.[1]?.concat(REVIEW_ENDING);
}

/** Throws `TraceError` with one sentence. `name`: of the file. */
export function parseReview(text: string, name: string): Review {
	const refuse = (why: string) =>
		new TraceError(`${name} is no review of a trace (${why}): correct it, or move it away to begin a new one. Nothing in it was changed.`, 'bad-review');
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		const conflict = /^<{7} /m.test(text) ? 'it has conflict markers of a merge' : (error as Error).message;
		throw refuse(conflict);
	}
	const version = (value as { version?: unknown } | null)?.version;
	if (typeof version === 'number' && version > REVIEW_VERSION) {
		throw refuse(`it has version ${version}, and this Neuralese Inspector reads up to ${REVIEW_VERSION}: update it`);
	}
	const parsed = v.safeParse(review, value);
	if (!parsed.success) {
		const [{ path, message }] = parsed.issues;
		throw refuse(`${path?.map(({ key }) => String(key)).join('.') ?? 'the whole'}: ${message}`);
	}
	return parsed.output;
}

export function reviewText({ notes, ...rest }: Review): string {
	const ordered = [...notes].sort((a, b) => compare(a.arm, b.arm) || a.position - b.position || compare(a.id, b.id));
	return `${JSON.stringify({ ...rest, notes: ordered }, undefined, '\t')}\n`;
}

/** Notes of both; of one that both have, the text that was changed last. */
export function merged(ours: readonly Note[], theirs: readonly Note[]): Note[] {
	const byId = new Map(theirs.map((one) => [one.id, one]));
	for (const one of ours) {
		const other = byId.get(one.id);
		if (!other || other.changed <= one.changed) {
			byId.set(one.id, one);
		}
	}
	return [...byId.values()];
}

/**
 * Notes of `mine` that `theirs` lacks, or has an older text of: another writer began with what was there before them, and has taken them
 * off the disk.
 */
export function lost(mine: readonly Note[], theirs: readonly Note[]): Note[] {
	const byId = new Map(theirs.map((one) => [one.id, one]));
	return mine.filter(({ id, changed }) => (byId.get(id)?.changed ?? '') < changed);
}

function compare(a: string, b: string): number {
	return a < b ? -1 : a > b ? 1 : 0;
}
