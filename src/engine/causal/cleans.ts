/** Unchanged runs of many prompts: their thoughts are computed side by side. */
import { rowsThatFit } from '../../analysis/batches';
import type { RunOptions, Step } from '../../trace/document';
import { checkFits, leadOf, type ArmPlan, type Thinks } from '../run/arm';
import { bySite, type Cache, type Fed, type Forwards, type Row } from '../model/body';
import { rowOf, stacked } from '../run/cache';
import type { State } from '../model/head';
import { lastOf, lastSite, momentOf, type Last } from '../run/last';
import type { Model } from '../model/model';
import { LastReader } from '../run/readers';
import { prefill, type Prefix } from '../run/run';
import type { Draw, Moment } from '../thinking/step';
import { Batch, drive, longer } from './batch';
import { answering, answerOf, cleanRun, recorded, type Clean, type Made } from './clean';
import { AnswerLane, type Decode } from './lane';

/** All steps are fed anew for every thought; with more of them a cache would be cheaper. */
const MAX_STEPS = 16;

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

/** Whether what comes before the answer is known but for the thoughts, and is short enough to be fed anew in every call. */
function hasFixedSteps(plan: ArmPlan): boolean {
	const before = plan.segments.slice(0, answering(plan) ?? 0);
	return plan.fixed > 0 && plan.fixed <= MAX_STEPS && before.every((segment) => segment.kind === 'tokens' || (segment.kind === 'latent' && !segment.stop));
}

/** The runs of some prompts, of an arm with fixed steps. */
class Cleans {
	private readonly steps: Step[] = [];
	private prefixes: Prefix[] = [];
	private rows: Row[] = [];
	/** The prompts' caches. */
	private base: Cache;
	private thoughts: Float32Array[][] = [];
	private made: Made[][] = [];

	constructor(
		private readonly model: Model,
		private readonly plan: ArmPlan,
		private readonly draw: Draw,
		private readonly signal: AbortSignal,
	) {
		this.base = model.body.empty;
	}

	/** Undefined where something is not finite: such a run is cut, which `recorded` says. */
	async run(prompts: readonly string[]): Promise<(Clean | undefined)[]> {
		const { layers } = this.model.manifest.shape;
		this.prefixes = await this.read(prompts);
		this.base = stacked(this.prefixes.map(({ cache }) => cache));
		this.rows = this.prefixes.map(({ cache }) => ({ ...Batch.start(cache.length, this.base.length), fed: [] }));
		this.thoughts = prompts.map(() => []);
		this.made = prompts.map(() => []);
		const until = answering(this.plan)!;
		for (const segment of this.plan.segments.slice(0, until)) {
			if (segment.kind === 'tokens') {
				this.feed(segment.ids.map((id): Step => ({ kind: 'token', id, forced: true })), () => segment.ids);
			} else if (segment.kind === 'latent') {
				const first = this.thoughts[0]!.length;
				let carried = prompts.map((): Float32Array | undefined => undefined);
				for (let i = 0; i < segment.count; i++) {
					carried = await this.think(segment, first, carried);
				}
			}
		}
		const sites = Array.from({ length: layers + 1 }, (_, site) => site);
		const whole = await this.model.body.batch(this.rows, this.base, { sites, cache: true });
		return this.cleans(whole, this.plan.segments[until] as Decode);
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
		this.rows = this.rows.map((row, i) => ({ ...row, fed: [...row.fed, ...fed(i)] }));
	}

	/** What each row's thought hands on. `first`: index of the segment's first thought. */
	private async think(segment: Thinks, first: number, carried: readonly (Float32Array | undefined)[]): Promise<(Float32Array | undefined)[]> {
		this.signal.throwIfAborted();
		const { thinking } = this.model;
		const index = this.thoughts[0]!.length;
		const moments = (await this.states()).map((state, row): Moment => ({ ...state, index, first, draw: this.draw, carried: carried[row] }));
		const produced = await thinking.thinkAll(segment, moments);
		for (const [row, one] of produced.entries()) {
			this.thoughts[row]!.push(thinking.vectorOf(segment, one));
			this.made[row]!.push({ step: segment, embed: one.embed, carried: carried[row] });
		}
		this.feed([{ kind: 'latent', id: produced[0]!.token ?? -1, thought: index }], (row) => [produced[row]!.token ?? produced[row]!.embed]);
		return produced.map((one) => one.carried);
	}

	/** What the last position of each row leads to. */
	private async states(): Promise<Pick<Moment, 'normed' | 'hidden'>[]> {
		if (this.steps.length === 0) {
			return this.prefixes.map(({ last }) => ({ normed: last.normed, hidden: lastSite(last, this.model) }));
		}
		const { layers, width } = this.model.manifest.shape;
		const { resid, count } = await this.model.body.batch(this.rows, this.base, { sites: [layers], cache: false });
		const last = new Float32Array(this.rows.length * width);
		this.rows.forEach((_, row) => {
			const at = ((row + 1) * count - 1) * width;
			last.set(resid.get(layers)!.subarray(at, at + width), row * width);
		});
		const normed = await this.model.norm.of(last);
		return this.rows.map((_, row) => {
			const part = (of: Float32Array) => of.subarray(row * width, (row + 1) * width);
			return momentOf({ hidden: part(last), normed: part(normed) });
		});
	}

	/** `whole`: of all steps, at every site. */
	private async cleans(whole: Forwards, decode: Decode): Promise<(Clean | undefined)[]> {
		const { head, manifest } = this.model;
		const { layers, context } = manifest.shape;
		const count = this.steps.length;
		const states = await head.states(whole.resid.get(layers)!);
		const lanes = this.rows.map(() => new AnswerLane(decode, context));
		const starts = this.rows.map(({ sees, past }) => ({ sees: longer(sees, count, count), past: past + count }));
		const ends = lanes.map((_, row) => states[(row + 1) * count - 1]!);
		await drive(new Batch(this.model, { kind: 'own', cache: whole.cache! }, starts), lanes, ends, this.signal);
		return lanes.map(({ logits, written }, row) => {
			const { cache, last } = this.prefixes[row]!;
			const own = states.slice(row * count, (row + 1) * count);
			if (!logits || !own.every(({ lse }) => Number.isFinite(lse))) {
				return undefined;
			}
			const ranges = [
				{ start: 0, end: cache.length },
				{ start: this.base.length, end: this.base.length + count },
			];
			return {
				run: cleanRun(this.model, cache.length, this.steps),
				cache: rowOf(whole.cache!, row, ranges),
				lasts: this.lasts(cache.length, last, own, whole, row),
				thoughts: this.thoughts[row]!,
				made: this.made[row]!,
				draw: this.draw,
				logits,
				answer: answerOf(this.model, written),
			};
		});
	}

	/** By how many positions had been fed: the prompt's last one, and those of the steps. */
	private lasts(prompt: number, last: Last, own: readonly State[], { resid }: Forwards, row: number): Map<number, Last> {
		const { width } = this.model.manifest.shape;
		const sites = [...resid.values()];
		const lasts = new Map([[prompt, last]]);
		for (const [i, { logits, normed }] of own.entries()) {
			const at = row * own.length + i;
			lasts.set(prompt + i + 1, lastOf(this.model, bySite(sites, width, at, at + 1), { normed, logits }));
		}
		return lasts;
	}
}
