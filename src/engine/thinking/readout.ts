/** A trained decoder of single latents into text, as SIM-CoT trains one (arXiv 2509.20317): greedy, with a limit. */
import { checkExtents } from '../model/contract';
import { EngineError } from '../error';
import type { Manifest } from '../model/manifest';
import { floats, integers, type Graph } from '../runtime';
import type { Tokenizer } from '../tokens/tokenizer';

export class Readout {
	private readonly start: number;
	private readonly stop: ReadonlySet<number>;
	private readonly limit: number;

	/** Fails where one of its tokens is not in the vocabulary. */
	constructor(
		private readonly graph: Graph,
		private readonly tokenizer: Tokenizer,
		{ start, stop, limit }: NonNullable<Manifest['files']['readout']>,
		private readonly vocabulary: number,
	) {
		const id = (token: string) => {
			const found = tokenizer.idOf(token);
			if (found === undefined) {
				throw new EngineError(`The readout in model.json uses ${token}, which the tokenizer does not have: correct one of the two.`, 'bad-model');
			}
			return found;
		};
		this.start = id(start);
		this.stop = new Set(stop.map(id));
		this.limit = limit;
	}

	/** Of a latent as it is stored. Where the graph gives no numbers, what was read up to there. */
	async of(latent: Float32Array): Promise<string> {
		const ids = [this.start];
		while (ids.length <= this.limit) {
			const feeds = { latent: floats(latent, 1, latent.length), input_ids: integers(ids, 1, ids.length) };
			const { logits } = await this.graph.run(feeds, ['logits']);
			checkExtents('readout', 'logits', logits, 1, ids.length, this.vocabulary);
			const id = likeliest((logits.data as Float32Array).subarray(-this.vocabulary));
			if (id === undefined || this.stop.has(id)) {
				break;
			}
			ids.push(id);
		}
		return this.tokenizer.decode(ids.slice(1));
	}
}

function likeliest(logits: Float32Array): number | undefined {
	let best: number | undefined;
	for (let id = 0; id < logits.length; id++) {
		if (Number.isFinite(logits[id]!) && (best === undefined || logits[id]! > logits[best]!)) {
			best = id;
		}
	}
	return best;
}
