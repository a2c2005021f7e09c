/** What a finished run found, put together from the planes that were streamed. */
import { codeReader, ROW_CODES } from '../analysis/codeViews';
import { probability } from '../analysis/lens';
import { placesOf, recipeTokens } from '../analysis/sentences';
import type { CodeReading } from '../shared/panel';
import type { ArmRecord, Thought, TraceDocument } from '../trace/document';
import type { LiveTrace } from '../trace/live';
import { probePlane, type PlaneName } from '../trace/planes';

export interface Ranked {
	id: number;
	text: string;
	/** 0..1 */
	prob: number;
}

export interface ReadToken {
	id: number;
	text: string;
	/** Natural log; null for a token that followed no position. */
	logprob: number | null;
	role: 'thought' | 'answer';
	/** Position in the arm. */
	step: number;
}

export interface ReadThought extends Pick<Thought, 'index' | 'spare' | 'gate' | 'readout'> {
	/** The nearest learnt codes of its parts; absent where the model has none. */
	codes?: CodeReading[];
	/** By site 0..layers. */
	layers: Ranked[][];
}

export interface ReadProbe {
	layers: number[];
	/** Indices of the thoughts, or of the written sentences. */
	steps: number[];
	/** [steps][layers] */
	scores: number[][];
}

export class Readouts {
	private readonly texts: ReadonlyMap<number, string>;
	private readonly special: ReadonlySet<string>;

	constructor(
		readonly live: LiveTrace,
		readonly document: TraceDocument,
	) {
		this.texts = new Map(document.tokens.map(({ id, text }) => [id, text]));
		this.special = recipeTokens(document.model.recipe);
	}

	get sites(): number {
		return this.document.model.layers + 1;
	}

	/** What the arm wrote, without the recipe's own tokens. */
	async tokens(arm: ArmRecord): Promise<ReadToken[]> {
		const logprobs = await this.plane(arm, 'tokens.logprob');
		return arm.steps.flatMap(({ kind, id, forced }, step) => {
			const text = this.text(id);
			const written = (kind === 'token' || kind === 'answer') && !forced && !this.special.has(text);
			const logprob = logprobs[step]!;
			return written
				? [
						{
							id,
							text,
							logprob: Number.isFinite(logprob) ? logprob : null,
							role: kind === 'answer' ? ('answer' as const) : ('thought' as const),
							step,
						},
					]
				: [];
		});
	}

	async thoughts(arm: ArmRecord): Promise<ReadThought[]> {
		const k = this.document.options.topK;
		const [ids, logits, lse] = [
			await this.plane(arm, 'lens.topk_id'),
			await this.plane(arm, 'lens.topk_logit'),
			await this.plane(arm, 'lens.lse'),
		];
		const codes = await codeReader(this.live, arm.name, { start: 0, end: arm.thoughts.length });
		return arm.thoughts.map(({ index, producedAt, spare, gate, readout }) => ({
			index,
			spare,
			gate,
			readout,
			codes: codes(index, ROW_CODES),
			layers: Array.from({ length: this.sites }, (_, site) =>
				Array.from({ length: k }, (_, rank): Ranked => {
					const cell = producedAt * this.sites + site;
					const id = ids[cell * k + rank]!;
					return { id, text: this.text(id), prob: probability(logits[cell * k + rank]!, lse[cell]!) };
				}),
			),
		}));
	}

	async probes(): Promise<Record<string, ReadProbe>> {
		const out: Record<string, ReadProbe> = {};
		for (const { name, arm: armName, at } of this.document.probes) {
			const arm = this.document.arms.find((candidate) => candidate.name === armName)!;
			const scores = await this.plane(arm, probePlane(name));
			const positions = placesOf(arm, at, (id) => this.text(id), this.document.model.recipe);
			out[name] = {
				layers: Array.from({ length: this.sites }, (_, site) => site),
				steps: positions.map((_, step) => step),
				scores: positions.map((position) => [...scores.subarray(position * this.sites, (position + 1) * this.sites)]),
			};
		}
		return out;
	}

	private text(id: number): string {
		return this.texts.get(id) ?? '';
	}

	private async plane(arm: ArmRecord, plane: PlaneName): Promise<Float32Array | Int32Array> {
		return ((await this.live.read(arm.name, plane, { start: 0, end: arm.steps.length })) ?? new Float32Array()) as
			Float32Array | Int32Array;
	}
}
