/** Out-of-distribution measures of a prompt's thoughts, with their percentiles among token embeddings and states of text. */
import { measure, MEASURES, NEIGHBOUR, percentile, tokenDistances, type Measure } from '../../analysis/ood';
import { spareReason } from '../../analysis/spare';
import { parseTask } from '../../analysis/task';
import type { Thought } from '../../trace/document';
import type { OodArm, OodParams, OodResult, ProgressEvent } from '../api';
import { checkFits, leadOf, planArms, trainedLatentsOf } from '../run/arm';
import type { Forward } from '../model/body';
import { EngineError } from '../error';
import type { Model } from '../model/model';
import { LastReader } from '../run/readers';
import type { Last } from '../run/last';
import { ArmRun, prefill, samplingOf, type Reader } from '../run/run';
import type { Produced } from '../thinking/step';
import { unknownWords } from '../run/unknown';
import { embeddingsOf, keyOf, referenceFor, siteOf, type Reference, type Sample } from './clouds';
import { referenceSet } from './reference';
import { Store } from './store';

/** A model and its control, as `Models` keeps them. */
const KEPT = 2;

/** A thought's measures, with their percentiles among token embeddings and states of text. */
export type Compared = Record<Measure, { value: number; tokens: number; text: number }>;

export class Ood {
	/** By model, site and text; least recently used first. */
	private readonly references = new Map<string, Reference>();

	async run(
		model: Model,
		{ prompt, arms, options, reference: given }: OodParams,
		signal: AbortSignal,
		emit: (event: ProgressEvent) => void,
	): Promise<OodResult> {
		const { manifest, tokenizer } = model;
		const { recipe, shape } = manifest;
		const plans = planArms(recipe, arms, options, (token) => tokenizer.idOf(token)).filter(({ feedback }) => feedback);
		if (plans.length === 0) {
			throw new EngineError('None of the arms has latent thoughts: choose a model or arms that have.', 'bad-request');
		}
		model.checkRuns(plans);
		const encoded = tokenizer.encode(prompt);
		plans.forEach((plan) => checkFits(plan, encoded.ids, shape.context));
		const set = referenceSet({ reference: given }, model);
		if (!set) {
			throw new EngineError('This model brings no reference set to compare thoughts with: name one with --reference.', 'bad-request');
		}
		const prompts = set.prompts.filter((text) => text !== prompt);
		const task = parseTask(prompt);
		const notes = unknownWords(prompt, encoded, tokenizer.unknownId);
		const measured: OodArm[] = [];
		for (const plan of plans) {
			const reader = new ThoughtReader(new LastReader(model));
			const prefix = await prefill(model, [...leadOf(plan, encoded.ids), ...encoded.ids], signal, (forward) => reader.read(forward));
			const { note } = await new ArmRun(model, plan, prefix, reader, samplingOf(options, plan), signal).run();
			if (note !== undefined) {
				notes.push(note);
			}
			const reference = await this.reference({ model, plan, prompts, store: new Store(undefined), signal, emit });
			const rows = reader.thoughts.flatMap(({ index, vector }) => {
				const found = compared(vector, reference);
				const spare = spareReason(index, trainedLatentsOf(plan, recipe), task);
				return MEASURES.map((name) => ({ thought: index, spare, measure: name, ...found[name] }));
			});
			const { tokens, text } = reference;
			measured.push({ name: plan.name, feedback: plan.feedback!, site: siteOf(plan), tokens, text, rows });
		}
		return { model: { id: manifest.id, sha256: model.sha256 }, neighbour: NEIGHBOUR, arms: measured, reference: { source: set.name, prompts: prompts.length }, notes };
	}

	/** Computed once for each model and text. */
	async reference(sample: Sample): Promise<Reference> {
		const name = JSON.stringify(keyOf(sample));
		const found = this.references.get(name) ?? (await referenceFor(sample));
		this.references.delete(name);
		this.references.set(name, found);
		const [oldest] = this.references.keys();
		if (this.references.size > KEPT) {
			this.references.delete(oldest!);
		}
		return found;
	}
}

export function compared(vector: Float32Array, { clouds, scales }: Reference): Compared {
	const values = measure(vector, clouds);
	return Object.fromEntries(
		MEASURES.map((name) => [
			name,
			{
				value: values[name],
				tokens: percentile(values[name], scales.tokens[name]),
				text: percentile(values[name], scales.text[name]),
			},
		]),
	) as Compared;
}

/** Percentiles of the thoughts' kNN distances among token embeddings: what a control is compared by. NaN where there are none. */
export async function distances(model: Model, thoughts: readonly Float32Array[]): Promise<number[]> {
	return model.unavailable.has('neighbours')
		? thoughts.map(() => NaN)
		: tokenDistances(thoughts, await embeddingsOf(model), model.manifest.shape.width);
}

/** Keeps what is fed back. */
class ThoughtReader implements Reader {
	readonly everything = false;
	readonly thoughts: { index: number; vector: Float32Array }[] = [];

	constructor(private readonly last: LastReader) {}

	read(forward: Forward): Promise<Last> {
		return this.last.read(forward);
	}

	thought({ index }: Thought, { embed }: Produced): void {
		this.thoughts.push({ index, vector: embed });
	}
}
