/**
 * How variants of a run go side by side: what is fed in one call, and which variants go together. All share the cache of the
 * unchanged run; what follows the changed thought is computed again for each.
 */
import type { Feed, Variant } from './causal';

/**
 * Keys and values of a batch. A call holds them about three times: what was cached, what comes out, and one transposed. Four times
 * this is far below what a model takes that has so large a cache.
 */
export const MAX_BATCH_BYTES = 64 * 2 ** 20;
/** More rows no longer make a row cheaper (measured on the bundled model: 16 to 64 cost the same each). */
const MAX_ROWS = 32;

/** A row is padded to at most so many times what it is fed. */
const MAX_PADDING = 2;

/** Variants that go through the model together, by their places in the plan. */
export interface Group {
	variants: number[];
	/**
	 * Positions of the unchanged run that are cached: the same for all groups, so that one cache serves them. A variant that shares
	 * fewer does not see the rest; one that goes alone has just its own.
	 */
	shared: number;
	/** Calls until all have come to the answer's first token. */
	calls: number;
	/** Positions after the shared ones that the longest is fed. */
	fed: number;
}

/**
 * Feeds that go in one call. A call ends where the next vector follows from the state that the feeds before it lead to; the first
 * one follows from the unchanged run.
 */
export function calls(feeds: readonly Feed[]): Feed[][] {
	const out: Feed[][] = [];
	for (const feed of feeds) {
		const last = out.at(-1);
		if (last === undefined || followsState(feed)) {
			out.push([feed]);
		} else {
			last.push(feed);
		}
	}
	return out;
}

/**
 * Groups of at most so many rows that their keys and values fit. `bytes`: of the keys and values of one position of one row; `rows`:
 * what one call should have at most, so that a cancel gets through. Variants of as many calls go together, so that none waits.
 */
export function planGroups(variants: readonly Variant[], bytes: number, rows: number): Group[] {
	const measured = variants.map(({ prefix, feeds }, place) => ({
		place,
		prefix,
		calls: calls(feeds).length,
		fed: fedPositions(feeds),
	}));
	const shared = Math.max(0, ...measured.map(({ prefix }) => prefix));
	const longest = Math.max(0, ...measured.map(({ fed }) => fed));
	const size = rowsThatFit(bytes, shared + longest, rows);
	const groups: (typeof measured)[] = [];
	for (const variant of measured.sort((a, b) => a.calls - b.calls || a.fed - b.fed || a.place - b.place)) {
		const group = groups.at(-1);
		if (group && group.length < size && goTogether(group[0]!, variant)) {
			group.push(variant);
		} else {
			groups.push([variant]);
		}
	}
	return groups.map((members) => ({
		variants: members.map(({ place }) => place),
		shared: size === 1 ? members[0]!.prefix : shared,
		calls: members.at(-1)!.calls,
		fed: Math.max(...members.map(({ fed }) => fed)),
	}));
}

/** Rows are padded to the longest of a call: what is fed at once waits for nothing, and what is much shorter is better off alone. */
function goTogether(shorter: { calls: number; fed: number }, longer: { calls: number; fed: number }): boolean {
	return (shorter.calls === 1) === (longer.calls === 1) && longer.fed <= MAX_PADDING * shorter.fed;
}

/** How many rows of so many positions a batch may have: one at least. */
export function rowsThatFit(bytes: number, positions: number, rows: number): number {
	return Math.max(1, Math.min(rows, MAX_ROWS, Math.floor(MAX_BATCH_BYTES / (bytes * positions))));
}

/** Whether the vector is computed from the state before it, and not known beforehand. */
function followsState(feed: Feed): boolean {
	if (feed.kind !== 'think') {
		return false;
	}
	switch (feed.by?.kind) {
		case undefined:
		case 'noise':
		case 'jitter':
		case 'code':
		case 'redraw':
		case 'tokens':
			return true;
		default:
			return false;
	}
}

/** Positions that are fed after what is shared. */
export function fedPositions(feeds: readonly Feed[]): number {
	return feeds.reduce((sum, feed) => sum + positions(feed), 0);
}

function positions(feed: Feed): number {
	switch (feed.kind) {
		case 'tokens':
			return feed.ids.length;
		case 'keep':
			return feed.thoughts.length;
		case 'think':
			return 1;
	}
}
