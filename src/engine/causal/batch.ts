/** Sequences that go on side by side from cached positions, each by what it is fed next. */
import type { Cache, Fed, Row } from '../model/body';
import { picked, type Repeated } from '../run/cache';
import type { Model } from '../model/model';
import { Standings, type Standing } from './together';

/**
 * Positions that are fed anew in every call before their keys and values are taken over: to get a cache out of a call costs as much
 * as to feed three (50 cached positions) to ten (128) more, measured on the bundled model. Most variants end before or soon after.
 */
export const REFED = 4;

/** Where a sequence begins: it sees the cached positions that are marked, `past` of them. */
export type Start = Pick<Row, 'sees' | 'past' | 'patch'>;

/** Positions that all rows share, or those of each row. */
type Base = { kind: 'shared'; cache: Cache; repeated: Repeated } | { kind: 'own'; cache: Cache };

export class Batch {
	private rows: Row[];
	private readonly standings: Standings;

	constructor(
		private readonly model: Model,
		private base: Base,
		starts: readonly Start[],
	) {
		this.standings = new Standings(model);
		this.rows = starts.map((start) => ({ ...start, fed: [] }));
	}

	/** Sees the first `past` of `length` cached positions. */
	static start(past: number, length: number, patch?: Row['patch']): Start {
		return { sees: new BigInt64Array(length).fill(1n, 0, past), past, patch };
	}

	/** Positions that row `row` has seen and been fed. */
	lengthOf(row: number): number {
		const { past, fed } = this.rows[row]!;
		return past + fed.length;
	}

	/** Feeds each row at least one thing, and says what its last position leads to. */
	async feed(next: readonly (readonly Fed[])[]): Promise<Standing[]> {
		const { body, manifest } = this.model;
		const { layers, width } = manifest.shape;
		this.rows = this.rows.map((row, i) => ({ ...row, fed: [...row.fed, ...next[i]!] }));
		const lengths = this.rows.map(({ fed }) => fed.length);
		const long = Math.max(...lengths) > REFED;
		const { resid, count, cache } = await body.batch(this.rows, this.cached(), { sites: [layers], cache: long });
		if (cache) {
			this.base = { kind: 'own', cache };
			this.rows = this.rows.map(({ sees, past, fed }) => ({ sees: longer(sees, fed.length, count), past: past + fed.length, fed: [] }));
		}
		return lengths.map((length, row) => {
			const at = (row * count + length - 1) * width;
			return this.standings.of(resid.get(layers)!.subarray(at, at + width));
		});
	}

	/** Goes on with some of the rows only. */
	retain(kept: readonly number[]): void {
		if (kept.length < this.rows.length) {
			this.rows = kept.map((row) => this.rows[row]!);
			if (this.base.kind === 'own') {
				this.base = { kind: 'own', cache: picked(this.base.cache, kept) };
			}
		}
	}

	private cached(): Cache {
		return this.base.kind === 'own' ? this.base.cache : this.base.repeated.of(this.base.cache, this.rows.length);
	}
}

/** What a row sees, with `own` positions more that are seen, and padding to `count`. */
export function longer(sees: BigInt64Array, own: number, count: number): BigInt64Array {
	const out = new BigInt64Array(sees.length + count);
	out.set(sees);
	return out.fill(1n, sees.length, sees.length + own);
}

/** What says how a sequence goes on after position `length` - 1; undefined where it has ended. */
export interface Lane {
	next(standing: Standing, length: number): Promise<Fed[] | undefined>;
}

/** Until all lanes have ended; `standings` is what each begins from. */
export async function drive(batch: Batch, lanes: readonly Lane[], standings: readonly Standing[], signal: AbortSignal): Promise<void> {
	let going = lanes.map((lane, i) => ({ lane, standing: standings[i]! }));
	for (;;) {
		signal.throwIfAborted();
		const next = await Promise.all(going.map(({ lane, standing }, row) => lane.next(standing, batch.lengthOf(row))));
		const kept = [...next.keys()].filter((row) => next[row] !== undefined);
		if (kept.length === 0) {
			return;
		}
		batch.retain(kept);
		const found = await batch.feed(kept.map((row) => next[row]!));
		going = kept.map((row, i) => ({ lane: going[row]!.lane, standing: found[i]! }));
	}
}
