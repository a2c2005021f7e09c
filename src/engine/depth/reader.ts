/** What the loops of a call add to what is read out of it. */
import type { Step } from '../../trace/document';
import type { PlaneName } from '../../trace/planes';
import type { Forward } from '../model/body';
import type { Reading } from '../model/head';
import { siteOf, type Layout } from './layout';
import type { Looped } from './looped';

export class LoopReader {
	constructor(
		private readonly forward: Pick<Forward, 'resid' | 'count'>,
		private readonly looped: Looped,
		private readonly layout: Layout,
	) {}

	/** What the head is given at every site [count, width]: of the loops by the coda lens. */
	async streams(): Promise<Float32Array[]> {
		const { prelude, loops } = this.layout;
		const { resid } = this.forward;
		return [...resid.slice(0, prelude + 1), ...(await this.looped.read()), ...resid.slice(prelude + 1 + loops)];
	}

	/** Takes out of a reading of the positions [start, end) what was not computed, because a position had halted. */
	clear({ topIds, topLogits, lse, entropy, kl }: Reading, start: number, end: number): void {
		const { sites, loops } = this.layout;
		const top = topIds.length / lse.length;
		for (let position = start; position < end; position++) {
			const halted = this.looped.halted[position];
			for (let loop = (halted?.loop ?? loops) + 1; loop <= loops; loop++) {
				const cell = (position - start) * sites + siteOf(this.layout, loop);
				topIds.fill(-1, cell * top, (cell + 1) * top);
				topLogits.fill(NaN, cell * top, (cell + 1) * top);
				[lse, entropy, kl].forEach((values) => (values[cell] = NaN));
			}
		}
	}

	halted(step: Step, at: number): Step {
		const halted = this.looped.halted[at];
		return halted ? { ...step, halted } : step;
	}

	/** [count, sites] each; NaN where there is no loop. */
	planes(): [PlaneName, Float32Array][] {
		const { difference, gate } = this.looped;
		return [['loops.difference', this.bySite(difference)], ...(gate ? [['loops.gate', this.bySite(gate)] as [PlaneName, Float32Array]] : [])];
	}

	private bySite(values: Float32Array): Float32Array {
		const { sites, loops } = this.layout;
		const plane = new Float32Array(this.forward.count * sites).fill(NaN);
		for (let i = 0; i < this.forward.count; i++) {
			plane.set(values.subarray(i * loops, (i + 1) * loops), i * sites + siteOf(this.layout, 1));
		}
		return plane;
	}
}
