/** The optimiser, the ranking and the calibration figures against scikit-learn and NumPy (test/fixtures/probe.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { calibrationError, reliability } from '../../../src/analysis/calibration';
import { fitLogistic, logit, logLoss, sigmoid, type Design, type Logistic } from '../../../src/analysis/logistic';
import { choosePenalty, fitAny, FOLDS, PENALTIES } from '../../../src/analysis/penalty';
import { bootstrap, Ranking } from '../../../src/analysis/ranking';
import { dealGroups } from '../../../src/analysis/split';
import { gaussian, generator } from '../../../src/shared/random';

interface Fixture {
	regressions: { width: number; x: number[]; y: number[]; fits: { penalty: number; weight: number[]; bias: number }[] }[];
	rankings: { labels: number[]; scores: number[]; auroc: number; recall: number; ece: number }[];
}

const { regressions, rankings } = JSON.parse(readFileSync('test/fixtures/probe.json', 'utf8')) as Fixture;

function ended<T>(work: Generator<unknown, T>): T {
	for (let next = work.next(); ; next = work.next()) {
		if (next.done) {
			return next.value;
		}
	}
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const near = (found: number, wanted: number, tolerance: number) =>
	assert.ok(Math.abs(found - wanted) <= tolerance, `${found} for ${wanted}`);
const ranked = ({ labels, scores }: { labels: number[]; scores: number[] }) =>
	new Ranking(scores.map((score, group) => ({ score, positive: labels[group] === 1, group })));

describe('logistic regression', () => {
	for (const { width, x, y, fits } of regressions) {
		const design: Design = { values: Float64Array.from(x), width };
		test(`coefficients of ${y.length} rows of ${width} values are scikit-learn's, cold and along the path`, () => {
			let warm: Logistic | undefined;
			for (const { penalty, weight, bias } of fits) {
				const cold = ended(fitLogistic(design, y, range(y.length), penalty));
				warm = ended(fitLogistic(design, y, range(y.length), penalty, warm));
				for (const fit of [cold, warm]) {
					assert.ok(fit.gradient <= 1e-8, `gradient ${fit.gradient}`);
					near(fit.bias, bias, 1e-4);
					weight.forEach((value, i) => near(fit.weight[i]!, value, 1e-4));
				}
			}
		});
	}

	test('only the rows that are named are fitted', () => {
		const { width, x, y } = regressions[0]!;
		const design = { values: Float64Array.from(x), width };
		const half = range(y.length).filter((row) => row % 2 === 0);
		const alone = { values: Float64Array.from(half.flatMap((row) => x.slice(row * width, (row + 1) * width))), width };
		const some = ended(fitLogistic(design, y, half, 0.1));
		const own = ended(fitLogistic(alone, half.map((row) => y[row]!), range(half.length), 0.1));
		some.weight.forEach((value, i) => near(value, own.weight[i]!, 1e-7));
	});

	test('labels that are all alike give a constant, and the loss is the negative logarithm', () => {
		const fit = ended(fitAny({ values: new Float64Array(6), width: 2 }, { labels: [1, 1, 1], members: [0, 1, 2] }, 1));
		assert.deepEqual([...fit.weight], [0, 0]);
		near(sigmoid(fit.bias), 3.5 / 4, 1e-12);
		near(logLoss(2, 1), -Math.log(sigmoid(2)), 1e-12);
		near(logLoss(2, 0), -Math.log(1 - sigmoid(2)), 1e-12);
		assert.equal(logLoss(1000, 0), 1000);
	});

	test('the penalty is strong on noise and weaker on what can be learnt', () => {
		const uniform = generator(3, 'penalty');
		const [n, width] = [160, 10];
		const values = Float64Array.from({ length: n * width }, () => gaussian(uniform));
		const design = { values, width };
		const rows = range(n);
		const noise = rows.map(() => (uniform() < 0.5 ? 1 : 0));
		const signal = rows.map((row) => (values[row * width]! - values[row * width + 1]! > 0 ? 1 : 0));
		const chosen = (labels: number[]) => ended(choosePenalty(design, [{ labels, members: rows }], (row) => row % FOLDS));
		assert.ok(chosen(noise).penalty >= 3, `${chosen(noise).penalty}`);
		assert.ok(chosen(signal).penalty <= 0.03, `${chosen(signal).penalty}`);
		const { losses, penalty } = chosen(signal);
		assert.ok(losses.length > PENALTIES.indexOf(penalty));
		assert.equal(Math.min(...losses), losses[PENALTIES.indexOf(penalty)]);
		// By hand: the mean loss of each part under the fit of the others.
		const fits = range(FOLDS).map((fold) => ended(fitLogistic(design, signal, rows.filter((row) => row % FOLDS !== fold), penalty)));
		const byHand = rows.reduce((sum, row) => sum + logLoss(logit(design, row, fits[row % FOLDS]!), signal[row]!) / n, 0);
		// The path's fits are looser.
		near(losses[PENALTIES.indexOf(penalty)]!, byHand, 1e-4);
	});
});

describe('ranking and calibration', () => {
	for (const [i, fixture] of rankings.entries()) {
		test(`AUROC, recall at 1 % false positives and calibration error are Python's (${i})`, () => {
			const ranking = ranked(fixture);
			near(ranking.auroc(), fixture.auroc, 1e-12);
			near(ranking.recall(), fixture.recall, 1e-12);
			near(calibrationError(reliability(fixture.scores, fixture.labels)), fixture.ece, 1e-12);
		});
	}

	test('a group that counts twice is one whose examples are there twice, and one that counts not at all is not there', () => {
		const { labels, scores } = rankings[1]!;
		const times = labels.map((_, i) => i % 3);
		const twice = labels.flatMap((_, i) => range(times[i]!).map(() => i));
		const copied = ranked({ labels: twice.map((i) => labels[i]!), scores: twice.map((i) => scores[i]!) });
		near(ranked(rankings[1]!).auroc(times), copied.auroc(), 1e-12);
		near(ranked(rankings[1]!).recall(times), copied.recall(), 1e-12);
	});

	test('one label alone has neither AUROC nor recall', () => {
		const ranking = ranked({ labels: [1, 1], scores: [0.1, 0.2] });
		assert.deepEqual([ranking.auroc(), ranking.recall()], [NaN, NaN]);
	});

	test('the interval is the same for a seed, about two standard errors to each side, and wider with fewer groups', () => {
		const { labels, scores, auroc } = rankings[0]!;
		const interval = (groups: number, seed: number) => {
			const ranking = new Ranking(scores.map((score, i) => ({ score, positive: labels[i] === 1, group: i % groups })));
			return bootstrap(groups, (times) => ({ auroc: ranking.auroc(times) }), seed, 'test').auroc;
		};
		const [low, high] = interval(300, 1);
		assert.deepEqual(interval(300, 1), [low, high]);
		assert.notDeepEqual(interval(300, 2), [low, high]);
		// Hanley and McNeil's standard error of an AUROC, with 150 examples of each label.
		const [q1, q2] = [auroc / (2 - auroc), (2 * auroc * auroc) / (1 + auroc)];
		const error = Math.sqrt((auroc * (1 - auroc) + 149 * (q1 - auroc ** 2) + 149 * (q2 - auroc ** 2)) / 150 ** 2);
		near((high - low) / 2, 1.96 * error, 0.2 * 1.96 * error);
		assert.ok(low < auroc && auroc < high);
	});

	test('groups are dealt whole, evenly, and evenly within each stratum', () => {
		const parts = dealGroups(range(90), (group) => (group < 30 ? 1 : 0), 3, 7, 'test');
		const count = (part: number, from: number, to: number) => range(90).slice(from, to).filter((group) => parts.get(group) === part).length;
		for (const part of range(3)) {
			assert.deepEqual([count(part, 0, 30), count(part, 30, 90)], [10, 20]);
		}
		assert.notDeepEqual(parts, dealGroups(range(90), (group) => (group < 30 ? 1 : 0), 3, 8, 'test'));
	});
});
