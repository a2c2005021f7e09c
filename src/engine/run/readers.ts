/** The two ways to look at a run: everything at every site, or only what is needed to go on. */
import type { ProbePlace, Step, Thought } from '../../trace/document';
import { probePlane } from '../../trace/planes';
import { scoreProbe, type Probe } from '../../analysis/probe';
import { nearestCodes } from '../../analysis/codes';
import { nearestByCosine } from '../../analysis/neighbours';
import { recipeTokens, SentenceSplitter } from '../../analysis/sentences';
import { toHalf } from '../../trace/half';
import { LoopReader } from '../depth/reader';
import { bySite, type Forward } from '../model/body';
import { lastOf, type Last, type Next } from './last';
import type { Reading } from '../model/head';
import type { Model } from '../model/model';
import type { Reader } from './run';
import type { Sheet } from './sheet';
import type { Produced, ThoughtStep } from '../thinking/step';

/** Codes that are kept of a part: the nearest, and how clear it is. */
export const CODES = 4;
/** UTF-16 units of a readout: the trace format's limit of a line. */
const MAX_READOUT = 2_000;

function latentWidthOf({ manifest }: Model): number {
	return manifest.shape.latentWidth ?? manifest.shape.width;
}

/** Reads nothing but what is asked of the last position: what decoding and thinking need. */
export class LastReader implements Reader {
	readonly everything = false;

	constructor(private readonly model: Model) {}

	async read({ resid, count }: Forward): Promise<Last> {
		const { width } = this.model.manifest.shape;
		return lastOf(this.model, bySite(resid, width, count - 1, count));
	}

	thought(): void {}
}

/** A class of a probe that is scored, under the name that the trace gives it. */
export interface ScoredProbe {
	name: string;
	probe: Probe;
	classIndex: number;
}

/** Reads every position out at every site into a sheet. */
export class LensReader implements Reader {
	readonly everything = true;
	private readonly splitter: SentenceSplitter;

	constructor(
		private readonly model: Model,
		private readonly sheet: Sheet,
		private readonly topK: number,
		private readonly probes: readonly ScoredProbe[],
		private readonly spare: (thought: number) => string | undefined,
		/** Called after every piece of work, for progress. */
		private readonly tick: () => void,
		private readonly signal: AbortSignal,
	) {
		this.splitter = new SentenceSplitter(recipeTokens(model.manifest.recipe));
		// Nothing is measured on the prompt, whose rows the sheet already has.
		this.skipProbes(sheet.steps.length);
	}

	async read(forward: Forward, steps: readonly Step[], logprobs: readonly number[]): Promise<Last> {
		const { width, layers } = this.model.manifest.shape;
		const sites = layers + 1;
		const { sheet } = this;
		const { head } = this.model;
		const given = Float32Array.from(logprobs);
		let last: Last | undefined;
		const loops = forward.looped && new LoopReader(forward, forward.looped, this.model.manifest.layout!);
		const streams = (await loops?.streams()) ?? forward.resid;
		const positions = head.positions(sites);
		for (let start = 0; start < forward.count; start += positions) {
			const end = Math.min(forward.count, start + positions);
			// All sites of a chunk take longer than a cancel may wait.
			this.signal.throwIfAborted();
			const resid = bySite(forward.resid, width, start, end);
			const read = loops ? bySite(streams, width, start, end) : resid;
			const targets = Array.from({ length: end - start }, (_, i) => Math.max(0, steps[start + i + 1]?.id ?? 0));
			const reading = await this.model.head.read(read, sites, targets, this.topK);
			for (let row = start; row < Math.min(end, forward.count - 1); row++) {
				const at = (row - start) * sites + layers;
				given[row + 1] = reading.targetLogit[at]! - reading.lse[at]!;
			}
			const next = nextOf(reading, (end - start) * sites - 1);
			loops?.clear(reading, start, end);
			sheet.append('hidden.resid', toHalf(resid));
			sheet.append('lens.topk_id', reading.topIds);
			sheet.append('lens.topk_logit', reading.topLogits);
			sheet.append('lens.lse', reading.lse);
			sheet.append('lens.entropy', reading.entropy);
			sheet.append('lens.kl_final', reading.kl);
			const normed = reading.normed.slice(((end - start) * sites - 1) * width);
			last = lastOf(this.model, resid.slice((end - start - 1) * sites * width), { normed, next });
		}
		sheet.steps.push(...(loops ? steps.map((step, i) => loops.halted(step, i)) : steps));
		loops?.planes().forEach(([plane, values]) => sheet.append(plane, values));
		sheet.append(
			'tokens.id',
			Int32Array.from(steps, ({ id, kind }) => (kind === 'latent' ? -1 : id)),
		);
		sheet.append('tokens.logprob', given);
		this.skipProbes(forward.count);
		this.sentences(forward, steps);
		this.tick();
		return last!;
	}

	async thought(thought: Thought, { latent, embed }: Produced, { resid }: Last, step: ThoughtStep): Promise<void> {
		const { width } = this.model.manifest.shape;
		const readout = latent.length === latentWidthOf(this.model) ? await this.model.readout?.of(latent) : undefined;
		this.sheet.thoughts.push({
			...thought,
			spare: this.spare(thought.index),
			...(readout === undefined ? {} : { readout: readout.slice(0, MAX_READOUT) }),
		});
		this.sheet.append('latent.vec', latent);
		if (latent !== embed && !this.model.thinking.isEdited(step)) {
			this.sheet.append('latent.embed', embed);
		}
		this.score('thoughts', thought.producedAt, thought.index, resid);
		await this.decoded(latent, embed, step);
		const table = await this.model.embeddings();
		if (table) {
			const nearest = nearestByCosine(embed, table, width, this.topK);
			this.sheet.append(
				'neighbour.topk_id',
				Int32Array.from(nearest, ({ id }) => id),
			);
			this.sheet.append(
				'neighbour.topk_cosine',
				Float32Array.from(nearest, ({ cosine }) => cosine),
			);
		}
	}

	/** What the thought reads as by itself: by the model's codes, and through its head where the recipe says so. */
	private async decoded(latent: Float32Array, embed: Float32Array, { decode }: ThoughtStep): Promise<void> {
		const { sheet, model } = this;
		if (decode?.includes('latent')) {
			const { topIds, topLogits, lse, entropy } = await model.head.read(embed, 1, [0], this.topK);
			sheet.append('latent.topk_id', topIds);
			sheet.append('latent.topk_logit', topLogits);
			sheet.append('latent.lse', lse);
			sheet.append('latent.entropy', entropy);
		}
		for (const part of latent.length === latentWidthOf(model) ? (model.codes ?? []) : []) {
			const nearest = nearestCodes(part, latent, CODES);
			sheet.append(`code.${part.name}.id`, Int32Array.from({ length: CODES }, (_, i) => nearest[i]?.id ?? -1));
			sheet.append(`code.${part.name}.distance`, Float32Array.from({ length: CODES }, (_, i) => nearest[i]?.distance ?? NaN));
		}
	}

	/** Scores the end of each written sentence; while it goes on, what has been written of it. */
	private sentences({ resid }: Forward, steps: readonly Step[]): void {
		const { model, sheet, splitter } = this;
		const { width } = model.manifest.shape;
		if (!this.probes.some(({ probe }) => probe.at === 'tokens')) {
			return;
		}
		for (const [row, step] of steps.entries()) {
			const position = sheet.steps.length - steps.length + row;
			if (splitter.add(position, step, step.id < 0 ? '' : model.tokenizer.textOf(step.id))) {
				const sentence = splitter.sentences.length - 1;
				const before = splitter.sentences[sentence]!.steps.at(-2);
				if (before !== undefined) {
					this.score('tokens', before, NaN, new Float32Array());
				}
				this.score('tokens', position, sentence, bySite(resid, width, row, row + 1));
			}
		}
	}

	/** `resid`: [sites, width]. A step that is NaN takes back what was there. */
	private score(at: ProbePlace, position: number, step: number, resid: Float32Array): void {
		const { layers, width } = this.model.manifest.shape;
		for (const { name, probe, classIndex } of this.probes) {
			if (probe.at === at) {
				const scores = Float32Array.from({ length: layers + 1 }, (_, site) =>
					Number.isNaN(step) ? NaN : scoreProbe(probe, resid.subarray(site * width, (site + 1) * width), step, site, classIndex),
				);
				this.sheet.set(probePlane(name), position, scores);
			}
		}
	}

	/** Rows that are not measured, until a thought is produced or a sentence ends there. */
	private skipProbes(rows: number): void {
		for (const { name } of this.probes) {
			this.sheet.append(probePlane(name), new Float32Array(rows * (this.model.manifest.shape.layers + 1)).fill(NaN));
		}
	}
}

/** At the last site of the last position that was read. */
function nextOf({ topIds, topLogits, lse, entropy }: Reading, cell: number): Next {
	const first = (topIds.length / lse.length) * cell;
	return { id: topIds[first]!, logit: topLogits[first]!, lse: lse[cell]!, entropy: entropy[cell]! };
}
