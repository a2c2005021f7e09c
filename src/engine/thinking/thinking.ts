/** How a model thinks: whatever is fed back, through whichever graph. The only place that computes thoughts. */
import type { ModelShape } from '../model/manifest';
import { throughOf } from '../model/recipeSchema';
import type { EmbedGraph, ThoughtGraph } from './graph';
import { sourceOf, type Parts } from './sources';
import type { Moment, Produced, ThoughtStep } from './step';

export class Thinking {
	constructor(
		private readonly parts: Parts,
		private readonly shape: ModelShape,
		/** By the names that recipes call them. */
		private readonly graphs: ReadonlyMap<string, ThoughtGraph>,
		private readonly edited: EmbedGraph | undefined,
	) {}

	async think(step: ThoughtStep, moment: Moment): Promise<Produced> {
		const { vector, token } = await this.source(step, moment);
		const graph = this.graphOf(step);
		return graph ? graph.think(step, vector, moment) : { embed: vector, latent: vector, ...(token === undefined ? {} : { token }) };
	}

	/** Thoughts of one index in several runs, side by side where a graph computes them. */
	async thinkAll(step: ThoughtStep, moments: readonly Moment[]): Promise<Produced[]> {
		const graph = this.graphOf(step);
		if (!graph?.isBatched || moments.length === 1) {
			return Promise.all(moments.map((moment) => this.think(step, moment)));
		}
		const sources = await Promise.all(moments.map((moment) => this.source(step, moment)));
		return graph.thinkAll(step, sources.map(({ vector }) => vector), moments);
	}

	/**
	 * What a changed thought is fed as. Tests change what `vectorOf` gives, which is the latent where it can be turned into an input
	 * again, and else the input itself.
	 */
	async fed(step: ThoughtStep, vector: Float32Array, index: number): Promise<Float32Array> {
		const [only] = await this.fedAll(step, [vector], index);
		return only!;
	}

	/** The same of several runs, side by side where the graph computes them. */
	async fedAll(step: ThoughtStep, vectors: readonly Float32Array[], index: number): Promise<Float32Array[]> {
		if (!this.isEdited(step)) {
			return [...vectors];
		}
		const graph = this.edited!;
		return graph.isBatched ? graph.embedAll(vectors, index) : (await Promise.all(vectors.map((vector) => graph.embedAll([vector], index)))).flat();
	}

	vectorOf(step: ThoughtStep, { latent, embed }: Produced): Float32Array {
		return this.isEdited(step) ? latent : embed;
	}

	/** Of what tests change of a step's thoughts. */
	widthOf(step: ThoughtStep): number {
		const { width, latentWidth = width } = this.shape;
		return this.isEdited(step) ? latentWidth : width;
	}

	/** Whether the latents of a step are changed, and then embedded again. */
	isEdited(step: ThoughtStep): boolean {
		return this.edited !== undefined && this.graphOf(step)?.hasLatent === true;
	}

	graphOf(step: ThoughtStep): ThoughtGraph | undefined {
		const name = throughOf(step, this.graphs.has('thought'));
		return name === undefined ? undefined : this.graphs.get(name);
	}

	private source({ feedback }: ThoughtStep, moment: Moment) {
		return sourceOf(feedback).vector(this.parts, feedback, moment);
	}
}
