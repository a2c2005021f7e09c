/** Runs one arm: feeds what its plan says, samples where it decodes, feeds states back where it thinks. Readouts are apart. */
import { generator } from '../../shared/random';
import type { RunOptions, Step, Stopped, Thought } from '../../trace/document';
import type { ArmPlan, Segment, Thinks } from './arm';
import type { Cache, Forward, Input } from '../model/body';
import { lastSite, type Last } from './last';
import type { Model } from '../model/model';
import { draw } from './sampler';
import { Rules } from '../thinking/rules';
import type { Draw, Produced, ThoughtStep } from '../thinking/step';

/** Looks at positions as they are fed. */
export interface Reader {
	/** Whether tokens that nothing depends on (the last stop) are fed to be read. */
	readonly everything: boolean;
	/** `steps`: the positions of `forward`; `logprobs`: what the model gave to each at the position before, NaN where unknown. */
	read(forward: Forward, steps: readonly Step[], logprobs: readonly number[]): Promise<Last>;
	/** `last`: the state that it was made from. */
	thought(thought: Thought, produced: Produced, last: Last, step: ThoughtStep): void | Promise<void>;
}

/** Where an arm begins: after the prompt. */
export interface Prefix {
	cache: Cache;
	last: Last;
}

export interface Outcome {
	state: 'done' | 'limit';
	/** Why it was cut. */
	note?: string;
	/** Of the last latent segment with rules. */
	stopped?: Stopped;
}

export interface Sampling {
	temperature: number;
	/** Of sampled tokens. */
	uniform: () => number;
	/** Of thoughts. */
	draw: Draw;
}

export function samplingOf({ seed, temperature }: Pick<RunOptions, 'seed' | 'temperature'>, { name }: Pick<ArmPlan, 'name'>): Sampling {
	return { temperature, uniform: generator(seed, name), draw: { seed, arm: name } };
}

type End = { kind: 'cut'; note: string } | undefined;

export class ArmRun {
	/** Sampled tokens but for stops, so far. */
	readonly written: { role: 'thought' | 'answer'; id: number }[] = [];
	private cache: Cache;
	private last: Last;
	private thoughts = 0;
	private stopped?: Stopped;
	/** The first loop after which the last position's state is no number. */
	private unstable?: number;

	constructor(
		private readonly model: Model,
		private readonly plan: ArmPlan,
		prefix: Prefix,
		private readonly reader: Reader,
		private readonly sampling: Sampling,
		private readonly signal: AbortSignal,
	) {
		this.cache = prefix.cache;
		this.last = prefix.last;
	}

	async run(): Promise<Outcome> {
		for (const [i, segment] of this.plan.segments.entries()) {
			const end = await this.segment(segment, i === this.plan.segments.length - 1);
			if (end) {
				return { state: 'limit', note: `Arm ${this.plan.name} was cut: ${end.note}.`, ...this.stop() };
			}
		}
		return { state: 'done', ...this.stop() };
	}

	private segment(segment: Segment, final: boolean): Promise<End> {
		switch (segment.kind) {
			case 'tokens':
				return this.force(segment.ids);
			case 'decode':
				return this.decode(segment, final);
			case 'latent':
				return this.think(segment);
		}
	}

	private stop(): Pick<Outcome, 'stopped'> {
		return this.stopped ? { stopped: this.stopped } : {};
	}

	private async force(ids: readonly number[]): Promise<End> {
		const first = this.reader.everything && ids.length > 0 ? await this.logprob(ids[0]!) : NaN;
		const logprobs = ids.map((_, i) => (i === 0 ? first : NaN));
		return this.feed(
			{ ids },
			ids.map((id): Step => ({ kind: 'token', id, forced: true })),
			logprobs,
		);
	}

	private async decode({ role, stop, limit, atLimit }: Extract<Segment, { kind: 'decode' }>, final: boolean): Promise<End> {
		for (let count = 0; ; count++) {
			const sampled = await this.sample();
			if (!sampled) {
				return this.broken();
			}
			const { id, logprob } = sampled;
			const stops = stop.has(id);
			if (stops && final && !this.reader.everything) {
				return undefined;
			}
			if (!stops && count === limit) {
				return atLimit === 'go-on'
					? undefined
					: {
							kind: 'cut',
							note: `${role === 'answer' ? 'the answer' : 'the chain of thought'} did not end within ${limit} tokens`,
						};
			}
			if (!stops) {
				this.written.push({ role, id });
			}
			const end = await this.feed({ ids: [id] }, [{ kind: role === 'answer' ? 'answer' : 'token', id }], [logprob]);
			if (end || stops) {
				return end;
			}
		}
	}

	private async logprob(id: number): Promise<number> {
		return (await this.last.logits())[id]! - (await this.last.next()).lse;
	}

	/** Undefined where the model gives no distribution. */
	private async sample(): Promise<{ id: number; logprob: number } | undefined> {
		const { id, logit, lse } = await this.last.next();
		if (!Number.isFinite(lse)) {
			return undefined;
		}
		if (this.sampling.temperature === 0) {
			return { id, logprob: logit - lse };
		}
		const logits = await this.last.logits();
		const drawn = draw(logits, this.sampling.temperature, this.sampling.uniform());
		return { id: drawn, logprob: logits[drawn]! - lse };
	}

	private async think(segment: Thinks): Promise<End> {
		const rules = new Rules(segment.stop);
		const first = this.thoughts;
		let carried: Float32Array | undefined;
		for (let i = 0; i < segment.count; i++) {
			const before = await rules.before(this.last);
			if (before) {
				this.stopped = { rule: before, at: this.thoughts };
				return undefined;
			}
			const last = this.last;
			const index = this.thoughts++;
			const moment = { hidden: lastSite(last, this.model), normed: last.normed, index, first, draw: this.sampling.draw, carried };
			const produced = await this.model.thinking.think(segment, moment);
			if (![produced.embed, produced.latent].every((vector) => vector.every(Number.isFinite))) {
				return { kind: 'cut', note: `thought ${index} is not finite, so the model is broken from there on` };
			}
			carried = produced.carried;
			const thought: Thought = { index, producedAt: this.cache.length - 1, fedAt: this.cache.length };
			await this.reader.thought(produced.gate === undefined ? thought : { ...thought, gate: produced.gate }, produced, last, segment);
			const { token, embed } = produced;
			const input = token === undefined ? { embeddings: embed } : { ids: [token] };
			const end = await this.feed(input, [{ kind: 'latent', id: token ?? -1, thought: index }], [NaN]);
			if (end) {
				return end;
			}
			const after = rules.after(produced);
			if (after) {
				this.stopped = { rule: after, at: this.thoughts };
				return undefined;
			}
		}
		if (segment.stop) {
			this.stopped = { rule: 'limit', at: this.thoughts };
		}
		return undefined;
	}

	private async feed(input: Input, steps: readonly Step[], logprobs: readonly number[]): Promise<End> {
		this.signal.throwIfAborted();
		const { context } = this.model.manifest.shape;
		if (this.cache.length + steps.length > context) {
			return { kind: 'cut', note: `the model's context of ${context} positions is full` };
		}
		this.model.checkRoom(this.cache.length + steps.length, this.cache.length);
		const forward = await this.model.body.forward(input, this.cache);
		this.cache = forward.cache;
		this.last = await this.reader.read(forward, steps, logprobs);
		this.unstable = forward.looped?.broken;
		return lastSite(this.last, this.model).every(Number.isFinite) ? undefined : this.broken();
	}

	private broken(): End {
		const position = this.cache.length - 1;
		if (this.unstable !== undefined) {
			return { kind: 'cut', note: `the state after loop ${this.unstable} at position ${position} is not finite, so the model is broken from there on` };
		}
		return { kind: 'cut', note: `the logits at position ${position} are not finite, so the model is broken from there on` };
	}
}

/** Feeds at least one token, in chunks between which a cancel gets through. `read` returns what a chunk's last position says. */
export async function prefill(
	model: Model,
	ids: readonly number[],
	signal: AbortSignal,
	read: (forward: Forward, start: number) => Promise<Last>,
): Promise<Prefix> {
	model.checkRoom(ids.length);
	let cache = model.body.empty;
	let last: Last | undefined;
	for (let start = 0; start < ids.length; start += model.cost.chunk) {
		signal.throwIfAborted();
		const forward = await model.body.forward({ ids: ids.slice(start, start + model.cost.chunk) }, cache);
		cache = forward.cache;
		last = await read(forward, start);
	}
	return { cache, last: last! };
}
