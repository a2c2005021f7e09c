/** The way of an arm's thoughts through the plane of their first principal components, and what its places are called. */
import type { PathLabels, PathView } from '../../shared/panel';
import type { ArmRecord, CodeRecord } from '../../trace/document';
import type { Lookup } from '../lookup';
import { printable } from '../text';
import { COMPONENTS, type Geometry } from './geometry';

/** Components whose shares are listed: the rest would be bars without a height. */
const LISTED = 16;
/** Names in a picture, commonest first. */
const MAX_GROUPS = 24;
/** UTF-16 units of a name on a picture. */
const MAX_NAME = 20;

/** One point for every `every` thoughts. */
export async function pathView(lookup: Lookup, arm: ArmRecord, { places, variances, width, sampled }: Geometry, every: number): Promise<PathView> {
	const shown = arm.thoughts.filter((_, i) => i % every === 0);
	const total = variances.reduce((sum, value) => sum + value, 0);
	const share = (value: number) => (total > 0 ? value / total : 0);
	const own = new Float32Array(shown.length * COMPONENTS);
	shown.forEach(({ index }, i) => own.set(places.subarray(index * COMPONENTS, (index + 1) * COMPONENTS), i * COMPONENTS));
	const named = await Promise.all([...(lookup.document.model.codes ?? []).map((code) => byCode(lookup, arm, code)), byToken(lookup, arm)]);
	const sample = sampled < arm.thoughts.length ? `, found from ${sampled} of them, spread evenly` : '';
	const thinned = every > 1 ? ` Drawn is every ${every}th thought.` : '';
	return {
		places: own,
		spare: Uint8Array.from(shown, ({ spare }) => Number(spare !== undefined)),
		shares: [...variances.slice(0, LISTED)].map(share),
		rest: share(variances.slice(LISTED).reduce((sum, value) => sum + value, 0)),
		definition:
			`Projection of the thoughts, width ${width}, onto principal components of this run’s own thoughts${sample}; centred, not scaled, ` +
			`one scale on both axes. What lies close here may be far apart in the directions that are not drawn.${thinned}`,
		labels: named.flatMap((one) => (one ? [groups(one, every, own)] : [])),
	};
}

interface Named {
	by: string;
	/** Of every thought; absent where it has none. */
	names: (string | undefined)[];
}

async function byCode({ source }: Lookup, { name: arm, thoughts }: ArmRecord, { name, classes }: CodeRecord): Promise<Named | undefined> {
	const ids = await source.read(arm, `code.${name}.id`, { start: 0, end: thoughts.length });
	const ranks = Math.round((ids?.length ?? 0) / thoughts.length);
	return ids && { by: `${name} code`, names: thoughts.map((_, i) => classes[ids[i * ranks] ?? -1]) };
}

async function byToken(lookup: Lookup, arm: ArmRecord): Promise<Named | undefined> {
	const readout = await lookup.readout(
		arm,
		arm.thoughts.map(({ producedAt }) => producedAt),
	);
	const last = lookup.sites.length - 1;
	const name = (position: number) => {
		const [top] = readout?.has(position) ? readout.ranked(position, last, 1) : [];
		return top && lookup.word(top.id);
	};
	return readout && { by: 'top word', names: arm.thoughts.map(({ producedAt }) => name(producedAt)) };
}

/** `places`: of the points that are shown. */
function groups({ by, names }: Named, every: number, places: Float32Array): PathLabels {
	const shown = names.filter((_, i) => i % every === 0);
	const counts = new Map<string, { n: number; place: number[] }>();
	shown.forEach((name, i) => {
		if (name !== undefined) {
			const found = counts.get(name) ?? { n: 0, place: new Array<number>(COMPONENTS).fill(0) };
			counts.set(name, { n: found.n + 1, place: found.place.map((sum, k) => sum + places[i * COMPONENTS + k]!) });
		}
	});
	const common = [...counts].sort(([, a], [, b]) => b.n - a.n).slice(0, MAX_GROUPS);
	const index = new Map(common.map(([name], i) => [name, i]));
	return {
		by: printable(by),
		groups: common.map(([name, { n, place }]) => ({ name: short(printable(name)), place: place.map((sum) => sum / n) as [number, number, number] })),
		of: Int16Array.from(shown, (name) => (name === undefined ? -1 : (index.get(name) ?? -1))),
	};
}

function short(name: string): string {
	return name.length > MAX_NAME ? `${name.slice(0, MAX_NAME - 1)}…` : name;
}
