/**
 * What thoughts cost: as many latents as tokens on the same body, what the vocabulary would add to a latent, and how the time grows with
 * their number. Ratios of CPU seconds of one run.
 */
import { planArms, type ArmPlan, type Segment } from '../../src/engine/run/arm';
import type { Model } from '../../src/engine/model/model';
import { LastReader } from '../../src/engine/run/readers';
import { ArmRun, prefill, samplingOf, type Prefix } from '../../src/engine/run/run';
import { cpu, fastest, ms, print } from './clock';

const TOKENS = 128;
/** Doubles up to what the context holds. */
const MOST = 512;
const PROMPT_TOKENS = 16;
const REPEATS = 7;
/** What is asked of them. */
const TARGET = 1.1;

export async function thinkingBench(model: Model): Promise<void> {
	const { context, vocabulary } = model.manifest.shape;
	const reader = new LastReader(model);
	const { signal } = new AbortController();
	const ids = Array.from({ length: PROMPT_TOKENS }, (_, i) => (i * 7) % vocabulary);
	const prefix = await prefill(model, ids, signal, (forward) => reader.read(forward));
	const timed = (segment: Segment) => fastest(() => runOf(model, planOf(segment), prefix), cpu, REPEATS);
	const latent = latentOf(model);
	const room = context - PROMPT_TOKENS;
	const count = Math.min(TOKENS, room);

	const tokens = await timed({ kind: 'decode', role: 'thought', stop: new Set(), limit: count, atLimit: 'go-on' });
	const latents = await timed({ ...latent, count });
	const watched = await timed({ ...latent, count, stop: [{ rule: 'entropy', below: Number.MIN_VALUE }] });
	print(`${count} tokens decoded on ${model.manifest.id}, ${vocabulary} words`, ms(tokens));
	print(`${count} latents on the same body`, `${ms(latents)}, ${(latents / tokens).toFixed(2)} times that (at most ${TARGET})`);
	print('  with the vocabulary, for a rule that looks at it', `${ms(watched)}, ${(watched / latents).toFixed(2)} times the latents`);
	const counts: number[] = [];
	for (let n = 1; n <= Math.min(MOST, room); n *= 2) {
		counts.push(n);
	}
	const times: number[] = [];
	for (const n of counts) {
		times.push(await timed({ ...latent, count: n }));
	}
	print(`Latents ${counts.join(', ')}`, times.map(ms).join(', '));
	print('  a latent of that many', times.map((seconds, i) => ms(seconds / counts[i]!)).join(', '));
}

/** The recipe's own, or Coconut's. */
function latentOf(model: Model): Extract<Segment, { kind: 'latent' }> {
	const plans = planArms(model.manifest.recipe, undefined, {}, (token) => model.tokenizer.idOf(token));
	const found = plans.flatMap(({ segments }) => segments).find((segment) => segment.kind === 'latent' && segment.feedback.site !== 'mixture');
	const { stop: _, ...latent } = found?.kind === 'latent' ? found : { kind: 'latent' as const, count: 1, feedback: { site: 'normed' as const } };
	return latent;
}

function planOf(segment: Segment): ArmPlan {
	return { name: 'bench', before: [], segments: [segment], fixed: 0 };
}

async function runOf(model: Model, plan: ArmPlan, prefix: Prefix): Promise<void> {
	const { signal } = new AbortController();
	const run = new ArmRun(model, plan, prefix, new LastReader(model), samplingOf({ seed: 0, temperature: 0 }, plan), signal);
	const { note } = await run.run();
	if (note !== undefined) {
		throw new Error(note);
	}
}
