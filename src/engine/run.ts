/** Runs one arm: feeds what its plan says, samples where it decodes, feeds states back where it thinks. Readouts are apart. */
import type { Step, Thought } from '../trace/document';
import type { ArmPlan, Feedback, Segment } from './arm';
import type { Cache, Forward, Input } from './body';
import type { State } from './head';
import type { Model } from './model';
import { draw } from './sampler';

/** What the last position that was fed says. */
export interface Last {
	/** Likeliest next token, its logit, and the log-sum-exp of all logits. */
	id: number;
	logit: number;
	lse: number;
	/** State after the final norm, and residual streams of all sites [sites, width]. */
	normed: Float32Array;
	resid: Float32Array;
}

/** Looks at positions as they are fed. */
export interface Reader {
	/** Whether tokens that nothing depends on (the last stop) are fed to be read. */
	readonly everything: boolean;
	/** `steps`: the positions of `forward`; `logprobs`: what the model gave to each at the position before, NaN where unknown. */
	read(forward: Forward, steps: readonly Step[], logprobs: readonly number[]): Promise<Last>;
	thought(thought: Thought, vector: Float32Array, state: Last): void | Promise<void>;
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
}

export interface Sampling {
	temperature: number;
	uniform: () => number;
}

type End = { kind: 'cut'; note: string } | undefined;

export class ArmRun {
	/** Sampled tokens but for stops, so far. */
	readonly written: { role: 'thought' | 'answer'; id: number }[] = [];
	private cache: Cache;
	private last: Last;
	private thoughts = 0;

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
				return { state: 'limit', note: `Arm ${this.plan.name} was cut: ${end.note}.` };
			}
		}
		return { state: 'done' };
	}

	private segment(segment: Segment, final: boolean): Promise<End> {
		switch (segment.kind) {
			case 'tokens':
				return this.force(segment.ids);
			case 'decode':
				return this.decode(segment, final);
			case 'latent':
				return this.think(segment.count, segment.feedback);
		}
	}

	private async force(ids: readonly number[]): Promise<End> {
		const logits = this.reader.everything ? await this.model.head.logits(lastSite(this.last, this.model)) : undefined;
		const logprobs = ids.map((id, i) => (i === 0 && logits ? logits[id]! - this.last.lse : NaN));
		return this.feed(
			{ ids },
			ids.map((id): Step => ({ kind: 'token', id, forced: true })),
			logprobs,
		);
	}

	private async decode({ role, stop, limit, atLimit }: Extract<Segment, { kind: 'decode' }>, final: boolean): Promise<End> {
		for (let count = 0; ; count++) {
			const { id, logprob } = await this.sample();
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

	private async sample(): Promise<{ id: number; logprob: number }> {
		const { id, logit, lse } = this.last;
		if (this.sampling.temperature === 0) {
			return { id, logprob: logit - lse };
		}
		const logits = await this.model.head.logits(lastSite(this.last, this.model));
		const drawn = draw(logits, this.sampling.temperature, this.sampling.uniform());
		return { id: drawn, logprob: logits[drawn]! - lse };
	}

	private async think(count: number, feedback: Feedback): Promise<End> {
		for (let i = 0; i < count; i++) {
			const state = this.last;
			const index = this.thoughts++;
			const thought: Thought = { index, producedAt: this.cache.length - 1, fedAt: this.cache.length };
			const token = feedback.site === 'token' ? feedback.id : undefined;
			const fedBack = { normed: state.normed, hidden: lastSite(state, this.model) };
			const vector = await thoughtOf(this.model, feedback, fedBack, index);
			if (!vector.every(Number.isFinite)) {
				return { kind: 'cut', note: `thought ${index} is not finite, so the model is broken from there on` };
			}
			await this.reader.thought(thought, vector, state);
			const input = token === undefined ? { embeddings: vector } : { ids: [token] };
			const end = await this.feed(input, [{ kind: 'latent', id: token ?? -1, thought: index }], [NaN]);
			if (end) {
				return end;
			}
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
		return Number.isFinite(this.last.lse)
			? undefined
			: {
					kind: 'cut',
					note: `the logits at position ${this.cache.length - 1} are not finite, so the model is broken from there on`,
				};
	}
}

/** What is fed back for a state as thought `index` [width]. */
export function thoughtOf(
	model: Model,
	feedback: Feedback,
	{ normed, hidden }: Pick<State, 'normed' | 'hidden'>,
	index: number,
): Promise<Float32Array> {
	switch (feedback.site) {
		case 'normed':
			return model.thought(normed, index);
		case 'resid':
			return model.thought(hidden, index);
		case 'token':
			return model.embedding(feedback.id);
		case 'mixture':
			return model.mixture(hidden, feedback.top);
	}
}

/** Residual stream of the last position before the final norm [width]. */
export function lastSite({ resid }: Last, { manifest }: Model): Float32Array {
	return resid.subarray(manifest.shape.layers * manifest.shape.width);
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
