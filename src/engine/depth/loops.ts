/** The core, looped at every position of a call until it halts, and then the coda. The only place that knows which keys a loop sees. */
import type { HaltRule, Halted } from '../../trace/document';
import type { Tensor } from '../runtime';
import type { Coda, CodaPatch } from './coda';
import type { Core } from './core';
import { maskOf, type Feed } from './feed';
import { Halting } from './halting';
import { chosen, joined, tail } from './keys';
import { readsTokens, siteOf, type Layout } from './layout';
import type { Looped } from './looped';
import { startOf } from './start';
import type { Depth } from '../model/recipeSchema';

/** Keys and values of a cache: of each slot's core blocks, and of the coda's. */
export interface LoopKeys {
	core: readonly (readonly Tensor[])[];
	coda: readonly Tensor[];
}

export interface LoopCall {
	feed: Feed;
	/** The prelude's output [rows, count, width]. */
	injected: Float32Array;
	past: LoopKeys;
	/** Changes the state after a loop [rows, count, width], where it is to be changed. */
	patch(site: number, state: Float32Array): void;
	codaPatches: readonly CodaPatch[];
}

export interface LoopResult {
	/** The state after each loop, then the stream after each block of the coda [rows, count, width]. What has halted keeps its state. */
	resid: Float32Array[];
	keys: LoopKeys;
	looped: Looped;
}

/** What a model with loops is computed with. */
export interface LoopParts {
	core: Core;
	coda: Coda | undefined;
	/** Logits [rows, vocabulary] of streams [rows, width] before the final norm. */
	logits(hidden: Float32Array): Promise<Float32Array>;
}

export class Loops {
	constructor(
		private readonly parts: LoopParts,
		private readonly layout: Layout,
		private readonly depth: Depth,
		/** Of the start states. */
		private readonly seed: number,
		private readonly width: number,
	) {}

	async run(call: LoopCall): Promise<LoopResult> {
		const { feed, past } = call;
		const { coda } = this.parts;
		const cells = new Cells(feed, this.layout.loops, this.depth);
		const { states, core } = await this.loop(call, cells);
		const end = await coda?.run(feed, states.at(-1)!, past.coda, call.codaPatches);
		return {
			resid: [...states, ...(end?.resid ?? [])],
			keys: { core, coda: end?.present ?? [] },
			looped: cells.looped(() => (coda ? coda.read(feed, states, past.coda, end!.present) : Promise.resolve(states))),
		};
	}

	private async loop({ feed, injected, past, patch }: LoopCall, cells: Cells): Promise<{ states: Float32Array[]; core: Tensor[][] }> {
		const { loops, slots } = this.layout;
		const own = slots === loops;
		const causal = maskOf(feed);
		const states: Float32Array[] = [];
		const core: Tensor[][] = [];
		let state = startOf(this.depth.state, this.seed, feed, injected);
		/** Of the latest loop that each position has run. */
		let left: Tensor[] | undefined;
		for (let i = 0; i < loops; i++) {
			const slot = past.core[own ? i : 0]!;
			const next = state.slice();
			if (cells.isRunning) {
				const some = cells.hasHalted;
				const seen = some ? slot.map((keys, j) => joined(keys, left![j]!)) : slot;
				const mask = some ? maskOf(feed, cells.isHalted) : causal;
				const result = await this.parts.core.run(feed, { state, injected, loop: i, mask, past: seen });
				const fresh = result.present.map((keys) => tail(keys, feed.count));
				left = some ? fresh.map((keys, j) => chosen(left![j]!, keys, cells.isHalted)) : fresh;
				cells.running((at) => next.set(result.state.subarray(at * this.width, (at + 1) * this.width), at * this.width));
				patch(siteOf(this.layout, i + 1), next);
				await this.judge(cells, i + 1, { feed, past, state, next, gate: result.gate });
				if (own) {
					core.push(some ? slot.map((keys, j) => joined(keys, left![j]!)) : result.present);
				}
			} else {
				patch(siteOf(this.layout, i + 1), next);
				if (own) {
					core.push(slot.map((keys, j) => joined(keys, left![j]!)));
				}
			}
			states.push(next);
			state = next;
		}
		return { states, core: own ? core : [past.core[0]!.map((keys, j) => joined(keys, left![j]!))] };
	}

	private async judge(cells: Cells, loop: number, made: { feed: Feed; past: LoopKeys; state: Float32Array; next: Float32Array; gate?: Float32Array }): Promise<void> {
		const { feed, past, state, next, gate } = made;
		const reads = this.depth.stop?.some(readsTokens) === true;
		const [ends] = reads && this.parts.coda ? await this.parts.coda.read(feed, [next], past.coda) : [next];
		const logits = reads ? await this.parts.logits(ends!) : undefined;
		const vocabulary = (logits?.length ?? 0) / (feed.rows * feed.count);
		cells.running((at) => {
			const part = (of: Float32Array) => of.subarray(at * this.width, (at + 1) * this.width);
			if (!part(next).every(Number.isFinite)) {
				cells.breaks(at, loop);
			}
			cells.after(at, loop, {
				difference: relative(part(state), part(next)),
				gate: gate?.[at],
				logits: logits?.subarray(at * vocabulary, (at + 1) * vocabulary),
			});
		});
	}
}

/** The positions of a call [rows, count] while they are looped. */
class Cells {
	/** 1 where a position has halted. */
	readonly isHalted: Uint8Array;
	private readonly halted: (Halted | undefined)[];
	private readonly difference: Float32Array;
	private gate?: Float32Array;
	private broken?: number;
	private readonly rules: readonly Halting[];

	constructor(
		private readonly feed: Feed,
		private readonly loops: number,
		depth: Depth,
	) {
		const size = feed.rows * feed.count;
		this.isHalted = new Uint8Array(size);
		this.halted = new Array<Halted | undefined>(size).fill(undefined);
		this.difference = new Float32Array(size * loops).fill(NaN);
		this.rules = Array.from({ length: size }, () => new Halting(depth));
	}

	get hasHalted(): boolean {
		return this.isHalted.includes(1);
	}

	/** Whether any position has not halted; padding does not count. */
	get isRunning(): boolean {
		return this.feed.real.some((real, at) => real === 1 && !this.isHalted[at]);
	}

	running(visit: (at: number) => void): void {
		this.isHalted.forEach((halted, at) => halted || visit(at));
	}

	after(at: number, loop: number, seen: Parameters<Halting['after']>[1]): void {
		this.difference[at * this.loops + loop - 1] = seen.difference;
		if (seen.gate !== undefined) {
			this.gate ??= new Float32Array(this.difference.length).fill(NaN);
			this.gate[at * this.loops + loop - 1] = seen.gate;
		}
		const rule: HaltRule | undefined = this.rules[at]!.after(loop, seen);
		if (rule && loop < this.loops) {
			this.isHalted[at] = 1;
			this.halted[at] = { rule, loop };
		}
	}

	/** Its state is no number; padding does not matter. */
	breaks(at: number, loop: number): void {
		if (this.feed.real[at]) {
			this.broken ??= loop;
		}
	}

	looped(read: Looped['read']): Looped {
		const { halted, difference, gate, broken } = this;
		return { halted, difference, gate, broken, read };
	}
}

/** ‖b − a‖ / ‖b‖: 0 where nothing has moved, also at 0. */
function relative(a: Float32Array, b: Float32Array): number {
	let [moved, size] = [0, 0];
	for (let i = 0; i < b.length; i++) {
		moved += (b[i]! - a[i]!) ** 2;
		size += b[i]! ** 2;
	}
	return moved === 0 ? 0 : Math.sqrt(moved / size);
}
