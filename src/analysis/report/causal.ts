/** Causal tests of a set as sections of a report. */
import type { CausalResult, Evaluation } from '../evaluation/result';
import type { Section, Table } from './content';
import { armLabel, bounds, decimal, NONE, percent, percentBounds, points, pValue, shortLabel } from './format';
import { curves, dot, dots, noiseOf, same, seriesOf, twinTest } from './series';

/** For each arm that was tested: what took the thoughts' place, how many were left, and how much noise was added. */
export function causalSections(evaluation: Evaluation): Section[] {
	const causal = evaluation.causal ?? [];
	return [...new Set(causal.map(({ arm }) => arm))].flatMap((arm) => {
		const own = causal.filter((one) => one.arm === arm);
		const suffix = arm === 'latent' ? '' : `, arm ${armLabel(arm)}`;
		const counts = own.filter(({ test }) => test === 'truncate');
		const jitter = own.filter((one) => noiseOf(one) !== undefined);
		const others = own.filter((one) => !counts.includes(one) && !jitter.includes(one));
		return [
			...(others.length > 0 ? [replacedSection(evaluation, arm, others, suffix)] : []),
			...(counts.length > 0 ? [truncationSection(evaluation, counts, suffix)] : []),
			...(jitter.length > 0 ? [jitterSection(evaluation, arm, jitter, suffix)] : []),
		];
	});
}

function replacedSection(evaluation: Evaluation, arm: string, tests: readonly CausalResult[], suffix: string): Section {
	const { twin } = evaluation;
	const values = [evaluation.arms[arm]?.accuracy ?? null, ...(twin ? [twin.arms[arm]?.accuracy ?? null] : [])];
	return {
		title: `All thoughts replaced${suffix}`,
		text:
			'Each thought is replaced as the row says, and those after it are computed from the changed ones. Where the answers stay as right as unchanged, ' +
			'what was taken away was not used. A zero, noise or a token’s embedding is itself unusual to the model: resampling from other problems is the fairest row. ' +
			(tests.some(({ follows }) => follows !== undefined)
				? 'Transplant puts in the thoughts of the other question about the same facts; an answer that is then that question’s follows the thoughts. '
				: '') +
			`p compares the test with the unchanged arm; with ${tests.length} tests, expect one in twenty below .05 by chance.`,
		plot: {
			kind: 'dots',
			caption: `Right answers of ${evaluation.n} with all thoughts replaced; dashed: unchanged.`,
			series: seriesOf(evaluation),
			rows: tests.map((one) => ({ label: shortLabel(one), dots: dots(dot(one), twinTest(evaluation, one) && dot(twinTest(evaluation, one)!), twin) })),
			lines: { label: 'unchanged', values },
		},
		tables: testTables(evaluation, tests, 'Test'),
	};
}

function truncationSection(evaluation: Evaluation, tests: readonly CausalResult[], suffix: string): Section {
	const trained = tests.find((one) => one.trained)?.step;
	return {
		title: `Number of thoughts${suffix}`,
		text:
			'The answer is asked for after k thoughts. A count that the model was not trained with is itself unusual to it, so read the shape and not one point.',
		plot: {
			kind: 'curve',
			caption: `Right answers of ${evaluation.n} after k thoughts, with 95 % intervals.`,
			xLabel: 'thoughts k',
			series: curves(evaluation, tests, ({ step }) => Number(step)),
			...(typeof trained === 'number' ? { mark: { x: trained, label: 'as trained' } } : {}),
		},
		tables: testTables(evaluation, tests, 'Thoughts'),
	};
}

function jitterSection(evaluation: Evaluation, arm: string, tests: readonly CausalResult[], suffix: string): Section {
	return {
		title: `Noise on the thoughts${suffix}`,
		text: 'Gaussian noise of so many times a thought’s own norm is added to every thought. What still answers right cannot depend on finer differences than that.',
		plot: {
			kind: 'curve',
			caption: `Right answers of ${evaluation.n} under noise, with 95 % intervals; ${percent(evaluation.arms[arm]?.accuracy)} % without.`,
			xLabel: 'norm of the noise / norm of the thought',
			series: curves(evaluation, tests, (one) => noiseOf(one)!),
		},
		tables: testTables(evaluation, tests, 'Noise'),
	};
}

/** The first holds the model against its control, the second what each test did. */
function testTables(evaluation: Evaluation, tests: readonly CausalResult[], label: string): Table[] {
	const { model, twin, n } = evaluation;
	const name = (one: CausalResult) =>
		one.test === 'truncate' ? `${one.step}${one.trained ? ', as trained' : ''}` : one.test === 'jitter' ? String(one.form) : shortLabel(one);
	const numeric = (text: string) => ({ label: text, numeric: true as const });
	const partial = tests.some((one) => one.n !== n || (twinTest(evaluation, one)?.n ?? n) !== n);
	const effects = (who: string, one: CausalResult) => [
		name(one),
		...(twin ? [who] : []),
		...(partial ? [String(one.n)] : []),
		`${percent(one.changed)} (${percentBounds(one.changedCi)})`,
		`${decimal(one.deltaLogOdds)} (${bounds(one.deltaLogOddsCi)})`,
		`${decimal(one.kl)} (${bounds(one.klCi)})`,
		pValue(one.unchanged.p),
	];
	return [
		{
			caption: twin ? `${model.id} beside ${twin.model.id}: right answers of ${n}, %` : `Right answers of ${n}, %`,
			columns: [
				{ label, short: true as const },
				numeric(twin ? model.id : '%'),
				numeric('95 % interval'),
				...(twin ? [numeric(twin.model.id), numeric('95 % interval'), numeric('Points'), numeric('95 % interval'), numeric('p')] : []),
			],
			rows: tests.map((one) => {
				const other = twinTest(evaluation, one);
				const versus = twin?.against.find((two) => same(one, two));
				return [
					name(one),
					percent(one.accuracy),
					percentBounds(one.ci),
					...(twin
						? [
								percent(other?.accuracy),
								other ? percentBounds(other.ci) : NONE,
								versus ? points(versus.difference) : NONE,
								versus ? percentBounds(versus.ci) : NONE,
								versus ? pValue(versus.p) : NONE,
							]
						: []),
				];
			}),
		},
		{
			caption: `What the answers did, with 95 % intervals; p against unchanged${partial ? '' : `; n = ${n}`}`,
			columns: [
				{ label, short: true as const },
				...(twin ? [{ label: 'Model', short: true as const }] : []),
				...(partial ? [numeric('n')] : []),
				numeric('Other answer, %'),
				numeric('Δ log-odds, nats'),
				numeric('KL, nats'),
				numeric('p'),
			],
			rows: tests.flatMap((one) => {
				const other = twinTest(evaluation, one);
				return [effects(model.id, one), ...(twin && other ? [effects(twin.model.id, other)] : [])];
			}),
		},
		...followsTables(evaluation, tests),
	];
}

/** Of tests that put in another prompt's thoughts: how many answers are that prompt's. */
function followsTables(evaluation: Evaluation, tests: readonly CausalResult[]): Table[] {
	const { model, twin } = evaluation;
	const row = (who: string, one: CausalResult | undefined) =>
		one?.follows ? [[shortLabel(one), who, String(one.follows.n), percent(one.follows.value), percentBounds(one.follows.ci)]] : [];
	const rows = tests.flatMap((one) => [...row(model.id, one), ...(twin ? row(twin.model.id, twinTest(evaluation, one)) : [])]);
	return rows.length === 0
		? []
		: [
				{
					caption: 'Answers that follow the thoughts, of n where the other question is answered differently',
					columns: [
						{ label: 'Test', short: true },
						{ label: 'Model', short: true },
						{ label: 'n', numeric: true },
						{ label: 'Follows, %', numeric: true },
						{ label: '95 % interval', numeric: true },
					],
					rows,
				},
			];
}
