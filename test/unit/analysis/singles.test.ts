/** Which of many thoughts are changed one by one. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { planVariants, type CleanRun } from '../../../src/analysis/causal';
import { SIZES, spreadThoughts } from '../../../src/analysis/singles';

describe('thoughts that are changed one by one', () => {
	test('with both ends, evenly, and the few among the many', () => {
		const chosen = SIZES.map((most) => spreadThoughts(128, most));
		assert.deepEqual(chosen[0], [0, 16, 32, 48, 64, 79, 95, 111, 127]);
		for (const [i, few] of chosen.slice(1).entries()) {
			assert.ok(few.every((thought) => chosen[i]!.includes(thought)), few.join());
		}
		assert.deepEqual(spreadThoughts(6, 9), [0, 1, 2, 3, 4, 5]);
		assert.deepEqual(spreadThoughts(0, 9), []);
	});

	test('whatever their number: ascending, both ends, the last trained one, and gaps that differ by one at most', () => {
		const count = fc.integer({ min: 10, max: 2_000 });
		fc.assert(
			fc.property(count, fc.integer({ min: 0, max: 2_000 }), fc.constantFrom(...SIZES), (of, trained, most) => {
				const chosen = spreadThoughts(of, most, trained);
				const even = spreadThoughts(of, most);
				const gaps = even.slice(1).map((thought, i) => thought - even[i]!);
				assert.deepEqual(chosen, [...new Set(chosen)].sort((a, b) => a - b));
				assert.deepEqual([chosen[0], chosen.at(-1), even.length], [0, of - 1, most]);
				assert.ok(chosen.includes(Math.max(1, Math.min(trained, of)) - 1));
				assert.ok(Math.max(...gaps) - Math.min(...gaps) <= 1, gaps.join());
			}),
		);
	});

	test('no others are in the plan, and what changes all at once is', () => {
		const run: CleanRun = {
			prompt: 3,
			steps: Array.from({ length: 40 }, (_, thought) => ({ kind: 'latent' as const, id: -1, thought })),
			sentences: [],
			trainedLatents: 40,
			layers: 2,
			vocabulary: 10,
		};
		const singles = [0, 20, 39];
		const variants = planVariants(run, ['noise', 'truncate', 'patch'], 'each', 1, singles);
		const steps = (test: string) => [...new Set(variants.filter((one) => one.test === test).map(({ step }) => step))];
		assert.deepEqual(steps('noise'), [...singles, 'all']);
		assert.deepEqual(steps('patch'), singles);
		assert.deepEqual(steps('truncate'), [...singles, 40], 'as many thoughts as are left, and all');
		const whole = planVariants(run, ['noise', 'truncate', 'patch'], 'each').filter(({ step }) => step === 'all' || step === 40 || singles.includes(step));
		assert.deepEqual(variants, whole, 'each as among all');
	});
});
