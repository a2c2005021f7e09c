/** The prompt as it is fed, read once for all arms that begin with the same tokens. */
import type { Step } from '../../trace/document';
import { leadOf, type ArmPlan } from './arm';
import { EngineError } from '../error';
import type { Model } from '../model/model';
import { CODES, LensReader } from './readers';
import { prefill, type Prefix } from './run';
import { Sheet } from './sheet';
import type { Stream } from './stream';
import type { Encoded } from '../tokens/tokenizer';

export interface Start {
	prefix: Prefix;
	/** Rows of the prompt's positions; an arm goes on with a copy. */
	sheet: Sheet;
}

export class Starts {
	/** By the tokens before the prompt. */
	private readonly known = new Map<string, Start>();

	constructor(
		private readonly model: Model,
		private readonly encoded: Encoded,
		private readonly topK: number,
		private readonly stream: Stream,
		private readonly signal: AbortSignal,
	) {}

	/** Fails with `bad-model` where the model gives no finite logits for the prompt. */
	async of(plan: ArmPlan): Promise<Start> {
		const before = leadOf(plan, this.encoded.ids);
		const key = before.join();
		const start = this.known.get(key) ?? (await this.read(before));
		this.known.set(key, start);
		return start;
	}

	private async read(before: readonly number[]): Promise<Start> {
		const { cost, manifest } = this.model;
		const { width, layers } = manifest.shape;
		const { ids, spans } = this.encoded;
		const steps = [
			...before.map((id): Step => ({ kind: 'token', id, forced: true })),
			...ids.map((id, i): Step => ({ kind: 'prompt', id, span: spans[i]! })),
		];
		const sheet = new Sheet({ site: layers + 1, top: this.topK, width, latent: width, code: CODES });
		const reader = new LensReader(this.model, sheet, this.topK, [], () => undefined, () => {}, this.signal);
		let logits: Float32Array | undefined;
		let lse = NaN;
		let broken: number | undefined;
		const prefix = await prefill(
			this.model,
			steps.map(({ id }) => id),
			this.signal,
			async (forward, from) => {
				broken ??= forward.looped?.broken;
				const chunk = steps.slice(from, from + forward.count);
				const last = await reader.read(
					forward,
					chunk,
					chunk.map(({ id }, i) => (i === 0 && logits ? logits[id]! - lse : NaN)),
				);
				this.stream.progress('Reading the prompt', undefined, cost.seconds(cost.chunk, from, true));
				if (from + forward.count < steps.length) {
					logits = await last.logits();
					({ lse } = await last.next());
				}
				return last;
			},
		);
		if (!Number.isFinite((await prefix.last.next()).lse)) {
			const what = broken === undefined ? 'logits' : `state after loop ${broken}`;
			throw new EngineError(`The model gives no finite ${what} for this prompt, so it is broken: choose another model.`, 'bad-model');
		}
		return { prefix, sheet };
	}
}
