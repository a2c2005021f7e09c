/** One call of a thought graph (models/README.md): a state in, what is fed back and what is stored out. */
import { EngineError } from '../error';
import type { ModelShape } from '../model/manifest';
import { floats, integers, type Graph, type Tensor } from '../runtime';
import { noiseOf, startOf } from './noise';
import type { Moment, Produced, ThoughtStep } from './step';

export class ThoughtGraph {
	private readonly fetched: readonly ('embed' | 'latent' | 'next_state' | 'gate')[];

	constructor(
		/** As recipes call it. */
		readonly name: string,
		private readonly graph: Graph,
		private readonly shape: ModelShape,
	) {
		this.fetched = (['embed', 'latent', 'next_state', 'gate'] as const).filter((name) => graph.outputs.has(name));
	}

	/** Whether it takes several rows, or was exported for one. */
	get isBatched(): boolean {
		return typeof this.graph.inputs.get('hidden')!.dims[0] !== 'number';
	}

	/** Whether it tells what is stored from what is fed. */
	get hasLatent(): boolean {
		return this.graph.outputs.has('latent');
	}

	/** Of what it carries from thought to thought; undefined where it carries nothing. */
	get stateWidth(): number | undefined {
		return this.graph.inputs.has('state') ? Number(this.graph.inputs.get('state')!.dims[1]) : undefined;
	}

	/** `vector`: what the segment's feedback names. */
	async think(step: ThoughtStep, vector: Float32Array, moment: Moment): Promise<Produced> {
		const [only] = await this.thinkAll(step, [vector], [moment]);
		return only!;
	}

	/** Thoughts of one index in several runs, side by side. */
	async thinkAll(step: ThoughtStep, vectors: readonly Float32Array[], moments: readonly Moment[]): Promise<Produced[]> {
		const { inputs } = this.graph;
		const rows = vectors.length;
		const { width } = this.shape;
		const feeds: Record<string, Tensor> = { hidden: stacked(vectors) };
		if (inputs.has('normed')) {
			feeds['normed'] = stacked(await Promise.all(moments.map((moment) => moment.normed())));
		}
		if (inputs.has('step')) {
			feeds['step'] = integers([moments[0]!.index], 1);
		}
		if (inputs.has('noise')) {
			// Most rows have one draw, and drawing costs more than all else that is done here.
			const [{ index }] = moments as [Moment];
			const drawn = new Map([...new Set(moments.map(({ draw }) => draw))].map((draw) => [draw, noiseOf(step.noise!, draw, index)]));
			const noise = stacked(moments.map(({ draw }) => drawn.get(draw)!));
			feeds['noise'] = { ...noise, dims: [rows, ...step.noise!.shape] };
		}
		const stateWidth = this.stateWidth;
		if (stateWidth !== undefined) {
			const start = step.state ?? { start: 'zero' as const };
			feeds['state'] = stacked(moments.map(({ carried, draw, index }) => carried ?? startOf(start, stateWidth, draw, index)));
		}
		const results = await this.graph.run(feeds, this.fetched);
		const rowsOf = (name: 'embed' | 'latent' | 'next_state' | 'gate', extent: number) =>
			this.fetched.includes(name) ? split(this.name, name, results[name], rows, extent) : undefined;
		const embeds = rowsOf('embed', width)!;
		const latents = rowsOf('latent', this.shape.latentWidth ?? width) ?? embeds;
		const states = rowsOf('next_state', stateWidth ?? 0);
		const gates = rowsOf('gate', 1);
		return embeds.map((embed, i) => ({
			embed,
			latent: latents[i]!,
			...(states ? { carried: states[i]! } : {}),
			...(gates ? { gate: gates[i]![0]! } : {}),
		}));
	}
}

/** Turns latents that were changed into what is fed. */
export class EmbedGraph {
	constructor(
		private readonly graph: Graph,
		private readonly shape: ModelShape,
	) {}

	/** Whether it takes several rows, or was exported for one. */
	get isBatched(): boolean {
		return typeof this.graph.inputs.get('latent')!.dims[0] !== 'number';
	}

	/** Of thought `index` in several runs, each [latent width] to [width]. */
	async embedAll(latents: readonly Float32Array[], index: number): Promise<Float32Array[]> {
		const feeds = { latent: stacked(latents), ...(this.graph.inputs.has('step') ? { step: integers([index], 1) } : {}) };
		const { embed } = await this.graph.run(feeds, ['embed']);
		return split('embed', 'embed', embed, latents.length, this.shape.width);
	}
}

function stacked(vectors: readonly Float32Array[]): Tensor {
	const width = vectors[0]!.length;
	const all = new Float32Array(vectors.length * width);
	vectors.forEach((vector, i) => all.set(vector, i * width));
	return floats(all, vectors.length, width);
}

/** Rows [extent]; graphs may leave extents open, so they are settled here. */
function split(graph: string, name: string, { data, dims }: Tensor, rows: number, extent: number): Float32Array[] {
	if (data.length !== rows * extent) {
		throw new EngineError(
			`The model's ${graph} graph gives ${name} as [${dims.join(', ')}] where [${rows}, ${extent}] is expected: export it again, or correct shape in model.json.`,
			'bad-model',
		);
	}
	return Array.from({ length: rows }, (_, i) => (data as Float32Array).slice(i * extent, (i + 1) * extent));
}
