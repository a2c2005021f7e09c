import type { Range } from '../shared/range';
import type { PlaneName, TraceSource } from '../trace/planes';
import { probability } from './lens';

export interface Ranked {
	id: number;
	/** 0..1 */
	prob: number;
}

/** The logit lens at a stretch of an arm's positions, every site. */
export class Readout {
	private readonly top: number;

	/** Where only the ranks are known, all numbers are NaN. */
	private constructor(
		private readonly positions: Range,
		private readonly sites: number,
		private readonly ids: Int32Array,
		private readonly logits: Float32Array,
		private readonly lse: Float32Array,
		private readonly entropies: Float32Array,
		private readonly kl: Float32Array,
		private readonly ranksOnly = false,
	) {
		this.top = lse.length > 0 ? ids.length / lse.length : 0;
	}

	/** Undefined where the arm has not been read out. */
	static async read(source: TraceSource, arm: string, positions: Range): Promise<Readout | undefined> {
		const plane = (name: PlaneName) => source.read(arm, name, positions);
		const [ids, logits, lse, entropy, kl] = await Promise.all([
			plane('lens.topk_id'),
			plane('lens.topk_logit'),
			plane('lens.lse'),
			plane('lens.entropy'),
			plane('lens.kl_final'),
		]);
		const sites = source.document.model.layers + 1;
		if (ids instanceof Int32Array && !logits && !lse && source.document.origin) {
			const cells = (positions.end - positions.start) * sites;
			const [unknown, unknownLogits] = [cells, ids.length].map((length) => new Float32Array(length).fill(Number.NaN)) as [Float32Array, Float32Array];
			return new Readout(positions, sites, ids, unknownLogits, unknown, unknown, unknown, true);
		}
		const complete =
			ids instanceof Int32Array && [logits, lse, entropy, kl].every((values) => values instanceof Float32Array);
		return complete
			? new Readout(
					positions,
					sites,
					ids,
					...([logits, lse, entropy, kl] as [Float32Array, Float32Array, Float32Array, Float32Array]),
				)
			: undefined;
	}

	/** Whether the position lies in what was read; a run in progress may not have come that far. */
	has(position: number): boolean {
		const row = position - this.positions.start;
		const cell = row * this.sites;
		return row >= 0 && cell + this.sites <= this.lse.length && (this.ranksOnly ? (this.ids[cell * this.top] ?? -1) >= 0 : !Number.isNaN(this.lse[cell]!));
	}

	/** At most `count` tokens with the highest logits, descending. */
	ranked(position: number, site: number, count: number): Ranked[] {
		const cell = this.cell(position, site);
		return Array.from({ length: Math.min(count, this.top) }, (_, i) => {
			const at = cell * this.top + i;
			return { id: this.ids[at]!, prob: probability(this.logits[at]!, this.lse[cell]!) };
		}).filter(({ id }) => id >= 0);
	}

	/** In nats. */
	entropy(position: number, site: number): number {
		return this.entropies[this.cell(position, site)]!;
	}

	/** KL(last site || this site), in nats. */
	klFinal(position: number, site: number): number {
		return this.kl[this.cell(position, site)]!;
	}

	private cell(position: number, site: number): number {
		return (position - this.positions.start) * this.sites + site;
	}
}
