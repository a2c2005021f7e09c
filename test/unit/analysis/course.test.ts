/** All thoughts at once: components and distances against NumPy (test/fixtures/principal.py), curves, effects, capacity. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readFileSync } from 'node:fs';
import { binned, binSize } from '../../../src/analysis/course/bins';
import { CourseReader, hasCourse } from '../../../src/analysis/course/course';
import { effectsView } from '../../../src/analysis/course/effects';
import { geometryOf, shuffledDistance } from '../../../src/analysis/course/geometry';
import { Lookup } from '../../../src/analysis/lookup';
import { effectiveDimension, isotropicDimension, principal } from '../../../src/analysis/principal';
import { generator, gaussian } from '../../../src/shared/random';
import type { TraceDocument } from '../../../src/trace/document';
import type { PlaneName, TraceSource } from '../../../src/trace/planes';
import { sampleDocument, sampleEvidence, WIDTH } from '../trace/sample';
import { change, estimate } from './evidenceSample';

interface Fixture {
	name: string;
	vectors: number[][];
	variances: number[];
	places: number[][];
	dimension: number;
	norm: number[];
	drift: number[];
	departure: number[];
	shuffled: { value: number; ci: [number, number]; n: number };
}

const FIXTURES = JSON.parse(readFileSync('test/fixtures/principal.json', 'utf8')) as Fixture[];

function close(found: ArrayLike<number>, expected: readonly number[], tolerance = 1e-5): void {
	assert.equal(found.length, expected.length);
	expected.forEach((value, i) => assert.ok(Math.abs(found[i]! - value) < tolerance, `${i}: ${found[i]}, expected ${value}`));
}

/** A trace of the sample's latent arm with `vectors` as its thoughts, in memory. */
function source(vectors: readonly (readonly number[])[], planes: Partial<Record<PlaneName, { stride: number; values: Float32Array }>> = {}, extra: Partial<TraceDocument> = {}): TraceSource {
	const sample = sampleDocument();
	const arms = sample.arms.map((arm) => {
		const first = arm.thoughts[0]?.producedAt ?? 0;
		return arm.name === 'latent' ? { ...arm, latentWidth: vectors[0]!.length, thoughts: vectors.map((_, index) => ({ index, producedAt: first + index, fedAt: first + index + 1 })) } : arm;
	});
	const held = new Map(Object.entries({ 'latent.vec': { stride: vectors[0]!.length, values: Float32Array.from(vectors.flat()) }, ...planes }));
	return {
		document: { ...sample, arms, ...extra },
		read(arm, plane, { start, end }) {
			const found = arm === 'latent' ? held.get(plane) : undefined;
			return Promise.resolve(found?.values.slice(start * found.stride, end * found.stride));
		},
		dispose() {},
	};
}

const latentOf = ({ document }: TraceSource) => document.arms.find(({ name }) => name === 'latent')!;

/** A walk with a seed. */
function walk(count: number, width: number): number[][] {
	const uniform = generator(1, 'walk');
	const place = new Array<number>(width).fill(0);
	return Array.from({ length: count }, () => place.map((value, i) => (place[i] = value + gaussian(uniform))));
}

describe('principal components', () => {
	for (const { name, vectors, variances, places, dimension } of FIXTURES) {
		test(`are NumPy’s: ${name}`, () => {
			const rows = vectors.map((vector) => Float32Array.from(vector));
			const found = principal(rows, 3);
			close(found.variances.slice(0, variances.length), variances);
			rows.forEach((row, i) => close(found.project(row), places[i]!));
			assert.ok(Math.abs(effectiveDimension(found.variances) - dimension) < 1e-6);
		});
	}

	test('what does not vary lies at one place and has no dimension', () => {
		const { variances, project } = principal(Array.from({ length: 9 }, () => Float32Array.of(1, 2, 3)), 3);
		assert.deepEqual([effectiveDimension(variances), project([1, 2, 3])], [0, [0, 0, 0]]);
	});

	test('the participation ratio of vectors that vary alike in all directions is what is said of it', () => {
		const uniform = generator(3, 'isotropic');
		const rows = Array.from({ length: 300 }, () => Float32Array.from({ length: 18 }, () => gaussian(uniform)));
		assert.ok(Math.abs(effectiveDimension(principal(rows, 1).variances) - isotropicDimension(300, 18)) < 0.2);
	});
});

describe('geometry', () => {
	for (const { name, vectors, norm, drift, departure, places, shuffled } of FIXTURES) {
		test(`is NumPy’s: ${name}`, async () => {
			const trace = source(vectors);
			const found = (await geometryOf(trace, latentOf(trace)))!;
			close(found.norm, norm);
			assert.ok(Number.isNaN(found.drift[0]));
			close(found.drift.subarray(1), drift);
			close(found.departure, departure);
			close(found.places, places.flat(), 1e-4);
			close([found.shuffled.value, ...found.shuffled.ci, found.shuffled.n], [shuffled.value, ...shuffled.ci, shuffled.n]);
		});
	}

	test('more thoughts than a read holds: the seam between two reads is a step like any other', async () => {
		const vectors = walk(2_500, 3);
		const trace = source(vectors);
		const { drift, sampled, places } = (await geometryOf(trace, latentOf(trace)))!;
		const step = (i: number) => Math.hypot(...vectors[i]!.map((value, k) => value - vectors[i - 1]![k]!));
		close([1_023, 1_024, 1_025, 2_048].map((i) => drift[i]!), [1_023, 1_024, 1_025, 2_048].map(step));
		assert.equal(sampled, 2_048);
		assert.ok(places.every(Number.isFinite));
	});

	test('of vectors wider than what is decomposed a part is taken, and pairs are drawn where there are too many', async () => {
		const trace = source(walk(300, 300));
		assert.equal((await geometryOf(trace, latentOf(trace)))!.sampled, 256);
		const { n, value, ci } = shuffledDistance(walk(300, 2).map((vector) => Float32Array.from(vector)));
		assert.ok(n < (300 * 299) / 2 && ci[0] < value && value < ci[1]);
	});

	test('missing vectors and values that are no numbers have none', async () => {
		const short = source(walk(9, 4), { 'latent.vec': { stride: 4, values: new Float32Array(8 * 4) } });
		assert.equal(await geometryOf(short, latentOf(short)), undefined);
		const odd = source([...walk(8, 2), [NaN, 0]]);
		assert.equal(await geometryOf(odd, latentOf(odd)), undefined);
	});
});

describe('bins', () => {
	test('as many as asked for at most; the lowest and highest of each, without what was not measured', () => {
		assert.deepEqual([binSize(128, 1_024), binSize(10_000, 1_024), binSize(0, 4)], [1, 10, 1]);
		const { mean, low, high } = binned(Float32Array.of(1, NaN, 5, NaN, NaN, NaN, 0), 3);
		assert.deepEqual([...mean], [3, NaN, 0]);
		assert.deepEqual([...low], [1, NaN, 0]);
		assert.deepEqual([...high], [5, NaN, 0]);
	});

	test('ends of an interval stand for their value; a bound of 0 is a bound', () => {
		const { mean, low, high } = binned(Float32Array.of(-2, -1), 1, Float32Array.of(-3, NaN), Float32Array.of(0, NaN));
		assert.deepEqual([[...mean], [...low], [...high]], [[-2, -1], [-3, -1], [0, -1]]);
	});
});

describe('effects', () => {
	const arm = latentOf(source(walk(10, 2)));
	const record = (tests: Parameters<typeof change>[0][]) => ({ ...sampleEvidence(), tests: tests.map(change) });

	test('only single thoughts whose later ones are computed again, several draws before one, the rest not measured', () => {
		const control = { changed: false, deltaLogOdds: 0, kl: 0, draws: estimate(0, 0.1) };
		const found = effectsView(
			record([
				{ test: 'ablate-zero', step: 0, deltaLogOdds: -9 },
				{ test: 'resample', step: 2, deltaLogOdds: -4, draws: estimate(-3, 0.5), control },
				{ test: 'resample', step: 2, later: 'frozen', deltaLogOdds: 7 },
				{ test: 'resample', step: 'all', later: 'none', deltaLogOdds: 8 },
				{ test: 'resample', step: 9, later: 'none', deltaLogOdds: 1, control: { ...control, draws: undefined } },
				{ test: 'resample', step: 10, deltaLogOdds: 99 },
				{ test: 'truncate', step: 1, later: 'none' },
				{ test: 'patch', form: 'zero', step: 1, site: 0 },
			]),
			arm,
			1,
		)!;
		assert.deepEqual(found.changes, [{ name: 'resample', label: 'another prompt’s' }, { name: 'ablate-zero', label: 'zero' }]);
		assert.deepEqual([...found.series.mean], [NaN, NaN, -3, NaN, NaN, NaN, NaN, NaN, NaN, 1]);
		assert.deepEqual([found.series.low[2], found.series.high[2], found.measured, found.domain], [-3.5, -2.5, 2, [-3.5, 1]]);
		assert.ok(found.control?.kind === 'curve' && found.control.series.low[2] === Math.fround(-0.1));
		assert.match(found.definition, /another prompt’s.*interval.*twin/);
	});

	test('another change is chosen by its name, and an unknown one is the first; without single thoughts there is nothing', () => {
		const tests = record([{ test: 'snap-1', form: 'raw', step: 0 }, { test: 'ablate-zero', step: 1, deltaLogOdds: null }]);
		assert.equal(effectsView(tests, arm, 1, 'ablate-zero')!.shown, 'ablate-zero');
		assert.equal(effectsView(tests, arm, 1, 'ablate-zero')!.measured, 0);
		assert.equal(effectsView(tests, arm, 1, 'no such')!.shown, 'snap-1 raw');
		assert.equal(effectsView(record([{ test: 'resample', step: 'all' }]), arm, 1), undefined);
	});
});

describe('a course', () => {
	const codes = [{ name: 'room', from: 0, to: 1, classes: ['a', 'b\u202E'], state: 'discrete' as const }];
	const model = { ...sampleDocument().model, codes };
	const K = 12;
	const planes = {
		'code.room.id': { stride: 2, values: Int32Array.from({ length: 2 * K }, (_, i) => (i % 4 === 0 ? 1 : 0)) as unknown as Float32Array },
		'code.room.distance': { stride: 2, values: Float32Array.from({ length: 2 * K }, (_, i) => i) },
	};

	test('has curves with their controls, a path with names, and figures with theirs', async () => {
		const trace = source(walk(K, WIDTH), planes, { model, evidence: sampleEvidence() });
		const course = (await new CourseReader(new Lookup(trace)).read({ revision: 0, bins: 100 }))!;
		assert.deepEqual(course.curves.map(({ label }) => label), ['norm', 'drift', 'from the first', 'to room code']);
		assert.deepEqual(course.curves.map(({ measured }) => measured), [12, 11, 12, 12]);
		const [, drift, , room] = course.curves;
		assert.equal(drift!.control?.kind, 'level');
		assert.ok(room!.control?.kind === 'curve' && room!.control.series.mean[1] === 3 && room!.series.mean[1] === 2);
		const [names] = course.path!.labels;
		assert.deepEqual(names!.groups.map(({ name }) => name), ['b⟨U+202E⟩', 'a']);
		assert.deepEqual([...names!.of], Array.from({ length: K }, (_, i) => i % 2));
		assert.ok(Math.abs(course.path!.shares.reduce((sum, share) => sum + share, course.path!.rest) - 1) < 1e-9);
		assert.deepEqual(course.capacity.map(({ value, control }) => [value, control]).slice(1), [['12.0 of 4', 'not measured on the twin'], ['≈ 9.0', 'not measured on the twin']]);
		assert.match(course.capacity[0]!.control, /random vectors 2\.8/);
		assert.equal(course.effects!.measured, 1);
	});

	test('in few bins: one point each, and the range of its thoughts', async () => {
		const trace = source(walk(K, WIDTH), planes, { model });
		const course = (await new CourseReader(new Lookup(trace)).read({ revision: 0, bins: 5 }))!;
		assert.deepEqual([course.every, course.path!.places.length, course.curves[0]!.series.mean.length], [3, 4 * 3, 4]);
		assert.deepEqual([course.effects, course.path!.labels[0]!.of.length], [undefined, 4]);
	});

	test('there is none of few thoughts, of a run that goes on, or without anything to draw', async () => {
		assert.equal(await new CourseReader(new Lookup(source(walk(7, 2)))).read({ revision: 0, bins: 9 }), null);
		assert.ok(!hasCourse({ ...latentOf(source(walk(20, 2))), state: 'running' }));
		const bare = source(walk(9, 2), { 'latent.vec': undefined });
		assert.equal(await new CourseReader(new Lookup(bare)).read({ revision: 0, bins: 9 }), null);
	});

	test('its geometry is computed once', async () => {
		const trace = source(walk(K, WIDTH));
		let reads = 0;
		const counting: TraceSource = { ...trace, read: (arm, plane, rows) => ((reads += Number(plane === 'latent.vec')), trace.read(arm, plane, rows)) };
		const reader = new CourseReader(new Lookup(counting));
		await reader.read({ revision: 0, bins: 9 });
		const after = reads;
		await reader.read({ revision: 1, bins: 5 });
		assert.equal(reads, after);
	});
});
