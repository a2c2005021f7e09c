/**
 * What thoughts cost: as many latents as tokens on the same body, what the vocabulary would add to a latent, how the time grows with
 * their number, and the same loop in PyTorch with a cache. Ratios of one run; CPU seconds but where wall time is named.
 */
import { planArms, type ArmPlan, type Segment } from '../../src/engine/run/arm';
import type { Manifest } from '../../src/engine/model/manifest';
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
/** Against PyTorch: the engine's JavaScript is compiled while it runs. At most so many rounds, and no more than `REPEATS` after so many seconds. */
const PEER_ROUNDS = 40;
const PEER_SECONDS = 10;
/** What is asked of latents against tokens, and of the engine against PyTorch. */
const MOST_RATIO = 1.1;
const PEER_RATIO = 1.5;

export async function thinkingBench(model: Model, repeats = REPEATS): Promise<void> {
	const prefix = await begun(model);
	const timed = (segment: Segment) => fastest(() => runOf(model, planOf(segment), prefix), cpu, repeats);
	const latent = latentOf(model);
	const { context, vocabulary } = model.manifest.shape;
	const count = Math.min(TOKENS, context - PROMPT_TOKENS);

	const tokens = await timed({ kind: 'decode', role: 'thought', stop: new Set(), limit: count, atLimit: 'go-on' });
	const plain = await timed({ kind: 'latent', feedback: { site: 'normed' }, through: 'identity', count });
	const latents = await timed({ ...latent, count });
	const watched = await timed({ ...latent, count, stop: [{ rule: 'entropy', below: Number.MIN_VALUE }] });
	print(`${count} tokens decoded on ${model.manifest.id}, ${vocabulary} words`, ms(tokens));
	print(`${count} latents on the same body, each the state itself`, `${ms(plain)}, ${asked(plain / tokens, MOST_RATIO, true)}`);
	print("  as the recipe makes them, through the model's own graph if it has one", `${ms(latents)}, ${(latents / plain).toFixed(2)} times that`);
	print('  with the vocabulary, for a rule that looks at it', `${ms(watched)}, ${(watched / latents).toFixed(2)} times the latents`);
	await growthBench(model, repeats);
}

/** How the time of a run grows with the number of its latents. */
export async function growthBench(model: Model, repeats = REPEATS): Promise<void> {
	const prefix = await begun(model);
	const latent = latentOf(model);
	const most = Math.min(MOST, model.manifest.shape.context - PROMPT_TOKENS);
	const counts = Array.from({ length: Math.floor(Math.log2(most)) + 1 }, (_, i) => 2 ** i);
	const times = counts.map(() => Infinity);
	// All in turn, so that whatever else the machine does falls on each.
	for (let round = 0; round < repeats; round++) {
		for (const [i, count] of counts.entries()) {
			times[i] = Math.min(times[i]!, await fastest(() => runOf(model, planOf({ ...latent, count }), prefix), cpu, 1));
		}
	}
	print(`Latents ${counts.join(', ')}`, times.map(ms).join(', '));
	const { each, furthest } = lineOf(counts, times);
	print('  as a line through 0', `${ms(each)} a latent; largest deviation ${percent(furthest)} of what the line says`);
}

/** The same manifest for a prompt and `MOST` latents. Only of a model whose graphs have no table of positions, as `models/manylatents`. */
export function roomy(manifest: Manifest): Manifest {
	return { ...manifest, shape: { ...manifest.shape, context: PROMPT_TOKENS + MOST } };
}

/** Thoughts of one run, here and in PyTorch (latents.py) in turn: the first of each, the fastest and the median. */
export async function latentsAgainst(model: Model, peer: Peer, what: string, rounds = PEER_ROUNDS): Promise<void> {
	const prefix = await begun(model);
	const plan = planOf({ ...latentOf(model), count: TOKENS });
	const ours: Taken[] = [];
	const theirs: Taken[] = [];
	const end = wall() + PEER_SECONDS;
	for (let round = 0; round < rounds && (round < REPEATS || wall() < end); round++) {
		const start = { cpu: cpu(), wall: wall() };
		await runOf(model, plan, prefix);
		ours.push({ cpu: cpu() - start.cpu, wall: wall() - start.wall });
		const [seconds, elapsed] = await peer.ask<[number, number]>(String(TOKENS));
		theirs.push({ cpu: seconds, wall: elapsed });
	}
	for (const clock of ['cpu', 'wall'] as const) {
		const [own, other] = [ours, theirs].map((taken) => spreadOf(taken.map((one) => one[clock]))) as [Spread, Spread];
		const against = (which: keyof Spread) => `${ms(own[which])}, PyTorch ${ms(other[which])}`;
		print(
			`${TOKENS} latents, ${what}, ${clock === 'cpu' ? 'CPU' : 'wall'}`,
			`${against('fastest')}: ${asked(other.fastest / own.fastest, PEER_RATIO)}`,
		);
		print(
			`  median of ${ours.length}, and the first`,
			`${against('median')}: ${(other.median / own.median).toFixed(2)} ×; ${against('first')}: ${(other.first / own.first).toFixed(2)} ×`,
		);
	}
}

interface Taken {
	cpu: number;
	wall: number;
}

interface Spread {
	first: number;
	fastest: number;
	median: number;
}

function spreadOf(seconds: readonly number[]): Spread {
	const sorted = [...seconds].sort((a, b) => a - b);
	return { first: seconds[0]!, fastest: sorted[0]!, median: sorted[Math.floor(sorted.length / 2)]! };
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
