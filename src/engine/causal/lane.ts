/** What sequences of a batch are fed: a variant's feeds, then the likeliest tokens of its answer. */
import { calls } from '../../analysis/batches';
import type { Feed, Variant } from '../../analysis/causal';
import type { Segment } from '../run/arm';
import type { Fed } from '../model/body';
import type { Model } from '../model/model';
import type { Draw, Produced } from '../thinking/step';
import type { Lane } from './batch';
import type { Clean } from './clean';
import type { Replacements } from './replacement';
import type { Standing, Thoughts } from './together';

/** A variant of an unchanged run, and what it puts in. */
export interface Branch {
	clean: Clean;
	variant: Variant;
	replacements: Replacements;
}

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

	async next(standing: Standing, length: number): Promise<Fed[] | undefined> {
		const { logits, id, lse } = await standing.words();
		if (!Number.isFinite(lse)) {
			return undefined;
		}
		this.logits ??= logits.slice();
		const { stop, limit } = this.segment;
		if (stop.has(id) || this.written.length === limit) {
			return undefined;
		}
		this.written.push(id);
		return length < this.context ? [id] : undefined;
	}
}

export class VariantLane implements Lane {
	readonly answer: AnswerLane;
	readonly variant: Variant;
	private readonly clean: Clean;
	private readonly replacements: Replacements;
	private readonly calls: Feed[][];
	/** What the thought before handed on, where that was computed here. */
	private carried?: Float32Array;

	constructor(
		private readonly model: Model,
		{ clean, variant, replacements }: Branch,
		private readonly thoughts: Thoughts,
		decode: Decode,
	) {
		this.clean = clean;
		this.variant = variant;
		this.replacements = replacements;
		this.answer = new AnswerLane(decode, model.manifest.shape.context);
		this.calls = calls(variant.feeds);
	}

	async next(standing: Standing, length: number): Promise<Fed[] | undefined> {
		const call = this.calls.shift();
		if (!call) {
			return this.answer.next(standing, length);
		}
		if (!standing.hidden.every(Number.isFinite)) {
			return undefined;
		}
		const fed = (await Promise.all(call.map((feed) => this.fed(feed, standing)))).flat();
		return fed.every((one) => typeof one === 'number' || one.every(Number.isFinite)) ? fed : undefined;
	}

	private async fed(feed: Feed, standing: Standing): Promise<Fed[]> {
		switch (feed.kind) {
			case 'tokens':
				return feed.ids;
			case 'keep':
				this.carried = undefined;
				return feed.thoughts.map((thought) => this.clean.made[thought]!.embed);
			case 'think':
				return [await this.think(feed, standing)];
		}
	}

	/** What is fed. Noise is the unchanged run's, so that nothing differs but what was changed. */
	private async think({ thought, by }: Extract<Feed, { kind: 'think' }>, standing: Standing): Promise<Float32Array> {
		const { thinking } = this.model;
		const { made } = this.clean;
		const { step, carried } = made[thought]!;
		const first = made.findIndex((one) => one.step === step);
		const { hidden, normed } = standing;
		const moment = { hidden, normed, index: thought, first, draw: this.clean.draw, carried: carried && (this.carried ?? carried) };
		let found: Promise<Produced> | undefined;
		const own = (draw?: Draw) => (draw ? this.thoughts.think(step, { ...moment, draw }) : (found ??= this.thoughts.think(step, moment)));
		const fed = by ? await this.replacements.thought(by, step, thought, own, standing, this.thoughts) : (await own()).embed;
		// A changed thought hands on what the unchanged one would.
		this.carried = thinking.graphOf(step)?.stateWidth === undefined ? undefined : (await own()).carried;
		return fed;
	}
}
