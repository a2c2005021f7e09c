/** What sites of the residual stream are called, and how many loops can be read. */

/** Over depth: each loop is a site, and the head reads all sites of a position in one call of at most 256 rows. */
export const MAX_LOOPS = 255;

/** Of a model that loops over depth: blocks before the loops, and loops. */
export interface Divided {
	prelude: number;
	loops: number;
}

export function siteName(site: number, depth: Divided | undefined): string {
	if (!depth || site <= depth.prelude) {
		return `layer ${site}`;
	}
	const loop = site - depth.prelude;
	return loop <= depth.loops ? `loop ${loop}` : `coda ${loop - depth.loops}`;
}
