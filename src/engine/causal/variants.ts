/** Runs the variants of an unchanged run, many side by side. */
import { planGroups, type Group } from '../../analysis/batches';
import type { Variant } from '../../analysis/causal';
import type { ArmPlan } from '../run/arm';
import type { Cache } from '../model/body';
import { Repeated, shortened } from '../run/cache';
import type { State } from '../model/head';
import { lastSite } from '../run/last';
import type { Model } from '../model/model';
import { Batch, drive } from './batch';
import { answering, type Clean } from './clean';
import { VariantLane, type Decode } from './lane';
import type { Replacements } from './replacement';

export class Variants {
	private readonly repeated = new Repeated();

	constructor(
		private readonly model: Model,
		private readonly signal: AbortSignal,
		/** Called before each group, with the seconds that it takes at most. */
		private readonly tick: (seconds: number) => void,
	) {}

	/** Each with its answer, in the order of the variants. `plan`: of the unchanged run, which has an answer. */
	async run(clean: Clean, variants: readonly Variant[], replacements: Replacements, plan: ArmPlan): Promise<VariantLane[]> {
		const decode = plan.segments[answering(plan)!] as Decode;
		const lanes = variants.map((variant) => new VariantLane(this.model, clean, replacements, variant, decode));
		const states = await this.states(clean, variants);
		let cache = clean.cache;
		for (const group of planGroups(variants, this.model.positionBytes, this.model.rows)) {
			cache = cache.length === group.shared ? cache : shortened(clean.cache, group.shared);
			const members = group.variants.map((place) => lanes[place]!);
			const begun = members.map(({ variant }) => states.get(variant.prefix)!);
			// The answer's tokens are fed after the group's calls.
			const rounds = group.calls + decode.limit;
			this.tick(members.length * rounds * this.model.cost.seconds(group.fed + decode.limit, group.shared, false));
			await drive(this.batch(cache, group, members, replacements), members, begun, this.signal);
		}
		return lanes;
	}

	private batch(cache: Cache, { shared }: Group, members: readonly VariantLane[], replacements: Replacements): Batch {
		const starts = members.map(({ variant: { prefix, feeds } }) => {
			const [first] = feeds;
			const patch =
				first?.kind === 'think' && first.patch
					? { at: 0, site: first.patch.site, add: replacements.stream(first.patch.by, first.thought, first.patch.site) }
					: undefined;
			return Batch.start(prefix, shared, patch);
		});
		return new Batch(this.model, { kind: 'shared', cache, repeated: this.repeated }, starts);
	}

	/** Of the unchanged run, where variants begin. */
	private async states({ lasts }: Clean, variants: readonly Variant[]): Promise<ReadonlyMap<number, State>> {
		const { width } = this.model.manifest.shape;
		const prefixes = [...new Set(variants.map(({ prefix }) => prefix))];
		const hidden = new Float32Array(prefixes.length * width);
		prefixes.forEach((prefix, i) => hidden.set(lastSite(lasts.get(prefix)!, this.model), i * width));
		const states = await this.model.head.states(hidden);
		return new Map(prefixes.map((prefix, i) => [prefix, states[i]!]));
	}
}
