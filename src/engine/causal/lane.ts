/** What sequences of a batch are fed: a variant's feeds, then the likeliest tokens of its answer. */
import { calls } from '../../analysis/batches';
import type { Feed, Variant } from '../../analysis/causal';
import type { Segment } from '../run/arm';
import type { Fed } from '../model/body';
import type { State } from '../model/head';
import { momentOf } from '../run/last';
import type { Model } from '../model/model';
import type { Draw, Produced } from '../thinking/step';
import type { Lane } from './batch';
import type { Clean } from './clean';
import type { Replacements } from './replacement';

export type Decode = Extract<Segment, { kind: 'decode' }>;

/** Decodes greedily. */
export class AnswerLane implements Lane {
	/** Of the answer's first token; absent where nothing leads to one, because what was computed is not finite. */
	logits?: Float32Array;
	/** The answer's tokens but for the stop. */
	readonly written: number[] = [];

	constructor(
		private readonly segment: Decode,
		private readonly context: number,
	) {}

	next(state: State, length: number): Fed[] | undefined {
		if (!Number.isFinite(state.lse)) {
			return undefined;
		}
		this.logits ??= state.logits.slice();
		const { stop, limit } = this.segment;
		if (stop.has(state.id) || this.written.length === limit) {
			return undefined;
		}
		this.written.push(state.id);
		return length < this.context ? [state.id] : undefined;
	}
}

export class VariantLane implements Lane {
	readonly answer: AnswerLane;
	private readonly calls: Feed[][];
	/** What the thought before handed on, where that was computed here. */
	private carried?: Float32Array;

	constructor(
		private readonly model: Model,
		private readonly clean: Clean,
		private readonly replacements: Replacements,
		readonly variant: Variant,
		decode: Decode,
	) {
		this.answer = new AnswerLane(decode, model.manifest.shape.context);
		this.calls = calls(variant.feeds);
	}

	async next(state: State, length: number): Promise<Fed[] | undefined> {
		const call = this.calls.shift();
		if (!call) {
			return this.answer.next(state, length);
		}
		if (!Number.isFinite(state.lse)) {
			return undefined;
		}
		const fed = (await Promise.all(call.map((feed) => this.fed(feed, state)))).flat();
		return fed.every((one) => typeof one === 'number' || one.every(Number.isFinite)) ? fed : undefined;
	}

	private async fed(feed: Feed, state: State): Promise<Fed[]> {
		switch (feed.kind) {
			case 'tokens':
				return feed.ids;
			case 'keep':
				this.carried = undefined;
				return feed.thoughts.map((thought) => this.clean.made[thought]!.embed);
			case 'think':
				return [await this.think(feed, state)];
		}
	}

	/** What is fed. Noise is the unchanged run's, so that nothing differs but what was changed. */
	private async think({ thought, by }: Extract<Feed, { kind: 'think' }>, state: State): Promise<Float32Array> {
		const { thinking } = this.model;
		const { made } = this.clean;
		const { step, carried } = made[thought]!;
		const first = made.findIndex((one) => one.step === step);
		const moment = { ...momentOf(state), index: thought, first, draw: this.clean.draw, carried: carried && (this.carried ?? carried) };
		let found: Promise<Produced> | undefined;
		const own = (draw?: Draw) => (draw ? thinking.think(step, { ...moment, draw }) : (found ??= thinking.think(step, moment)));
		const fed = by ? await this.replacements.thought(by, step, thought, own, state) : (await own()).embed;
		// A changed thought hands on what the unchanged one would.
		this.carried = thinking.graphOf(step)?.stateWidth === undefined ? undefined : (await own()).carried;
		return fed;
	}
}
