/** Curves of an arm's thoughts on the step axis, each with what it is held against. */
import type { CurveView, Series } from '../../shared/panel';
import type { ArmRecord, CodeRecord } from '../../trace/document';
import type { PlaneName } from '../../trace/planes';
import { ordinal } from '../estimates';
import type { Lookup } from '../lookup';
import { printable } from '../text';
import { binned, measuredCount } from './bins';
import type { Geometry } from './geometry';

/** Values [K] of each thought, NaN where not measured, with their words. */
interface Curve extends Pick<CurveView, 'label' | 'unit' | 'definition'> {
	values: Float32Array;
	/** Highest value of the scale where that is given; the highest that occurs where absent. */
	most?: number;
	control?: CurveView['control'];
}

/** Parts of a latent that are read by codes: a model names a few, and each is a line of the panel. */
const MAX_PARTS = 8;

const UNIT = 'as the model’s';

/** What was not measured at all is left out. */
export async function curves(lookup: Lookup, arm: ArmRecord, geometry: Geometry | undefined, every: number): Promise<CurveView[]> {
	const { codes = [] } = lookup.document.model;
	const [entropy, nearest] = await Promise.all([
		entropies(lookup, arm),
		Promise.all(codes.length > 0 ? codes.slice(0, MAX_PARTS).map((code) => toCode(lookup, arm, code, every)) : [toTokens(lookup, arm)]),
	]);
	const made = [...(geometry ? distances(geometry) : []), ...nearest, entropy, gates(arm)];
	return made.filter((one) => one !== undefined && measuredCount(one.values) > 0).map((one) => view(one!, every));
}

function view({ values, most, control, ...words }: Curve, every: number): CurveView {
	const series = binned(values, every);
	const held = control?.kind === 'level' ? [control.ci[1]] : control ? [highest(control.series)] : [];
	const high = most ?? Math.max(highest(series), ...held.filter((one) => !Number.isNaN(one)));
	const low = series.low.reduce((least, value) => (value < least ? value : least), 0);
	return { ...words, domain: [low, high > low ? high : low + 1], series, measured: measuredCount(values), control };
}

function highest({ high }: Series): number {
	return high.reduce((most, value) => (value > most ? value : most), 0);
}

function distances({ norm, drift, departure, shuffled: { value, ci, n } }: Geometry): Curve[] {
	const control = { kind: 'level', label: 'shuffled', value, ci } as const;
	const against =
		'The line across is its control: two thoughts of this run taken at random, as neighbours in a shuffled order are ' +
		`(mean and middle 95 % of ${n} pairs).`;
	return [
		{ label: 'norm', unit: UNIT, definition: 'Euclidean length of the thought.', values: norm },
		{ label: 'drift', unit: UNIT, definition: `Euclidean distance to the thought before. ${against}`, values: drift, control },
		{ label: 'from the first', unit: UNIT, definition: `Euclidean distance to the first thought. ${against}`, values: departure, control },
	];
}

async function toCode(
	{ source }: Lookup,
	{ name: arm, thoughts }: ArmRecord,
	{ name, state, classes }: CodeRecord,
	every: number,
): Promise<Curve | undefined> {
	const read = await source.read(arm, `code.${name}.distance`, { start: 0, end: thoughts.length });
	if (!(read instanceof Float32Array)) {
		return undefined;
	}
	const ranks = Math.round(read.length / thoughts.length);
	const rank = (k: number) => Float32Array.from(thoughts, (_, i) => read[i * ranks + k] ?? NaN);
	const between = state === 'continuous' ? ' This part is trained to lie anywhere between them.' : '';
	return {
		label: printable(`to ${name} code`),
		unit: UNIT,
		definition: printable(
			`Euclidean distance of the part “${name}” to the nearest of its ${classes.length} learnt codes.${between} ` +
				'The line above is its control: the second nearest code.',
		),
		values: rank(0),
		control: ranks > 1 ? { kind: 'curve', label: '2nd nearest', series: binned(rank(1), every) } : undefined,
	};
}

/** The measured distance where the thoughts were compared with tokens, else the cosine that every run has. */
async function toTokens({ source, evidence }: Lookup, { name: arm, thoughts }: ArmRecord): Promise<Curve | undefined> {
	const rows = { start: 0, end: thoughts.length };
	const first = async (plane: PlaneName) => {
		const read = await source.read(arm, plane, rows);
		const stride = read ? Math.round(read.length / thoughts.length) : 0;
		return read instanceof Float32Array ? Float32Array.from(thoughts, (_, i) => read[i * stride] ?? NaN) : undefined;
	};
	const record = evidence?.record.ood.find((one) => one.arm === arm);
	const distance = record && (await first('ood.knn-tokens'));
	if (record && distance && measuredCount(distance) > 0) {
		const nth = ordinal(record.neighbour);
		const definition = `Euclidean distance to the ${nth} nearest token embedding. Percentiles stand in a thought’s details.`;
		return { label: `to ${nth} token`, unit: UNIT, definition, values: distance };
	}
	const cosine = await first('neighbour.topk_cosine');
	const definition = 'Highest cosine of the thought with a token embedding: 1 is the direction of that token.';
	return cosine && { label: 'token cosine', unit: '−1…1', definition, values: cosine, most: 1 };
}

async function entropies({ source, sites }: Lookup, { name, thoughts }: ArmRecord): Promise<Curve> {
	const start = thoughts[0]!.producedAt;
	const read = await source.read(name, 'lens.entropy', { start, end: thoughts.at(-1)!.producedAt + 1 });
	return {
		label: 'lens entropy',
		unit: 'nats',
		definition: 'Entropy of the logit lens at the last layer where the thought is produced: 0 where one token has all of the probability.',
		values: Float32Array.from(thoughts, ({ producedAt }) => (read as Float32Array | undefined)?.[(producedAt - start + 1) * sites.length - 1] ?? NaN),
	};
}

function gates({ thoughts }: ArmRecord): Curve {
	return {
		label: 'gate',
		unit: '0…1',
		definition: 'What the thought graph’s learnt gate said after the thought: from the recipe’s threshold on, thinking stops.',
		values: Float32Array.from(thoughts, ({ gate }) => gate ?? NaN),
		most: 1,
	};
}
