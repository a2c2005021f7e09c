/** How a plane of one trace is held against the same plane of another. */
import { planeSpec, type PlaneName, type PlaneSpec } from '../../trace/planes';

/**
 * `difference`: B less A of every value. `distance`: the Euclidean distance of two vectors. `divergence`: KL(A || B) of two distributions, or
 * the least that it can be.
 */
export type Measure = 'difference' | 'distance' | 'divergence';

export interface Comparable {
	name: PlaneName | typeof LENS_DIVERGENCE;
	measure: Measure;
	/** Empty where it has none. */
	unit: string;
	/** Where a step's values stand: where it is read out, where probes read it, at all of its tokens (then their sum), or at its thought. */
	place: 'from' | 'at' | 'tokens' | 'thought';
	columns: 'one' | 'sites' | 'percentiles';
	definition: string;
}

/** Not a plane of a trace: what the ranked tokens of two traces say together. */
export const LENS_DIVERGENCE = 'lens.kl';
export const PERCENTILE_COLUMNS = ['value', '% tokens', '% text'];

const UNITS: readonly [RegExp, string][] = [
	[/^legibility\.surprisal$/, 'bits'],
	[/^(tokens\.logprob|lens\.|latent\.(lse|entropy)|legibility\.kl|causal\.)/, 'nats'],
];

/** Planes of states, and of what they say next. */
const READOUT = /^(lens|hidden)\./;

export const DIVERGENCE: Comparable = {
	name: LENS_DIVERGENCE,
	measure: 'divergence',
	unit: 'nats',
	place: 'from',
	columns: 'sites',
	definition: 'KL(A || B) of the logit lens at the step, or the least that it can be, since only the likeliest tokens are in a trace.',
};

/** Undefined of ids, and of what is ranked by them: there the same place holds different tokens, and `DIVERGENCE` compares them. */
export function comparable(name: PlaneName): Comparable | undefined {
	const spec = planeSpec(name);
	const has = (...axes: PlaneSpec['axes'][number][]) => spec?.axes.some((axis) => axes.includes(axis)) === true;
	if (!spec || spec.dtype === 'I32' || has('top', 'code')) {
		return undefined;
	}
	const measure = has('width', 'latent') ? 'distance' : 'difference';
	const columns = has('site') ? 'sites' : has('percentile') ? 'percentiles' : 'one';
	return {
		name,
		measure,
		unit: UNITS.find(([pattern]) => pattern.test(name))?.[1] ?? '',
		place: spec.perThought ? 'thought' : spec.axes.length === 0 ? 'tokens' : READOUT.test(name) ? 'from' : 'at',
		columns,
		definition: spec.definition,
	};
}

/** What a reader looks at first; all others follow in the order of the file. */
const FIRST: readonly string[] = ['lens.entropy', 'tokens.logprob', 'lens.kl_final'];

export function byInterest(a: Comparable, b: Comparable): number {
	const [one, other] = [a, b].map(({ name }) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length)) as [number, number];
	return one - other;
}
