/**
 * What thoughts cost: as many latents as tokens on the same body, what the vocabulary would add to a latent, how the time grows with
 * their number, and the same loop in PyTorch with a cache. Ratios of one run; CPU seconds but where wall time is named.
 */
import { planArms, type ArmPlan, type Segment } from '../../src/engine/run/arm';
import type { Model } from '../../src/engine/model/model';
import { LastReader } from '../../src/engine/run/readers';
import { ArmRun, prefill, samplingOf, type Prefix } from '../../src/engine/run/run';
import { asked, cpu, fastest, ms, percent, print, wall } from './clock';
import type { Peer } from './peer';

/** As many as the bundled model of many latents thinks. */
const TOKENS = 128;
/** Doubles up to what the context holds. */
const MOST = 512;
/** As in latents.py. */
const PROMPT_TOKENS = 16;
const REPEATS = 7;
/** What is asked of latents against tokens, and of the engine against PyTorch. */
const MOST_RATIO = 1.1;
const PEER_RATIO = 1.5;

export async function thinkingBench(model: Model, repeats = REPEATS): Promise<void> {
	const prefix = await begun(model);
	const timed = (segment: Segment) => fastest(() => runOf(model, planOf(segment), prefix), cpu, repeats);
	const latent = latentOf(model);
	const { context, vocabulary } = model.manifest.shape;
	const room = context - PROMPT_TOKENS;
	const count = Math.min(TOKENS, room);

	const tokens = await timed({ kind: 'decode', role: 'thought', stop: new Set(), limit: count, atLimit: 'go-on' });
	const plain = await timed({ kind: 'latent', feedback: { site: 'normed' }, through: 'identity', count });
	const latents = await timed({ ...latent, count });
	const watched = await timed({ ...latent, count, stop: [{ rule: 'entropy', below: Number.MIN_VALUE }] });
	print(`${count} tokens decoded on ${model.manifest.id}, ${vocabulary} words`, ms(tokens));
	print(`${count} latents on the same body, each the state itself`, `${ms(plain)}, ${asked(plain / tokens, MOST_RATIO, true)}`);
	print("  as the recipe makes them, through the model's own graph if it has one", `${ms(latents)}, ${(latents / plain).toFixed(2)} times that`);
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
	const { each, furthest } = lineOf(counts, times);
	print('  as a line through 0', `${ms(each)} a latent; largest deviation ${percent(furthest)} of what the line says`);
}

/** Thoughts of one run, here and in PyTorch (latents.py) in turn: the fastest of each. */
export async function latentsAgainst(model: Model, peer: Peer, what: string, rounds = REPEATS): Promise<void> {
	const prefix = await begun(model);
	const plan = planOf({ ...latentOf(model), count: TOKENS });
	const ours = { cpu: Infinity, wall: Infinity };
	const theirs = { ...ours };
	for (let round = 0; round < rounds; round++) {
		const start = { cpu: cpu(), wall: wall() };
		await runOf(model, plan, prefix);
		ours.cpu = Math.min(ours.cpu, cpu() - start.cpu);
		ours.wall = Math.min(ours.wall, wall() - start.wall);
		const [seconds, elapsed] = await peer.ask<[number, number]>(String(TOKENS));
		theirs.cpu = Math.min(theirs.cpu, seconds);
		theirs.wall = Math.min(theirs.wall, elapsed);
	}
	for (const clock of ['cpu', 'wall'] as const) {
		print(`${TOKENS} latents, ${what}, ${clock === 'cpu' ? 'CPU' : 'wall'}`, `${ms(ours[clock])}, PyTorch ${ms(theirs[clock])}: ${asked(theirs[clock] / ours[clock], PEER_RATIO)}`);
	}
}

/**
 * Seconds a latent of the line through 0 that fits best, each time weighed by itself: the least relative squares. A constant would be what
 * a run costs before its first latent, of which there is next to nothing.
 */
function lineOf(counts: readonly number[], times: readonly number[]): { each: number; furthest: number } {
	const rates = times.map((seconds, i) => seconds / counts[i]!);
	const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
	const each = sum(rates.map((rate) => 1 / rate)) / sum(rates.map((rate) => 1 / rate ** 2));
	return { each, furthest: Math.max(...rates.map((rate) => Math.abs(rate / each - 1))) };
}

function begun(model: Model): Promise<Prefix> {
	const reader = new LastReader(model);
	const { signal } = new AbortController();
	const ids = Array.from({ length: PROMPT_TOKENS }, (_, i) => (i * 7) % model.manifest.shape.vocabulary);
	return prefill(model, ids, signal, (forward) => reader.read(forward));
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
