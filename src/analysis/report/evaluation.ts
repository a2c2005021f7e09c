/** A result of `eval` as a part of a report. */
import type { Comparison, Evaluation, Pair, Side } from '../evaluation/result';
import { causalSections } from './causal';
import type { Headline, Part, Section } from './content';
import { figures } from './figures';
import { armLabel, percent, percentBounds, points, pValue, seconds } from './format';
import { dot, dots, seriesOf } from './series';

/** In the order in which they are read; others follow. */
const FIRST = ['latent', 'cot', 'direct'];
const INTERVALS = 'Shares carry Wilson’s 95 % interval.';

/** `file`: the result's own name. */
export function evaluationPart(evaluation: Evaluation, file: string): Part {
	const { model, twin, data, options, notes } = evaluation;
	const against = twin ? ` and ${twin.model.id}, its control,` : '';
	const sampling = options.temperature === 0 ? 'greedy' : `temperature ${options.temperature}`;
	return {
		title: `${model.id} on ${data.name}`,
		subtitle: `${data.n === data.of ? `All ${data.n}` : `The first ${data.n} of ${data.of}`} problems, answered by ${model.id}${against} ${sampling}, seed ${evaluation.seed}.`,
		headline: armsOf(evaluation).map(([arm]) => headline(evaluation, arm)),
		sections: [
			accuracySection(evaluation),
			...(evaluation.pairs.length > 0 ? [pairSection(evaluation)] : []),
			...causalSections(evaluation),
		],
		notes,
		provenance: provenance(evaluation, file),
		figures: figures(evaluation, file),
	};
}

function armsOf({ arms }: Side): [string, Evaluation['arms'][string]][] {
	const place = (arm: string) => (FIRST.includes(arm) ? FIRST.indexOf(arm) : FIRST.length);
	return Object.entries(arms).sort(([a], [b]) => place(a) - place(b));
}

function headline({ arms, twin, n }: Evaluation, arm: string): Headline {
	const { accuracy, ci, correct } = arms[arm]!;
	const other = twin?.arms[arm];
	return {
		label: armLabel(arm),
		value: percent(accuracy),
		unit: '%',
		range: `${percentBounds(ci)}, ${correct} of ${n}`,
		...(other ? { control: `control ${percent(other.accuracy)} %` } : {}),
	};
}

function accuracySection(evaluation: Evaluation): Section {
	const { twin, model, n } = evaluation;
	const rows = armsOf(evaluation).map(([arm, result]) => ({ arm, own: result, other: twin?.arms[arm] }));
	const row = (who: string, arm: string, { correct, accuracy, ci, seconds: spent }: Evaluation['arms'][string]) => [
		armLabel(arm),
		...(twin ? [who] : []),
		String(correct),
		percent(accuracy),
		percentBounds(ci),
		seconds(spent),
	];
	return {
		title: 'Right answers',
		text: `An answer is right where it is the data’s own. ${INTERVALS} Hold the thoughts against the direct arm, which has the same weights and none.`,
		plot: {
			kind: 'dots',
			caption: `Right answers of ${n} by arm, with 95 % intervals.`,
			series: seriesOf(evaluation),
			rows: rows.map(({ arm, own, other }) => ({ label: armLabel(arm), dots: dots(dot(own), twin && other && dot(other), twin) })),
			lines: undefined,
		},
		tables: [
			{
				caption: `Right answers of ${n}`,
				columns: [
					{ label: 'Arm', short: true as const },
					...(twin ? [{ label: 'Model', short: true as const }] : []),
					{ label: 'Right', numeric: true as const },
					{ label: '%', numeric: true as const },
					{ label: '95 % interval', numeric: true as const },
					{ label: 'Seconds', numeric: true as const },
				],
				rows: rows.flatMap(({ arm, own, other }) => [
					row(model.id, arm, own),
					...(twin && other ? [row(twin.model.id, arm, other)] : []),
				]),
			},
		],
	};
}

const DIFFERENCE = 'Points are the first’s share less the second’s, with Newcombe’s 95 % interval for pairs; p is McNemar’s, exact and two-sided.';

function pairSection(evaluation: Evaluation): Section {
	const { twin, model, n } = evaluation;
	const row = (who: string, { a, b, ...comparison }: Pair) => [
		`${armLabel(a)} − ${armLabel(b)}`,
		...(twin ? [who] : []),
		...comparisonCells(comparison),
	];
	return {
		title: 'Between arms',
		text: `The same problems in two arms. ${DIFFERENCE}`,
		tables: [
			{
				caption: `Pairs of arms over ${n} problems`,
				columns: [{ label: 'Arms', short: true as const }, ...(twin ? [{ label: 'Model', short: true as const }] : []), ...COMPARISON],
				rows: evaluation.pairs.flatMap((pair) => {
					const other = twin?.pairs.find(({ a, b }) => a === pair.a && b === pair.b);
					return [row(model.id, pair), ...(twin && other ? [row(twin.model.id, other)] : [])];
				}),
			},
		],
	};
}

const COMPARISON = [
	{ label: 'Only first', numeric: true as const },
	{ label: 'Only second', numeric: true as const },
	{ label: 'Points', numeric: true as const },
	{ label: '95 % interval', numeric: true as const },
	{ label: 'p', numeric: true as const },
];

function comparisonCells({ onlyA, onlyB, difference, ci, p }: Comparison): string[] {
	return [String(onlyA), String(onlyB), points(difference), percentBounds(ci), pValue(p)];
}

function provenance({ model, twin, data, seed, options, producer, runtime, created }: Evaluation, file: string): Part['provenance'] {
	const asked = Object.entries({ arms: options.arms?.join(', '), latents: options.latents, 'max-tokens': options.maxTokens, 'chat template': options.chatTemplate });
	return [
		{ label: 'Result', value: file },
		{ label: 'Data', value: `${data.name}, sha256 ${data.sha256}` },
		{ label: 'Model', value: `${model.id}, sha256 ${model.sha256}` },
		...(twin ? [{ label: 'Control', value: `${twin.model.id}, sha256 ${twin.model.sha256}` }] : []),
		{ label: 'Seed', value: String(seed) },
		...asked.flatMap(([label, value]) => (value === undefined ? [] : [{ label, value: String(value) }])),
		{ label: 'Made by', value: `${producer}, ${runtime}` },
		{ label: 'Measured', value: created },
	];
}
