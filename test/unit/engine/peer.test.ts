/** The engine against PyTorch: logit lens, causal tests and patches of the bundled model, which test/fixtures/causal.py computed. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { CausalRow } from '../../../src/engine/api';
import { openFile } from '../../../src/trace/bytes.node';
import { openTrace } from '../../../src/trace/reader';
import { MODEL, request, temporary, withEngine } from './harness';

/** Float32 on one side, float64 on the other. Measured: 2.0e-5 of the lens, 4.0e-5 nats of effects. */
const TOLERANCE = 2e-4;
const THOUGHTS = 6;
const SITES = 3;
const TOP = 5;

/** Δ log-odds and KL, nats. */
type Expected = [deltaLogOdds: number, kl: number];

interface Fixture {
	runs: {
		prompt: string;
		other: string;
		/** [thought][site] */
		lens: { ids: number[]; logits: number[]; lse: number; entropy: number; klFinal: number }[][];
		/** [thought] */
		tests: Record<string, Expected[]>;
		/** [site][thought] */
		patch: Expected[][];
	}[];
}

const fixture = async () => JSON.parse(await readFile('test/fixtures/causal.json', 'utf8')) as Fixture;

describe('the engine against PyTorch', () => {
	test('logit lens at every site of every thought', async () => {
		let furthest = 0;
		const { runs } = await fixture();
		await withEngine(async (engine) => {
			for (const { prompt, lens } of runs) {
				const out = join(await temporary(), 'a.trace.safetensors');
				const { document } = await engine.call(
					'analyze',
					request(prompt, { arms: ['latent'], out, options: { seed: 0, temperature: 0, topK: TOP } }),
				);
				const trace = await openTrace(await openFile(out));
				const [{ thoughts }] = document.arms as [(typeof document.arms)[number]];
				assert.deepEqual([thoughts.length, lens.length], [THOUGHTS, THOUGHTS]);
				for (const { index, producedAt } of thoughts) {
					const rows = { start: producedAt, end: producedAt + 1 };
					const read = (plane: 'topk_id' | 'topk_logit' | 'lse' | 'entropy' | 'kl_final') => trace.read('latent', `lens.${plane}`, rows);
					const [ids, logits, lse, entropy, kl] = await Promise.all(
						(['topk_id', 'topk_logit', 'lse', 'entropy', 'kl_final'] as const).map(read),
					);
					for (let site = 0; site < SITES; site++) {
						const expected = lens[index]![site]!;
						assert.deepEqual([...ids!.subarray(site * TOP, (site + 1) * TOP)], expected.ids, `thought ${index}, site ${site}`);
						const found = [...logits!.subarray(site * TOP, (site + 1) * TOP), lse![site]!, entropy![site]!, kl![site]!];
						const wanted = [...expected.logits, expected.lse, expected.entropy, expected.klFinal];
						furthest = Math.max(furthest, ...found.map((value, i) => Math.abs(value - wanted[i]!)));
					}
				}
				trace.dispose();
			}
		});
		assert.ok(furthest <= TOLERANCE, `differs by ${furthest}`);
	});

	test('causal tests with later thoughts computed again, and a patch at every site of every thought', async () => {
		let furthest = 0;
		let compared = 0;
		const { runs } = await fixture();
		await withEngine(async (engine) => {
			for (const { prompt, other, tests, patch } of runs) {
				const rows: CausalRow[] = [];
				await engine.call(
					'causal',
					{
						model: MODEL,
						prompts: [prompt],
						arms: ['latent'],
						options: { seed: 0 },
						tests: ['resample', 'ablate-zero', 'snap-1', 'mixture', 'patch'],
						scope: 'each',
						reference: [{ name: 'other', text: other }],
					},
					{ onEvent: (event) => event.kind === 'row' && rows.push(event.row) },
				);
				const compare = (name: string, form: string | undefined, step: number, site: number | undefined, [odds, kl]: Expected) => {
					const found = rows.filter(
						(row) => row.test === name && row.form === form && row.step === step && row.site === site && row.later !== 'frozen',
					);
					assert.equal(found.length, 1, `${name} ${form} ${step} ${site}`);
					furthest = Math.max(furthest, Math.abs(found[0]!.deltaLogOdds - odds), Math.abs(found[0]!.kl - kl));
					compared++;
				};
				for (const [name, steps] of Object.entries(tests)) {
					const [kind, form] = name.split(' ');
					steps.forEach((expected, step) => compare(kind!, form, step, undefined, expected));
				}
				patch.forEach((steps, site) => steps.forEach((expected, step) => compare('patch', 'resample', step, site, expected)));
			}
		});
		assert.equal(compared, runs.length * (6 * THOUGHTS + SITES * THOUGHTS));
		assert.ok(furthest <= TOLERANCE, `differs by ${furthest}`);
	});
});
