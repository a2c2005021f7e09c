/** Vectors that take another's place, and what they are in words. */
import type { Replacement } from '../../analysis/causal';
import { logSoftmax } from '../../analysis/effect';
import { gaussian, generator } from '../../shared/random';
import { quoted } from '../error';
import type { Model } from '../model';
import { lastSite, type Last } from '../run';

/** Thoughts of another prompt [width], and the residual streams where they were fed [sites, width]. */
export interface Other {
	name: string;
	thoughts: readonly Float32Array[];
	resid: readonly Float32Array[];
}

export class Replacements {
	constructor(
		private readonly model: Model,
		/** Reference prompts; the first one is resampled from. */
		private readonly others: readonly Other[],
		private readonly donor: Other | undefined,
		private readonly seed: number,
		/** What the noise also follows from, so that every arm and prompt has its own. */
		private readonly name: string,
	) {}

	/** Of thought `index`, whose own vector would be `own`; `state` is what the position before it said. */
	async thought(by: Replacement, index: number, own: Float32Array, state: Last): Promise<Float32Array> {
		switch (by.kind) {
			case 'noise':
				return scaled(this.noise(index, own.length), norm(own));
			case 'tokens': {
				const mixed = await this.mixture(by.top, state);
				return by.rescaled ? scaled(mixed, norm(own)) : mixed;
			}
			default:
				return this.vector(by, ({ thoughts }) => thoughts[index]!);
		}
	}

	/** Of the residual stream at `site`, where thought `index` is fed. */
	stream(by: Replacement, index: number, site: number): Float32Array {
		const { width } = this.model.manifest.shape;
		return this.vector(by, ({ resid }) => resid[index]!.subarray(site * width, (site + 1) * width));
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
			case 'resample':
				return `${what} of ${names[0]}`;
			case 'transplant':
				return `${what} of ${quoted(this.donor!.name)}`;
			case 'tokens': {
				const all = by.top >= this.model.manifest.shape.vocabulary;
				const tokens = all ? 'all tokens' : by.top === 1 ? 'the nearest token' : `the ${by.top} nearest tokens`;
				return `${by.top === 1 ? '' : 'mixture of '}${tokens} of the lens, ${by.rescaled ? 'rescaled' : 'raw'}`;
			}
		}
	}

	private vector(by: Replacement, of: (other: Other) => Float32Array): Float32Array {
		const { width } = this.model.manifest.shape;
		switch (by.kind) {
			case 'mean': {
				const mean = new Float32Array(width);
				for (const other of this.others) {
					of(other).forEach((value, i) => (mean[i]! += value / this.others.length));
				}
				return mean;
			}
			case 'resample':
				return of(this.others[0]!);
			case 'transplant':
				return of(this.donor!);
			default:
				return new Float32Array(width);
		}
	}

	private noise(index: number, width: number): Float32Array {
		const uniform = generator(this.seed, `${this.name} noise ${index}`);
		return Float32Array.from({ length: width }, () => gaussian(uniform));
	}

	/** Input embeddings of the lens's likeliest tokens, weighted by their probability. */
	private async mixture(top: number, state: Last): Promise<Float32Array> {
		const { width } = this.model.manifest.shape;
		const weights = logSoftmax(await this.model.head.logits(lastSite(state, this.model))).map(Math.exp);
		const ids = [...weights.keys()].sort((a, b) => weights[b]! - weights[a]!).slice(0, top);
		const total = ids.reduce((sum, id) => sum + weights[id]!, 0);
		const table = await this.model.embeddings();
		const mixed = new Float32Array(width);
		for (const id of ids) {
			const row = table?.subarray(id * width, (id + 1) * width) ?? (await this.model.embedding(id));
			row.forEach((value, i) => (mixed[i]! += (weights[id]! / total) * value));
		}
		return mixed;
	}
}

function norm(vector: Float32Array): number {
	return Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
}

function scaled(vector: Float32Array, to: number): Float32Array {
	const factor = to / norm(vector);
	return vector.map((value) => value * factor);
}
