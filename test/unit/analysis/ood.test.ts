/** Measures against NumPy, SciPy and scikit-learn (test/fixtures/ood.py), and what must hold for any input. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { effectiveTokens, Mixtures } from '../../../src/analysis/mixture';
import { cloudOf, measure, MEASURES, percentile, scaleOf, type Clouds, type Member } from '../../../src/analysis/ood';

interface Fixture {
	width: number;
	tokens: number[];
	text: number[];
	vectors: number[];
	rows: { thought: number; measure: (typeof MEASURES)[number]; value: number; tokens: number; text: number }[];
}

const { width, tokens, text, vectors, rows } = (
	JSON.parse(readFileSync('test/fixtures/ood.json', 'utf8')) as { synthetic: Fixture }
).synthetic;
const TOLERANCE = 1e-5;

const clouds: Clouds = {
	width,
	tokens: cloudOf(Float32Array.from(tokens), width),
	text: cloudOf(Float32Array.from(text), width),
};
const rowOf = (all: Float32Array, row: number) => all.subarray(row * width, (row + 1) * width);

function scale(cloud: Member['cloud']) {
	const all = clouds[cloud].rows;
	return scaleOf(Array.from({ length: all.length / width }, (_, row) => measure(rowOf(all, row), clouds, { cloud, row })));
}

describe('measures', () => {
	test('values and percentiles agree with the independent computation', () => {
		const scales = { tokens: scale('tokens'), text: scale('text') };
		assert.equal(rows.length, (vectors.length / width) * MEASURES.length);
		for (const expected of rows) {
			const { thought, measure: name } = expected;
			const value = measure(rowOf(Float32Array.from(vectors), thought), clouds)[name];
			const context = `${name} of ${thought}: ${value} for ${expected.value}`;
			assert.ok(Math.abs(value - expected.value) <= TOLERANCE * Math.max(1, expected.value), context);
			assert.ok(Math.abs(percentile(value, scales.tokens[name]) - expected.tokens) < 1e-6, context);
			assert.ok(Math.abs(percentile(value, scales.text[name]) - expected.text) < 1e-6, context);
		}
	});

	test('what cannot be measured is NaN, and has no percentile', () => {
		const broken = measure(new Float32Array(width).fill(NaN), clouds);
		assert.ok(MEASURES.every((name) => Number.isNaN(broken[name])));
		assert.ok(Number.isNaN(percentile(NaN, Float64Array.of(1, 2))));
		assert.ok(Number.isNaN(percentile(1, new Float64Array())));
		assert.ok(Number.isNaN(measure(new Float32Array(width), clouds)['max-cosine']));
		const few = measure(rowOf(clouds.tokens.rows, 0), { ...clouds, text: cloudOf(Float32Array.from(text.slice(0, width)), width) });
		assert.ok(Number.isNaN(few['knn-text']) && Number.isNaN(few['mahalanobis-text']));
		assert.ok(Number.isFinite(few['knn-tokens']));
	});

	test('rows that are not finite are left out of a cloud', () => {
		const spoilt = Float32Array.from([...tokens, ...new Array<number>(width).fill(Infinity)]);
		const { rows, gaussian } = cloudOf(spoilt, width);
		assert.deepEqual([rows, gaussian], [clouds.tokens.rows, clouds.tokens.gaussian]);
	});

	test('a member is not compared with itself', () => {
		const vector = rowOf(clouds.tokens.rows, 3);
		const outside = measure(vector, clouds);
		const inside = measure(vector, clouds, { cloud: 'tokens', row: 3 });
		assert.ok(outside['max-cosine'] > 1 - 1e-6 && outside['mixture-residual'] < 1e-5);
		assert.ok(Math.abs(outside['effective-tokens'] - 1) < 1e-5);
		assert.ok(inside['max-cosine'] < 0.99 && inside['mixture-residual'] > 0.1);
		assert.ok(inside['mahalanobis-tokens'] > outside['mahalanobis-tokens']);
	});
});

describe('best convex mixture', () => {
	const value = fc.double({ min: -10, max: 10, noNaN: true });
	const problem = fc.integer({ min: 1, max: 6 }).chain((size) =>
		fc.record({
			size: fc.constant(size),
			vector: fc.array(value, { minLength: size, maxLength: size }),
			points: fc.array(fc.array(value, { minLength: size, maxLength: size }), { minLength: 1, maxLength: 20 }),
		}),
	);

	test('no row improves it: it is the nearest point of the hull', () => {
		fc.assert(
			fc.property(problem, ({ size, vector, points }) => {
				const z = Float32Array.from(vector);
				const matrix = Float32Array.from(points.flat());
				const mixture = new Mixtures(matrix, size).nearest(z);
				assert.ok(mixture);
				const { support, residual } = mixture;
				assert.ok(support.length <= size + 1 && support.every(({ weight }) => weight > 0));
				assert.ok(Math.abs(support.reduce((sum, { weight }) => sum + weight, 0) - 1) < 1e-9);
				const point = Array.from(z, (_, i) => support.reduce((sum, { row, weight }) => sum + weight * matrix[row * size + i]!, 0));
				const away = point.map((entry, i) => entry - z[i]!);
				assert.ok(Math.abs(Math.hypot(...away) - residual) < 1e-4);
				const slope = (row: number) => away.reduce((sum, entry, i) => sum + entry * (matrix[row * size + i]! - point[i]!), 0);
				// A row that depends on those in use up to rounding is passed over: its slope is rounding of squared distances.
				const scale = Math.max(...points.map((row) => row.reduce((sum, entry, i) => sum + (entry - z[i]!) ** 2, 0)));
				assert.ok(points.every((_, row) => slope(row) > -Math.max(1e-5, 1e-6 * scale)));
				const effective = effectiveTokens(mixture);
				assert.ok(effective > 1 - 1e-9 && effective < support.length + 1e-9);
			}),
			{
				numRuns: 500,
				examples: [[{ size: 5, vector: [0, 0, 0, 0, 2.149082779884339], points: [[0, 0, 0, 9.999999523162842, 0], [0, 0, 0, -4.550046682357788, 0.000002117203962370695], [0, 0, 0, 0, 0]] }]],
			},
		);
	});

	test('equal parts of three tokens count as three; a single row has no others', () => {
		const matrix = Float32Array.of(3, 0, 0, 0, 3, 0, 0, 0, 3, 9, 9, 9);
		const mixture = new Mixtures(matrix, 3).nearest(Float32Array.of(1, 1, 1))!;
		assert.ok(Math.abs(effectiveTokens(mixture) - 3) < 1e-6 && mixture.residual < 1e-6);
		assert.equal(new Mixtures(Float32Array.of(2), 1).nearest(Float32Array.of(1), 0), undefined);
	});
});

test('percentiles: in 0..100, monotone, mirrored, 50 for the value that all have', () => {
	const numbers = fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1, maxLength: 50 });
	fc.assert(
		fc.property(numbers, fc.integer({ min: -25, max: 25 }), fc.nat(10), (values, value, more) => {
			const ascending = Float64Array.from(values).sort();
			const found = percentile(value, ascending);
			const mirrored = percentile(-value, ascending.map((one) => -one).sort());
			assert.ok(found >= 0 && found <= 100 && percentile(value + more, ascending) >= found);
			assert.ok(Math.abs(found + mirrored - 100) < 1e-9);
			assert.equal(percentile(value, new Float64Array(values.length).fill(value)), 50);
		}),
	);
});
