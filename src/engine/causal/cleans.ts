/** Unchanged runs of many prompts: their thoughts are computed side by side. */
import { rowsThatFit } from '../../analysis/batches';
import type { RunOptions, Step } from '../../trace/document';
import { checkFits, leadOf, type ArmPlan, type Thinks } from '../run/arm';
import { bySite, type Fed, type Forwards } from '../model/body';
import { rowOf, stacked } from '../run/cache';
import { lastOf, lastSite, type Last } from '../run/last';
import type { Model } from '../model/model';
import { LastReader } from '../run/readers';
import { prefill, type Prefix } from '../run/run';
import type { Draw, Moment } from '../thinking/step';
import { Batch, drive, longer } from './batch';
import { answering, answerOf, cleanRun, recorded, type Clean, type Made } from './clean';
import { AnswerLane, type Decode } from './lane';
import { Standings, type Standing } from './together';

/** As `recorded` gives for each prompt, in their order. A sentence where the arm does not come to an answer. */
export async function runAll(
	model: Model,
	plan: ArmPlan,
	prompts: readonly string[],
	options: Pick<RunOptions, 'seed'>,
	signal: AbortSignal,
): Promise<(Clean | string)[]> {
	const size = cleanRows(model);
	const together = size > 1 && hasFixedSteps(plan);
	const cleans: (Clean | string)[] = [];
	for (let start = 0; start < prompts.length; start += size) {
		const some = prompts.slice(start, start + size);
		const found = together ? await new Cleans(model, plan, { seed: options.seed, arm: plan.name }, signal).run(some) : some.map(() => undefined);
		for (const [i, clean] of found.entries()) {
			cleans.push(clean ?? (await recorded(model, plan, some[i]!, options, signal)));
		}
	}
	return cleans;
}

/** Prompts whose runs are worked on, and kept, at a time. */
export function cleanRows(model: Model): number {
	return rowsThatFit(model.positionBytes, model.manifest.shape.context, model.rows);
}

/** Whether what comes before the answer is known but for the thoughts. */
function hasFixedSteps(plan: ArmPlan): boolean {
	const before = plan.segments.slice(0, answering(plan) ?? 0);
	return plan.fixed > 0 && before.every((segment) => segment.kind === 'tokens' || (segment.kind === 'latent' && !segment.stop));
}

/** The runs of some prompts, of an arm with fixed steps. */
class Cleans {
	private readonly steps: Step[] = [];
	private prefixes: Prefix[] = [];
	/** All that was fed after the prompts, of which `pending` is not in the batch yet. */
	private fed: Fed[][] = [];
	private pending: Fed[][] = [];
	private thoughts: Float32Array[][] = [];
	private made: Made[][] = [];
	private standings: Standing[] = [];

	constructor(
		private readonly model: Model,
		private readonly plan: ArmPlan,
		private readonly draw: Draw,
		private readonly signal: AbortSignal,
	) {}

	/** Undefined where something is not finite: such a run is cut, which `recorded` says. */
	async run(prompts: readonly string[]): Promise<(Clean | undefined)[]> {
		const { body, manifest } = this.model;
		const standings = new Standings(this.model);
		this.prefixes = await this.read(prompts);
		this.standings = this.prefixes.map(({ last }) => standings.of(lastSite(last, this.model)));
		const base = stacked(this.prefixes.map(({ cache }) => cache));
		const starts = this.prefixes.map(({ cache }) => Batch.start(cache.length, base.length));
		const batch = new Batch(this.model, { kind: 'own', cache: base }, starts);
		for (const of of [this.fed, this.pending, this.thoughts, this.made]) {
			of.push(...prompts.map(() => []));
		}
		const until = answering(this.plan)!;
		for (const segment of this.plan.segments.slice(0, until)) {
			if (segment.kind === 'tokens') {
				this.feed(segment.ids.map((id): Step => ({ kind: 'token', id, forced: true })), () => segment.ids);
			} else if (segment.kind === 'latent') {
				const first = this.thoughts[0]!.length;
				let carried = prompts.map((): Float32Array | undefined => undefined);
				for (let i = 0; i < segment.count; i++) {
					carried = await this.think(batch, segment, first, carried);
				}
			}
		}
		const sites = Array.from({ length: manifest.shape.layers + 1 }, (_, site) => site);
		const whole = await body.batch(starts.map((start, row) => ({ ...start, fed: this.fed[row]! })), base, { sites, cache: true });
		return this.cleans(whole, base.length, standings, this.plan.segments[until] as Decode);
	}

	private async read(prompts: readonly string[]): Promise<Prefix[]> {
		const { manifest, tokenizer } = this.model;
		const reader = new LastReader(this.model);
		const prefixes: Prefix[] = [];
		for (const prompt of prompts) {
			const { ids } = tokenizer.encode(prompt);
			checkFits(this.plan, ids, manifest.shape.context);
			prefixes.push(await prefill(this.model, [...leadOf(this.plan, ids), ...ids], this.signal, (forward) => reader.read(forward)));
		}
		return prefixes;
	}

	private feed(steps: readonly Step[], fed: (row: number) => readonly Fed[]): void {
		this.steps.push(...steps);
		this.fed.forEach((row, i) => row.push(...fed(i)));
		this.pending.forEach((row, i) => row.push(...fed(i)));
	}

	/** What each row's thought hands on. `first`: index of the segment's first thought. */
	private async think(
		batch: Batch,
		segment: Thinks,
		first: number,
		carried: readonly (Float32Array | undefined)[],
	): Promise<(Float32Array | undefined)[]> {
		this.signal.throwIfAborted();
		const { thinking } = this.model;
		const index = this.thoughts[0]!.length;
		if (this.pending[0]!.length > 0) {
			this.standings = await batch.feed(this.pending);
			this.pending = this.pending.map(() => []);
		}
		const moments = this.standings.map(({ hidden, normed }, row): Moment => ({ hidden, normed, index, first, draw: this.draw, carried: carried[row] }));
		const produced = await thinking.thinkAll(segment, moments);
		for (const [row, one] of produced.entries()) {
			this.thoughts[row]!.push(thinking.vectorOf(segment, one));
			this.made[row]!.push({ step: segment, embed: one.embed, carried: carried[row] });
		}
		this.feed([{ kind: 'latent', id: produced[0]!.token ?? -1, thought: index }], (row) => [produced[row]!.token ?? produced[row]!.embed]);
		return produced.map((one) => one.carried);
	}

	/** `whole`: of all steps, at every site, after `past` cached positions. */
	private async cleans(whole: Forwards, past: number, standings: Standings, decode: Decode): Promise<(Clean | undefined)[]> {
		const { context } = this.model.manifest.shape;
		const count = this.steps.length;
		const lanes = this.prefixes.map(() => new AnswerLane(decode, context));
		const starts = this.prefixes.map(({ cache: { length } }) => ({
			sees: longer(Batch.start(length, past).sees, count, count),
			past: length + count,
		}));
		const lasts = this.prefixes.map((prefix, row) => this.lasts(prefix, whole, row));
		const ends = lasts.map((own, row) => standings.of(lastSite(own.get(starts[row]!.past)!, this.model)));
		await drive(new Batch(this.model, { kind: 'own', cache: whole.cache! }, starts), lanes, ends, this.signal);
		return lanes.map(({ logits, written }, row) => {
			const { cache } = this.prefixes[row]!;
			const [thoughts, own] = [this.thoughts[row]!, lasts[row]!];
			if (!logits || ![...thoughts, ...[...own.values()].map((last) => lastSite(last, this.model))].every((vector) => vector.every(Number.isFinite))) {
				return undefined;
			}
			const ranges = [
				{ start: 0, end: cache.length },
				{ start: past, end: past + count },
			];
			return {
				run: cleanRun(this.model, cache.length, this.steps),
				cache: rowOf(whole.cache!, row, ranges),
				lasts: own,
				thoughts,
				made: this.made[row]!,
				draw: this.draw,
				logits,
				answer: answerOf(this.model, written),
			};
		});
	}

	/** By how many positions had been fed: the prompt's last one, and those of the steps. */
	private lasts({ cache, last }: Prefix, { resid, count }: Forwards, row: number): Map<number, Last> {
		const { width } = this.model.manifest.shape;
		const sites = [...resid.values()];
		const lasts = new Map([[cache.length, last]]);
		for (let i = 0; i < count; i++) {
			const at = row * count + i;
			lasts.set(cache.length + i + 1, lastOf(this.model, bySite(sites, width, at, at + 1)));
		}
		return lasts;
	}
}
