/** From outcomes to a result, and the journal between them. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { aggregate } from '../../../src/analysis/evaluation/aggregate';
import { doneOf, journalHeader, journalLine, readJournal } from '../../../src/analysis/evaluation/journal';
import type { Outcome, Role, Setup } from '../../../src/analysis/evaluation/outcome';
import { parseEvaluation, type Evaluation } from '../../../src/analysis/evaluation/result';
import { mcnemar, pairedDifference, wilson } from '../../../src/analysis/statistics';
import { answers, outcomesOf, setup, tests } from './evaluations';

const CIRCUMSTANCES = { created: '2026-01-01T00:00:00.000Z', runtime: 'onnxruntime-node, cpu' };

describe('aggregate', () => {
	const of = (outcomes: Outcome[], more: Partial<Setup> = {}) => aggregate({ ...setup(4), ...more }, outcomes, CIRCUMSTANCES);

	test('counts arms, and holds every two of them against each other', () => {
		const right = [
			{ direct: false, latent: true },
			{ direct: false, latent: true },
			{ direct: true, latent: true },
			{ direct: true, latent: false },
		];
		const { arms, pairs, n, twin } = of(right.map((one, problem) => answers(problem, one)));
		assert.equal(n, 4);
		assert.deepEqual(arms['latent'], { correct: 3, accuracy: 0.75, ci: wilson(3, 4), seconds: 2 });
		const difference = pairedDifference({ both: 1, onlyA: 2, onlyB: 1, neither: 0 });
		assert.deepEqual(pairs, [
			{ a: 'latent', b: 'direct', onlyA: 2, onlyB: 1, p: mcnemar(2, 1), difference: difference.value, ci: difference.ci },
		]);
		assert.equal(twin, undefined);
	});

	test('a test stands beside its unchanged arm, over the problems on which it was run', () => {
		const outcomes = [0, 1, 2, 3].flatMap((problem) => [
			answers(problem, { latent: true }),
			tests(problem, problem === 3 ? [] : [{ right: problem === 0, deltaLogOdds: -problem, kl: problem === 2 ? null : 1 }]),
		]);
		const [result] = of(outcomes, { causal: { tests: ['resample'], reference: 4 } }).causal!;
		assert.equal(result!.n, 3);
		assert.equal(result!.correct, 1);
		assert.deepEqual(result!.ci, wilson(1, 3));
		assert.equal(result!.measured, 2);
		assert.deepEqual([result!.deltaLogOdds, result!.kl], [-0.5, 1], 'what was not measured is left out of the means');
		assert.ok(result!.deltaLogOddsCi[0]! < -0.5 && result!.deltaLogOddsCi[1]! > -0.5);
		assert.equal(result!.follows, undefined);
		assert.deepEqual([result!.unchanged.onlyA, result!.unchanged.onlyB, result!.unchanged.p], [2, 0, 0.5]);
	});

	test('whether answers follow is counted only where they could', () => {
		const outcomes = [true, false, undefined, true].flatMap((follows, problem) => [answers(problem, { latent: true }), tests(problem, [{ follows }])]);
		const [result] = of(outcomes, { causal: { tests: ['resample'], reference: 4 } }).causal!;
		assert.deepEqual(result!.follows, { value: 2 / 3, ci: wilson(2, 3), n: 3 });
		assert.equal(result!.n, 4);
	});

	test('the twin is counted alike and held against the model, test by test', () => {
		const both = (role: Role, right: boolean) => [0, 1, 2, 3].flatMap((problem) => [answers(problem, { latent: right }, role), tests(problem, [{ right: !right }], role)]);
		const { twin, outcomes } = of([...both('model', true), ...both('twin', false)], {
			twin: { id: 'twin', sha256: 'b' },
			causal: { tests: ['resample', 'snap-1'], reference: 4 },
		});
		assert.deepEqual(
			twin!.against.map(({ arm, test: name, onlyA, onlyB, p }) => [arm, name, onlyA, onlyB, p]),
			[
				['latent', undefined, 4, 0, mcnemar(4, 0)],
				['latent', 'resample', 0, 4, mcnemar(0, 4)],
			],
		);
		assert.equal(outcomes.length, 4);
		assert.deepEqual(outcomes.map(({ right }) => right), [
			[true, true, true, true],
			[false, false, false, false],
			[false, false, false, false],
			[true, true, true, true],
		]);
	});

	test('a test that was asked for and never ran is named', () => {
		const { notes } = of([answers(0, { latent: true }), tests(0, [])], { causal: { tests: ['resample'], reference: 4 } });
		assert.deepEqual(notes, ['model: resample was not run, because no arm has what it changes.']);
	});

	test('neither the order of the outcomes nor one that came twice matters', () => {
		const given = { twin: { id: 'twin', sha256: 'b' }, causal: { tests: ['resample'], reference: 6 } };
		const outcomes = outcomesOf(6);
		const once = aggregate({ ...setup(6), ...given }, outcomes, CIRCUMSTANCES);
		const sorted = (evaluation: Evaluation) => JSON.parse(JSON.stringify(evaluation));
		fc.assert(
			fc.property(fc.shuffledSubarray(outcomes, { minLength: 3 }), (some) => {
				const phase = ({ role, kind }: Outcome) => `${role} ${kind}`;
				// Within the order of phases, which a journal keeps.
				const again = [...outcomes, ...some].sort((a, b) => phase(a).localeCompare(phase(b)));
				const straight = [...outcomes].sort((a, b) => phase(a).localeCompare(phase(b)));
				assert.deepEqual(
					sorted(aggregate({ ...setup(6), ...given }, again, CIRCUMSTANCES)),
					sorted(aggregate({ ...setup(6), ...given }, straight, CIRCUMSTANCES)),
				);
			}),
			{ numRuns: 30 },
		);
		assert.equal(once.arms['latent']!.correct, 3);
	});

	test('what it makes is what the reader takes, and no problems are no error', () => {
		const made = of(outcomesOf(4), { twin: { id: 't', sha256: 'c' }, causal: { tests: ['resample'], reference: 4 } });
		for (const evaluation of [made, of([])]) {
			const parsed = parseEvaluation(JSON.stringify(evaluation));
			assert.ok(parsed.ok, JSON.stringify(parsed));
			assert.deepEqual(JSON.parse(JSON.stringify(parsed.evaluation)), JSON.parse(JSON.stringify(evaluation)));
		}
	});
});

describe('journal', () => {
	const given = setup(5);
	const outcomes = outcomesOf(5);
	const whole = journalHeader(given) + outcomes.map(journalLine).join('');

	test('cut anywhere, it holds the lines that were whole', () => {
		const ends = [...whole.matchAll(/\n/g)].map(({ index }) => index + 1);
		for (let length = 0; length <= whole.length; length++) {
			const read = readJournal(whole.slice(0, length), given);
			const lines = ends.filter((end) => end <= length).length;
			if (lines === 0) {
				assert.equal(read.kind, 'empty', `${length}`);
			} else {
				assert.ok(read.kind === 'begun');
				assert.deepEqual(read.outcomes, outcomes.slice(0, lines - 1));
				assert.equal(read.length, ends[lines - 1]);
			}
		}
	});

	test('ends before a line that is no outcome, and before one of a problem that is not asked for', () => {
		for (const line of ['\0\0\0\0\n', '{}\n', journalLine(answers(5, {})), '[[[[[\n', journalLine({ ...answers(1, {}), role: 'x' } as never)]) {
			const read = readJournal(`${journalHeader(given)}${journalLine(outcomes[0]!)}${line}${journalLine(outcomes[1]!)}`, given);
			assert.ok(read.kind === 'begun');
			assert.deepEqual(read.outcomes, [outcomes[0]]);
		}
	});

	test('names what is different in another run', () => {
		const others: [string, Partial<Setup>][] = [
			['version', { producer: 'x' }],
			['model', { model: { id: 'model', sha256: 'z' } }],
			['twin', { twin: { id: 'z', sha256: 'z' } }],
			['data file', { data: { ...given.data, sha256: 'z' } }],
			['number of problems', { data: { ...given.data, n: 4 } }],
			['seed', { options: { ...given.options, seed: 1 } }],
			['arms', { options: { ...given.options, arms: ['cot'] } }],
			['causal tests', { causal: { tests: [], reference: 5 } }],
		];
		for (const [difference, change] of others) {
			assert.deepEqual(readJournal(whole, { ...given, ...change }), { kind: 'other', difference });
		}
		assert.equal(readJournal(whole, { ...given, data: { ...given.data, name: 'renamed.json' } }).kind, 'begun');
	});

	test('a file of somebody else is none', () => {
		for (const text of ['hello', 'hello\nworld\n', '{"format":"x"}\n', '[]\n']) {
			assert.equal(readJournal(text, given).kind, 'foreign', text);
		}
	});

	test('goes on after the first problems without a gap', () => {
		const some = [0, 1, 3].map((problem) => answers(problem, {}));
		assert.equal(doneOf(some, 'model', 'answers'), 2);
		assert.equal(doneOf(some, 'twin', 'answers'), 0);
		assert.equal(doneOf(some, 'model', 'tests'), 0);
	});
});

describe('a result from anybody', () => {
	const good = JSON.parse(
		JSON.stringify(aggregate({ ...setup(4), causal: { tests: ['resample'], reference: 4 } }, outcomesOf(4), CIRCUMSTANCES)),
	) as Record<string, unknown>;
	const wrongOf = (change: Record<string, unknown>) => {
		const parsed = parseEvaluation(JSON.stringify({ ...good, ...change }));
		return parsed.ok ? undefined : parsed.wrong;
	};

	test('is refused with the place of what is wrong', () => {
		assert.equal(wrongOf({}), undefined);
		assert.match(wrongOf({ format: 'x' })!, /not a result of eval/);
		assert.match(wrongOf({ version: 2 })!, /newer version/);
		assert.match(wrongOf({ version: 'one' })!, /version/);
		assert.match(wrongOf({ n: -1 })!, /^n:/);
		assert.match(wrongOf({ model: { id: 'x'.repeat(3000), sha256: '' } })!, /^model\.id/);
		assert.match(wrongOf({ arms: { a: { correct: 'x' } } })!, /^arms\.a/);
		assert.match(wrongOf({ causal: new Array(2001).fill((good['causal'] as unknown[])[0]) })!, /^causal/);
		assert.match(wrongOf({ notes: new Array(1001).fill('x') })!, /^notes/);
		assert.deepEqual(parseEvaluation('{'), { ok: false, wrong: 'it is not JSON' });
		for (const text of ['null', '[]', '3', '"x"', '{}']) {
			assert.equal(parseEvaluation(text).ok, false, text);
		}
	});

	test('whatever a field is replaced by, the answer is a sentence or a result, and no prototype changes', () => {
		fc.assert(
			fc.property(fc.constantFrom(...Object.keys(good), '__proto__'), fc.jsonValue(), (key, value) => {
				const text = JSON.stringify(good).replace(/^\{/, `{${JSON.stringify(key)}:${JSON.stringify(value)},`);
				const parsed = parseEvaluation(text);
				assert.ok(parsed.ok ? parsed.evaluation.n === 4 || key === 'n' : parsed.wrong.length < 300);
				assert.equal(({} as Record<string, unknown>)['polluted'], undefined);
			}),
			{ numRuns: 200 },
		);
	});
});
