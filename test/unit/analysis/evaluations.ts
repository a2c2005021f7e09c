/** Outcomes and setups for the tests of results and reports. */
import type { Outcome, Role, Setup, TestOutcome } from '../../../src/analysis/evaluation/outcome';

export function setup(n: number): Setup {
	return {
		producer: 'neuralese-inspector 0.0.0',
		model: { id: 'model', sha256: 'a'.repeat(64) },
		data: { name: 'data.json', sha256: 'd'.repeat(64), n, of: n },
		options: { seed: 0, temperature: 0 },
	};
}

export function answers(problem: number, right: Record<string, boolean>, role: Role = 'model'): Outcome {
	const list = Object.entries(right).map(([arm, one]) => ({ arm, answer: one ? 'yes' : null, right: one, seconds: 0.5 }));
	return { kind: 'answers', role, problem, answers: list };
}

export function tests(problem: number, list: Partial<TestOutcome>[], role: Role = 'model'): Outcome {
	const blank = { arm: 'latent', test: 'resample', step: 'all' as const, answer: 'no', right: false, changed: true, deltaLogOdds: -1, kl: 1 };
	return { kind: 'tests', role, problem, tests: list.map((one) => ({ ...blank, ...one })) };
}

/** Both models, both kinds, with answers that differ between problems. */
export function outcomesOf(n: number): Outcome[] {
	const problems = Array.from({ length: n }, (_, i) => i);
	return (['model', 'twin'] as const).flatMap((role, r) => [
		...problems.map((i) => answers(i, { direct: i % 3 === 0, latent: (i + r) % 2 === 0 }, role)),
		...problems.map((i) =>
			tests(
				i,
				[
					{ right: i % 2 === 1, deltaLogOdds: 1 - i, kl: i / 2 },
					...[0, 1, 2].map((step) => ({ test: 'truncate', step, trained: step === 2, right: step > i % 3 })),
					{ test: 'jitter', form: '0.5', right: i % 2 === 0 },
					{ test: 'jitter', form: '1', right: false },
				],
				role,
			),
		),
	]);
}
