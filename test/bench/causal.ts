/** Causal tests: a whole sweep against as many runs of the arm, and sixteen variants side by side against one by one. */
import { readFileSync } from 'node:fs';
import { CAUSAL_TESTS, isWritten, planVariants, type Variant } from '../../src/analysis/causal';
import { planArms, type ArmPlan } from '../../src/engine/run/arm';
import { recorded, type Clean } from '../../src/engine/causal/clean';
import { runAll } from '../../src/engine/causal/cleans';
import { Replacements } from '../../src/engine/causal/replacement';
import { CausalRun } from '../../src/engine/causal/sweep';
import { Variants } from '../../src/engine/causal/variants';
import type { Model } from '../../src/engine/model/model';
import { cpu, fastest, ms, print } from './clock';

/** A published problem, of a usual length. */
const [PROBLEM, ...OTHERS] = (JSON.parse(readFileSync('test/fixtures/prosqa-published.json', 'utf8')) as { question: string }[]).map(
	({ question }) => question,
);
const OPTIONS = { seed: 0 };
const VARIANTS = 16;
const REPEATS = 7;
/** What is asked of them. */
const SWEEP_TARGET = 3;
const BATCH_TARGET = 6;

export async function causalBench(model: Model): Promise<void> {
	const { signal } = new AbortController();
	const [plan] = planArms(model.manifest.recipe, ['latent'], {}, (token) => model.tokenizer.idOf(token));
	const clean = (await recorded(model, plan!, PROBLEM!, OPTIONS, signal)) as Clean;
	const naive = await fastest(() => recorded(model, plan!, PROBLEM!, OPTIONS, signal), cpu, 30);
	print(`One run of the latent arm on ${clean.run.prompt} tokens of prompt`, ms(naive));
	await sweep(model, naive);
	await sixteen(model, plan!, clean, naive);
	const many = OTHERS.slice(0, VARIANTS);
	const together = await fastest(() => runAll(model, plan!, many, OPTIONS, signal), cpu, REPEATS);
	const apart = await fastest(
		async () => {
			for (const prompt of many) {
				await recorded(model, plan!, prompt, OPTIONS, signal);
			}
		},
		cpu,
		REPEATS,
	);
	print(`Unchanged runs of ${VARIANTS} prompts side by side`, `${ms(together)}, one by one ${times(apart / together)}`);
}

/** All latents and all tests, against as many complete runs. */
async function sweep(model: Model, naive: number): Promise<void> {
	let rows = 0;
	const params = {
		model: '',
		prompts: [PROBLEM!],
		arms: ['latent'],
		options: OPTIONS,
		tests: CAUSAL_TESTS.filter((test) => !isWritten(test)),
		scope: 'each' as const,
		reference: OTHERS.slice(0, 2).map((text, i) => ({ name: `${i}`, text })),
		donor: { name: 'other', text: OTHERS[2]! },
	};
	const whole = async () => {
		rows = 0;
		await new CausalRun(model, params, new AbortController().signal, ({ kind }) => (rows += kind === 'row' ? 1 : 0)).run();
	};
	const seconds = await fastest(whole, cpu, REPEATS);
	print(`Causal sweep of ${rows} variants`, `${ms(seconds)}, as complete runs ${asked((naive * rows) / seconds, SWEEP_TARGET)}`);
}

/**
 * Of one kind: a changed thought, all later ones computed again from it. One by one they share the prefix too, so that what is left to
 * gain is the overhead of a call; and a call on this small model is bound by the keys and values, which the graph copies for every row.
 */
async function sixteen(model: Model, plan: ArmPlan, clean: Clean, naive: number): Promise<void> {
	const { signal } = new AbortController();
	const replacements = new Replacements(model, [], {}, OPTIONS.seed, 'bench');
	const variants = planVariants(clean.run, ['ablate-zero', 'noise', 'snap-1', 'snap-5', 'mixture', 'jitter'], 'each')
		.filter(({ step, later }) => later === 'recomputed' && (step === 0 || step === 1))
		.slice(0, VARIANTS);
	const branch = (variant: Variant) => ({ clean, variant, replacements });
	const runs = new Variants(model, signal, () => {});
	const batched = await fastest(() => runs.run(variants.map(branch), plan), cpu, 30);
	const one = (variant: Variant) => runs.run([branch(variant)], plan);
	const single = await fastest(
		async () => {
			for (const variant of variants) {
				await one(variant);
			}
		},
		cpu,
		30,
	);
	print(
		`${variants.length} variants side by side`,
		`${ms(batched)}, one by one from the same prefix ${asked(single / batched, BATCH_TARGET)}, as complete runs ${asked((naive * VARIANTS) / batched, BATCH_TARGET)}`,
	);
}

function times(ratio: number): string {
	return `${ratio.toFixed(1)} times as long`;
}

function asked(ratio: number, target: number): string {
	return `${times(ratio)} (asked: ${target}${ratio < target ? ', MISSED' : ''})`;
}
