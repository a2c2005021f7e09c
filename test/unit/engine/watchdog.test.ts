import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { afterCrash, deadline, Quarantine, type Crashes, type Verdict } from '../../../src/engine/caller/watchdog';

function crashing(times: number[]): Verdict[] {
	let crashes: Crashes = [];
	return times.map((at) => {
		const next = afterCrash(crashes, at);
		crashes = next.crashes;
		return next.verdict;
	});
}

describe('watchdog', () => {
	test('waits ten times the estimate, at least 5 s, and never for ever', () => {
		assert.equal(deadline(), 5_000);
		assert.equal(deadline(0.1), 5_000);
		assert.equal(deadline(2), 20_000);
		assert.equal(deadline(1e12), 600_000);
		assert.equal(deadline(NaN), 5_000);
		assert.equal(deadline(Infinity), 5_000);
	});

	test('backs off from 0.25 s, doubling, and gives up at the fifth crash in three minutes', () => {
		assert.deepEqual(crashing([0, 1_000, 2_000, 3_000, 4_000]), [
			{ kind: 'back-off', delay: 250 },
			{ kind: 'back-off', delay: 500 },
			{ kind: 'back-off', delay: 1_000 },
			{ kind: 'back-off', delay: 2_000 },
			{ kind: 'gave-up' },
		]);
	});

	test('forgets crashes after three minutes', () => {
		const verdicts = crashing([0, 60_000, 120_000, 180_000, 240_000, 300_000, 360_000]);
		assert.ok(verdicts.every((verdict) => verdict.kind === 'back-off'));
		assert.deepEqual(crashing([0, 200_000]).at(-1), { kind: 'back-off', delay: 250 });
	});

	test('quarantines a model at its second crash in a row', () => {
		const quarantine = new Quarantine();
		quarantine.crashed('a');
		assert.equal(quarantine.holds('a'), false);
		quarantine.succeeded('a');
		quarantine.crashed('a');
		assert.equal(quarantine.holds('a'), false);
		quarantine.crashed('a');
		assert.equal(quarantine.holds('a'), true);
		assert.equal(quarantine.holds('b'), false);
		quarantine.clear();
		assert.equal(quarantine.holds('a'), false);
	});
});
