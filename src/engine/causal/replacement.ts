/** Vectors that take another's place, and what they are in words. */
import type { Replacement } from '../../analysis/causal';
import { snapped } from '../../analysis/codes';
import { gaussian, generator } from '../../shared/random';
import { quoted } from '../error';
import type { Model } from '../model/model';
import type { Draw, Produced, ThoughtStep } from '../thinking/step';
import type { Standing, Thoughts } from './together';

/** What tests change of the thoughts of another prompt, and the residual streams where they were fed [sites, width]. */
export interface Other {
	name: string;
	thoughts: readonly Float32Array[];
	resid: readonly Float32Array[];
	/** What it answers. */
	answer?: string;
}

/** Prompts that the tests of one donor take their thoughts from. */
export type Donors = Partial<Record<'interchange' | 'transplant', Other>>;

export class Replacements {
	/** Means over the reference prompts, by what they are of. */
	private readonly means = new Map<string, Float32Array>();

	constructor(
		private readonly model: Model,
		/** Reference prompts; those that come first are resampled from. */
		private readonly others: readonly Other[],
		readonly donors: Donors,
		private readonly seed: number,
		/** What the noise also follows from, so that every arm and prompt has its own. */
		private readonly name: string,
	) {}

	/** Reference prompts that there are. */
	get count(): number {
		return this.others.length;
	}

	/**
	 * What is fed [width] for thought `index`, which unchanged would be `own`, and with another `draw` another; `standing` is what the
	 * position before it leads to.
	 */
	async thought(
		by: Replacement,
		step: ThoughtStep,
		index: number,
		own: (draw?: Draw) => Promise<Produced>,
		standing: Standing,
		thoughts: Pick<Thoughts, 'fed'>,
	): Promise<Float32Array> {
		const { thinking } = this.model;
		const vector = async () => thinking.vectorOf(step, await own());
		switch (by.kind) {
			case 'tokens': {
				// Of tokens there are inputs only, and no latents.
				const mixed = await this.mixture(by.top, (await standing.words()).logits);
				return by.rescaled ? scaled(mixed, norm((await own()).embed)) : mixed;
			}
			case 'noise':
				return thoughts.fed(step, this.noise(index, await vector()), index);
			case 'jitter': {
				const unchanged = await vector();
				const noise = this.noise(index, unchanged, by.ratio);
				return thoughts.fed(step, unchanged.map((value, i) => value + noise[i]!), index);
			}
			case 'code':
				return thoughts.fed(step, snapped(this.model.codes!, await vector()), index);
			case 'redraw':
				return (await own({ seed: this.seed, arm: `${this.name} again` })).embed;
			default: {
				const width = thinking.widthOf(step);
				return thoughts.fed(step, this.vector(by, `thought ${index}`, width, ({ thoughts }) => thoughts[index]!), index);
			}
		}
	}

	/** Of the residual stream at `site`, where thought `index` is fed. */
	stream(by: Replacement, index: number, site: number): Float32Array {
		const { width } = this.model.manifest.shape;
		return this.vector(by, `stream ${index} ${site}`, width, ({ resid }) => resid[index]!.subarray(site * width, (site + 1) * width));
	}

	/** `what`: that is taken from other prompts, in words. */
	describe(by: Replacement, what: string): string {
		const names = this.others.map(({ name }) => quoted(name));
		switch (by.kind) {
			case 'zero':
				return 'zero';
			case 'mean':
				return `mean over ${names.length} reference prompt${names.length === 1 ? '' : 's'}`;
			case 'noise':
				return `Gaussian noise of equal norm, seed ${this.seed}`;
			case 'jitter':
				return `itself and Gaussian noise of ${by.ratio} of its norm, seed ${this.seed}`;
			case 'code':
				return `the nearest of the model's ${this.model.codes!.map(({ name }) => name).join(' and ')} codes`;
			case 'redraw':
				return `itself with other noise, seed ${this.seed}`;
			case 'resample':
				return `${what} of ${names[by.draw]}`;
			case 'interchange':
			case 'transplant':
				return `${what} of ${quoted(this.donors[by.kind]!.name)}`;
			case 'tokens': {
				const all = by.top >= this.model.manifest.shape.vocabulary;
				const tokens = all ? 'all tokens' : by.top === 1 ? 'the nearest token' : `the ${by.top} nearest tokens`;
				return `${by.top === 1 ? '' : 'mixture of '}${tokens} of the lens, ${by.rescaled ? 'rescaled' : 'raw'}`;
			}
		}
	}

	private vector(by: Replacement, what: string, width: number, of: (other: Other) => Float32Array): Float32Array {
		switch (by.kind) {
			case 'mean': {
				const mean = this.means.get(what) ?? meanOf(this.others.map(of));
				this.means.set(what, mean);
				return mean;
			}
			case 'resample':
				return of(this.others[by.draw]!);
			case 'interchange':
			case 'transplant':
				return of(this.donors[by.kind]!);
			default:
				return new Float32Array(width);
		}
	}

	/** Of `ratio` times the norm of `like`; the same direction for every test, so that they differ in how much of it there is. */
	private noise(index: number, like: Float32Array, ratio = 1): Float32Array {
		const uniform = generator(this.seed, `${this.name} noise ${index}`);
		return scaled(
			like.map(() => gaussian(uniform)),
			ratio * norm(like),
		);
	}

	/** Input embeddings of the lens's likeliest tokens, weighted by their probability. */
	private async mixture(top: number, logits: Float32Array): Promise<Float32Array> {
		const { width } = this.model.manifest.shape;
		const ids = likeliest(logits, top);
		const highest = ids.reduce((most, id) => Math.max(most, logits[id]!), -Infinity);
		const weights = ids.map((id) => Math.exp(logits[id]! - highest));
		const total = weights.reduce((sum, weight) => sum + weight, 0);
		const table = await this.model.embeddings();
		const mixed = new Float32Array(width);
		for (const [i, id] of ids.entries()) {
			const row = table?.subarray(id * width, (id + 1) * width) ?? (await this.model.embedding(id));
			const weight = weights[i]! / total;
			for (let j = 0; j < width; j++) {
				mixed[j]! += weight * row[j]!;
			}
		}
		return mixed;
	}
}

/** Ids of the highest logits; `top` is small, or as many as there are. */
function likeliest(logits: Float32Array, top: number): number[] {
	if (top >= logits.length) {
		return [...logits.keys()];
	}
	const best: number[] = [];
	for (let id = 0; id < logits.length; id++) {
		if (best.length < top || logits[id]! > logits[best.at(-1)!]!) {
			const place = best.findIndex((other) => logits[other]! < logits[id]!);
			best.splice(place < 0 ? best.length : place, 0, id);
			best.length = Math.min(best.length, top);
		}
	}
	return best;
}

function meanOf(vectors: readonly Float32Array[]): Float32Array {
	const sum = new Float64Array(vectors[0]!.length);
	for (const vector of vectors) {
		for (let i = 0; i < sum.length; i++) {
			sum[i]! += vector[i]!;
		}
	}
	return Float32Array.from(sum, (value) => value / vectors.length);
}

function norm(vector: Float32Array): number {
	let sum = 0;
	for (const value of vector) {
		sum += value * value;
	}
	return Math.sqrt(sum);
}

function scaled(vector: Float32Array, to: number): Float32Array {
	const factor = to / norm(vector);
	return vector.map((value) => value * factor);
}
