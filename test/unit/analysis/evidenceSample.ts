/** Evidence about the sample trace, with numbers that are easy to recognise: nothing was run. */
import type { CausalRecord, Estimate, EvidenceRecord } from '../../../src/trace/evidence';

export const estimate = (value: number, half = 0.05, n = 150): Estimate => ({ value, ci: [value - half, value + half], n });

type Change = Partial<CausalRecord> & Pick<CausalRecord, 'test' | 'step'>;

export function change(of: Change): CausalRecord {
	return { arm: 'latent', later: 'recomputed', changed: false, answer: 'jelpus', deltaLogOdds: -0.5, kl: 0.1, by: 'a vector', ...of };
}

/** The graph of the sample's prompt as thought 0 has it: impus holds nearly everything, bompus and gerpus are not reachable. */
const CANDIDATES: EvidenceRecord['readings'][number]['candidates'] = [
	{ label: 'Davis', group: 'earlier', mass: 0.001, rank: 9 },
	{ label: 'impus', group: 'path', mass: 0.9, rank: 1 },
	{ label: 'yimpus', group: 'later', mass: 0.002, rank: 4 },
	{ label: 'sterpus', group: 'later', mass: 0.02, rank: 3 },
	{ label: 'felpus', group: 'later', mass: 0, rank: 11 },
	{ label: 'jelpus', group: 'later', mass: 0, rank: 11 },
	{ label: 'bompus', group: 'unreachable', mass: 0.003, rank: 7 },
	{ label: 'gerpus', group: 'unreachable', mass: 0.004, rank: 8 },
];

export function evidenceSample(): EvidenceRecord {
	const control = { answer: 'jelpus', changed: false, deltaLogOdds: -0.01, kl: 0 };
	const patch = (form: string, step: number, site: number, deltaLogOdds: number | null): CausalRecord =>
		change({ test: 'patch', form, step, site, deltaLogOdds, control: { ...control, deltaLogOdds: site / 10 } });
	return {
		reference: { name: 'reference.json', sha256: '0'.repeat(64), prompts: 150 },
		twin: { id: 'sample-pause', sha256: '1'.repeat(64) },
		seed: 0,
		tests: [
			change({ test: 'ablate-zero', step: 0, deltaLogOdds: -3, changed: true, answer: 'ger\u202Epus', control }),
			change({ test: 'snap-1', form: 'rescaled', step: 0, later: 'frozen' }),
			change({ test: 'snap-1', form: 'rescaled', step: 0 }),
			change({ test: 'snap-1', form: 'raw', step: 0, deltaLogOdds: null, kl: null }),
			change({ test: 'resample', step: 0 }),
			change({ test: 'transplant', step: 0, follows: true, by: 'thought 0 of "other"' }),
			change({ test: 'truncate', step: 0, later: 'none', trained: false }),
			change({ test: 'truncate', step: 4, later: 'none', trained: true }),
			change({ test: 'resample', step: 'all', later: 'none' }),
			change({ test: 'drop-span', step: 0, arm: 'cot', later: 'frozen' }),
			change({ test: 'early-answer', step: 0, arm: 'cot', later: 'none' }),
			change({ test: 'early-answer', step: 1, arm: 'cot', later: 'none' }),
			patch('resample', 0, 0, 0.2),
			patch('zero', 1, 2, -3.4),
			patch('zero', 0, 1, null),
		],
		ood: [
			{
				arm: 'latent',
				feedback: 'state after the final norm',
				site: 'normed',
				neighbour: 5,
				tokens: { n: 20, of: 20 },
				text: { n: 100, of: 300 },
			},
		],
		readings: [
			{ arm: 'latent', thought: 0, candidates: CANDIDATES, live: 0.9, shuffled: { ...estimate(0.12), p: 0.032 }, twin: 0.4, random: 0.02 },
			{
				arm: 'latent',
				thought: 1,
				candidates: CANDIDATES.map((one) => ({ ...one, mass: one.label === 'bompus' ? 0.2 : one.mass })),
				live: 0.02,
			},
		],
		claims: [
			{
				arm: 'latent',
				thought: 0,
				claim: 'reads as impus',
				level: 1,
				rungs: [
					{ level: 2, state: 'not reached', why: 'The twin reads so too.' },
					{ level: 1, state: 'reached', why: 'mass 0.9 against 0.12' },
					{ level: 3, state: 'not measured', why: 'Only 3 prompts.' },
					{ level: 4, state: 'not measured', why: 'None.' },
				],
			},
		],
		meter: [
			{
				arm: 'latent',
				distance: { tokens: 93.2, text: 47.8, twinTokens: 0.2 },
				effect: {
					kl: 0.4231,
					changed: false,
					cohort: { kl: estimate(0.45), changed: { value: 0.12, ci: [0.08, 0.18], n: 150 } },
					twin: { kl: estimate(0.01, 0.01), changed: { value: 0, ci: [0, 0.025], n: 150 } },
				},
				capacity: { dimension: 9.31, width: 4, bits: 13.8, noise: 0.25, twinBits: 0, unchanged: [{ ratio: 0.25, unchanged: estimate(0.95) }] },
			},
		],
		legibility: [
			{
				arm: 'cot',
				tokens: 3,
				reference: { id: 'judge', sha256: '2'.repeat(64), surprisalBits: 1.318 },
				base: { id: 'base', sha256: '3'.repeat(64), kl: 0.21 },
				repetition: 0.25,
				rareWords: { share: 0, words: 9, of: 4_000 },
				legalSteps: { legal: 3, steps: 3 },
			},
		],
		cohorts: [
			{ role: 'model', model: { id: 'sample', sha256: '4'.repeat(64) }, arm: 'latent', prompts: 150, thoughts: [], noise: [] },
			{
				role: 'twin',
				model: { id: 'sample-pause', sha256: '1'.repeat(64) },
				arm: 'latent',
				prompts: 150,
				thoughts: [
					{ thought: 0, dimension: 1 },
					{ thought: 1, dimension: 2 },
				],
				noise: [],
			},
		],
		skipped: ['Noise was not\u202E added.'],
	};
}
