/** The ladder of evidence, by hand-made findings: every rung reached, missed and not measured, and that levels need all below. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { claimOf, MIN_DRAWS, MIN_PROMPTS, MIN_RESAMPLES, moves, NEGLIGIBLE, type Findings } from '../../../src/analysis/evidence';
import type { Estimate } from '../../../src/trace/evidence';

const estimate = (value: number, low: number, high: number, n: number): Estimate => ({ value, ci: [low, high], n });
const shuffled = (p: number, n = 150) => ({ ...estimate(0.06, 0.04, 0.08, n), p });
const candidates = [
	{ label: 'yumpus', group: 'path', mass: 0.6, rank: 1 },
	{ label: 'zumpus', group: 'frontier', mass: 0.3, rank: 2 },
	{ label: 'impus', group: 'later', mass: 0.08, rank: 3 },
	{ label: 'tumpus', group: 'frontier', mass: 0.01, rank: 4 },
] as const;

/** Everything there is to find. */
const full: Findings = {
	arm: 'latent',
	thought: 1,
	top: 'yumpus',
	reading: { candidates: [...candidates], live: 0.91, shuffled: shuffled(0.007) },
	twin: { live: 0.1, shuffled: shuffled(0.4) },
	random: { live: 0.01, shuffled: shuffled(0.9) },
	resample: estimate(-12, -14, -10, 20),
	twinResample: estimate(0, 0, 0, 20),
	cohort: estimate(-9, -10, -8, 150),
};

const states = (findings: Findings) => claimOf(findings).rungs.map(({ state }) => state);

describe('the ladder', () => {
	test('all rungs: L4, with the numbers in each reason', () => {
		const { level, claim, rungs } = claimOf(full);
		assert.equal(level, 4);
		assert.equal(claim, 'reads as yumpus, zumpus');
		assert.deepEqual(rungs.map((rung) => rung.level), [1, 2, 3, 4]);
		assert.match(rungs[0]!.why, /0\.910.*0\.060.*p = 0\.007.*150 other questions/);
		assert.match(rungs[1]!.why, /twin: mass 0\.100.*p = 0\.400.*random weights: mass 0\.010/i);
		assert.match(rungs[2]!.why, /−12\.00 \[−14\.00, −10\.00\], n = 20; on the twin Δ log-odds 0\.00 \[0\.00, 0\.00\]/);
		assert.match(rungs[3]!.why, /150 reference prompts.*−9\.00/);
	});

	const cases: [what: string, change: Partial<Findings>, rung: number, state: string, level: number][] = [
		['no candidates', { reading: undefined }, 1, 'not measured', 0],
		['no other questions', { reading: { candidates: [], live: 1 } }, 1, 'not measured', 0],
		['too few other questions', { reading: { candidates: [], live: 1, shuffled: shuffled(0.055, MIN_DRAWS - 1) } }, 1, 'not measured', 0],
		['as few as may be', { reading: { candidates: [], live: 1, shuffled: shuffled(1 / (1 + MIN_DRAWS), MIN_DRAWS) } }, 1, 'reached', 4],
		['p at the significance', { reading: { candidates: [], live: 1, shuffled: shuffled(0.05) } }, 1, 'not reached', 0],
		['no twin', { twin: undefined }, 2, 'not measured', 1],
		['a twin without comparison', { twin: { live: 0.9, shuffled: shuffled(0.5, 3) } }, 2, 'not measured', 1],
		['the twin reads so too', { twin: { live: 0.9, shuffled: shuffled(0.01) } }, 2, 'not reached', 1],
		['the twin has as much, though others of its thoughts do too', { twin: { live: 0.91, shuffled: shuffled(0.06) } }, 2, 'not reached', 1],
		['random weights read so too', { random: { live: 0.9, shuffled: shuffled(0.01) } }, 2, 'not reached', 1],
		['no random weights: the twin decides', { random: undefined }, 2, 'reached', 4],
		['no resamples', { resample: undefined }, 3, 'not measured', 2],
		['too few resamples', { resample: estimate(-12, -14, -10, MIN_RESAMPLES - 1) }, 3, 'not measured', 2],
		['resamples on no twin', { twinResample: undefined }, 3, 'not measured', 2],
		['the interval holds 0', { resample: estimate(-1, -3, 1, 20) }, 3, 'not reached', 2],
		['a movement that is none', { resample: estimate(-0.005, -0.006, -0.004, 20) }, 3, 'not reached', 2],
		['the answer becomes more certain', { resample: estimate(3, 2, 4, 20) }, 3, 'reached', 3],
		['and elsewhere less', { resample: estimate(3, 2, 4, 20) }, 4, 'not reached', 3],
		['here and elsewhere more', { resample: estimate(3, 2, 4, 20), cohort: estimate(2, 1, 3, 150) }, 4, 'reached', 4],
		['the twin moves too', { twinResample: estimate(-2, -3, -1, 20) }, 3, 'not reached', 2],
		['no cohort', { cohort: undefined }, 4, 'not measured', 3],
		['a small cohort', { cohort: estimate(-9, -10, -8, MIN_PROMPTS - 1) }, 4, 'not measured', 3],
		['as small as may be', { cohort: estimate(-9, -10, -8, MIN_PROMPTS) }, 4, 'reached', 4],
		['a cohort that does not move', { cohort: estimate(-0.1, -0.3, 0.1, 150) }, 4, 'not reached', 3],
	];
	for (const [what, change, rung, state, level] of cases) {
		test(`${what}: rung ${rung} is ${state}, L${level}`, () => {
			const claim = claimOf({ ...full, ...change });
			assert.equal(claim.rungs[rung - 1]!.state, state);
			assert.equal(claim.level, level);
			assert.match(claim.rungs[rung - 1]!.why, /^[^\n]+\.$/);
		});
	}

	test('a level needs all below it, whatever is reached above', () => {
		const { level } = claimOf({ ...full, reading: { ...full.reading!, shuffled: shuffled(0.3) } });
		assert.equal(level, 0);
		assert.deepEqual(states({ ...full, reading: { ...full.reading!, shuffled: shuffled(0.3) } }), ['not reached', 'reached', 'reached', 'reached']);
	});

	test('nothing measured: L0, and every rung says so', () => {
		const nothing = { arm: 'latent', thought: 0, top: '"x"' };
		assert.deepEqual(states(nothing), Array.from({ length: 4 }, () => 'not measured'));
		assert.equal(claimOf(nothing).claim, 'reads as "x"');
	});

	test('a claim names live words only, and the top token where there is none', () => {
		const reading = { candidates: [candidates[2]], live: 0, shuffled: shuffled(1) };
		assert.equal(claimOf({ ...full, top: '"<a>"', reading }).claim, 'reads as "<a>"');
		const listed = { candidates: [{ label: 'yes', group: 'candidate' as const, mass: 0.9, rank: 1 }], live: 0.9, shuffled: shuffled(0.3) };
		assert.equal(claimOf({ ...full, reading: listed }).claim, 'reads as yes');
	});
});

test('an interval moves only beyond what is negligible, on either side', () => {
	assert.equal(moves(estimate(1, NEGLIGIBLE, 2, 20)), false);
	assert.equal(moves(estimate(1, NEGLIGIBLE * 1.01, 2, 20)), true);
	assert.equal(moves(estimate(-1, -2, -NEGLIGIBLE, 20)), false);
	assert.equal(moves(estimate(-1, -2, -NEGLIGIBLE * 1.01, 20)), true);
	assert.equal(moves(estimate(0, NaN, NaN, 1)), false);
});
