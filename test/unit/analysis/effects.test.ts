/** Effects as planes, and records beside their control's. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effectPlanes, withControl } from '../../../src/analysis/effects';
import type { CausalRecord } from '../../../src/trace/evidence';

const record = (more: Partial<CausalRecord>): CausalRecord => ({
	arm: 'latent',
	test: 'noise',
	step: 0,
	later: 'recomputed',
	changed: false,
	deltaLogOdds: -1,
	kl: 0,
	by: 'x',
	...more,
});

test('a plane has the effect of each thought with the later ones recomputed, and NaN where there is none', () => {
	const planes = effectPlanes(
		[
			record({ step: 0, deltaLogOdds: -3 }),
			record({ step: 0, later: 'frozen', deltaLogOdds: 9 }),
			record({ step: 2, later: 'none', deltaLogOdds: -2 }),
			record({ step: 'all', deltaLogOdds: 9 }),
			record({ arm: 'other', deltaLogOdds: 9 }),
			record({ step: 7, deltaLogOdds: 9 }),
			record({ test: 'snap-1', form: 'raw', step: 1, deltaLogOdds: null }),
			record({ test: 'truncate', step: 1 }),
			record({ test: 'patch', form: 'mean', step: 1, site: 1, deltaLogOdds: -4 }),
		],
		'latent',
		3,
		2,
	);
	assert.deepEqual(
		[...planes].map(([name, values]) => [name, [...values]]),
		[
			['causal.noise.effect', [-3, NaN, -2]],
			['causal.snap-1-raw.effect', [NaN, NaN, NaN]],
			['causal.patch-mean.effect', [NaN, NaN, NaN, -4, NaN, NaN]],
		],
	);
});

test('the same change of the control stands beside it, another change does not', () => {
	const own = [record({ step: 0 }), record({ step: 0, later: 'frozen' }), record({ step: 0, test: 'patch', site: 1 })];
	const controls = [record({ step: 0, deltaLogOdds: 5, answer: 'a', changed: true, by: 'y' }), record({ step: 0, test: 'patch', site: 2 })];
	const found = withControl(own, controls);
	assert.deepEqual(
		found.map(({ control }) => control),
		[{ answer: 'a', changed: true, deltaLogOdds: 5, kl: 0, draws: undefined }, undefined, undefined],
	);
});
