/** Where the loops of a depth-recurrent model stand among its sites, and among its keys and values. Pure. */
import type { Depth } from '../model/recipeSchema';

/**
 * Sites are those of the prelude, 0..prelude, then the state after each loop, then the stream after each block of the coda. Keys and values
 * are those of the prelude's blocks, then of the core's, once for each slot, then of the coda's.
 */
export interface Layout {
	/** Blocks. */
	prelude: number;
	core: number;
	coda: number;
	loops: number;
	/** Loops that have keys and values of their own: all, or one where only the last loop's are kept. */
	slots: number;
	sites: number;
	/** Blocks with keys and values. */
	caches: number;
	/** Blocks that a position goes through. */
	blocks: number;
	/** Whether what a position does depends on how far those before it went, so that each is a call of its own. */
	alone: boolean;
}

export function layoutOf({ layers, core = 0, coda = 0 }: { layers: number; core?: number; coda?: number }, { keys = 'own', stop = [] }: Pick<Depth, 'keys' | 'stop'>, loops: number): Layout {
	const prelude = layers - core - coda;
	const slots = keys === 'own' ? loops : 1;
	return {
		prelude,
		core,
		coda,
		loops,
		slots,
		sites: prelude + 1 + loops + coda,
		caches: prelude + slots * core + coda,
		blocks: prelude + loops * core + coda,
		alone: keys === 'last' || stop.some(readsTokens),
	};
}

/** Whether a rule asks for what the model would say: that follows from what the positions before left in the coda. */
export function readsTokens({ rule }: NonNullable<Depth['stop']>[number]): boolean {
	return rule === 'kl' || rule === 'entropy';
}

/** Of the graph before the loops, which `files.body` is. */
export function preludeOf<Shape extends { layers: number; caches?: number }>(shape: Shape, { prelude }: Layout): Shape {
	return { ...shape, layers: prelude, caches: prelude };
}

/** Site of the state after loop 1..loops. */
export function siteOf({ prelude }: Layout, loop: number): number {
	return prelude + loop;
}
