/** Runs variants of unchanged runs, many side by side. */
import { planGroups, type Group } from '../../analysis/batches';
import type { ArmPlan } from '../run/arm';
import type { Cache } from '../model/body';
import { Repeated, shortened, stacked } from '../run/cache';
import { lastSite } from '../run/last';
import type { Model } from '../model/model';
import { Batch, drive, REFED, type Start } from './batch';
import { answering, type Clean } from './clean';
import { VariantLane, type Branch, type Decode } from './lane';
import { Standings, Thoughts, type Standing } from './together';

export class Variants {
	private readonly repeated = new Repeated();
	private readonly standings: Standings;
	private readonly thoughts: Thoughts;
	/** What the last groups shared of one run. */
	private shared?: { of: Cache; cache: Cache };

	constructor(
		private readonly model: Model,
		private readonly signal: AbortSignal,
		/** Called before each group, with the seconds that it takes at most. */
		private readonly tick: (seconds: number) => void,
	) {
		this.standings = new Standings(model);
		this.thoughts = new Thoughts(model);
	}

	/** Each with its answer, in the order of the branches. `plan`: of the unchanged runs, which have an answer. */
	async run(branches: readonly Branch[], plan: ArmPlan): Promise<VariantLane[]> {
		const decode = plan.segments[answering(plan)!] as Decode;
		const lanes = branches.map((branch) => new VariantLane(this.model, branch, this.thoughts, decode));
		const begun = this.begun(branches);
		const { cost, positionBytes, rows } = this.model;
		for (const group of planGroups(branches.map(({ variant }) => variant), positionBytes, rows)) {
			// The answer's tokens are fed after the group's calls; each call feeds some positions anew.
			const rounds = group.calls + decode.limit;
			const positions = cost.seconds(group.fed + decode.limit, group.shared, false) + rounds * cost.seconds(REFED, group.shared, false);
			this.tick(group.variants.length * positions);
			const places = group.variants;
			const batch = this.batch(places.map((place) => branches[place]!), group);
			await drive(batch, places.map((place) => lanes[place]!), places.map((place) => begun[place]!), this.signal);
		}
		return lanes;
	}

	private batch(members: readonly Branch[], { shared }: Group): Batch {
		const [{ clean }] = members as [Branch];
		if (members.every((member) => member.clean === clean)) {
			const cache = this.shortened(clean.cache, Math.min(shared, clean.cache.length));
			return new Batch(this.model, { kind: 'shared', cache, repeated: this.repeated }, members.map((member) => startOf(member, cache.length)));
		}
		const cache = stacked(members.map((member) => shortened(member.clean.cache, member.variant.prefix)));
		return new Batch(this.model, { kind: 'own', cache }, members.map((member) => startOf(member, cache.length)));
	}

	/** One for all groups that share as much, whose repetition is then kept too. */
	private shortened(of: Cache, length: number): Cache {
		if (this.shared?.of !== of || this.shared.cache.length !== length) {
			this.shared = { of, cache: shortened(of, length) };
		}
		return this.shared.cache;
	}

	/** Where in the unchanged runs they begin, one for all that begin there. */
	private begun(branches: readonly Branch[]): Standing[] {
		const known = new Map<Clean, Map<number, Standing>>();
		return branches.map(({ clean, variant: { prefix } }) => {
			const of = known.get(clean) ?? new Map<number, Standing>();
			known.set(clean, of);
			const found = of.get(prefix) ?? this.standings.of(lastSite(clean.lasts.get(prefix)!, this.model));
			of.set(prefix, found);
			return found;
		});
	}
}

/** `length`: of what is cached. */
function startOf({ variant: { prefix, feeds }, replacements }: Branch, length: number): Start {
	const [first] = feeds;
	const patch =
		first?.kind === 'think' && first.patch
			? { at: 0, site: first.patch.site, add: replacements.stream(first.patch.by, first.thought, first.patch.site) }
			: undefined;
	return Batch.start(prefix, length, patch);
}
