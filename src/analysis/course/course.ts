/** All thoughts of the latent arm at once: where they lie to each other, curves on the step axis, what they can carry. */
import type { Course, CourseQuery } from '../../shared/panel';
import { clamp } from '../../shared/range';
import type { ArmRecord } from '../../trace/document';
import type { Lookup } from '../lookup';
import { binSize } from './bins';
import { capacityLines } from './capacity';
import { curves } from './curves';
import { effectsView } from './effects';
import { geometryOf, type Geometry } from './geometry';
import { pathView } from './path';

/** Fewer thoughts have rows of their own that say more: a projection of seven points on two components shows next to nothing. */
const MIN_THOUGHTS = 8;
/** More points than any panel has pixels across. */
const MAX_BINS = 4_096;

/** Whether there is enough to be drawn, and no more to come: components of half a run are not those of the whole. */
export function hasCourse({ state, thoughts }: ArmRecord): boolean {
	return state !== 'running' && thoughts.length >= MIN_THOUGHTS;
}

export class CourseReader {
	/** Computed once for an arm; one that was not complete is read again. */
	private cached?: { arm: ArmRecord; geometry: Promise<Geometry | undefined> };

	constructor(private readonly lookup: Lookup) {}

	async read({ bins, change }: CourseQuery): Promise<Course | null> {
		const { latent } = this.lookup.outline;
		if (!latent || !hasCourse(latent)) {
			return null;
		}
		const every = binSize(latent.thoughts.length, clamp(Math.trunc(bins), 1, MAX_BINS));
		const geometry = await this.geometry(latent);
		const [drawn, path] = await Promise.all([
			curves(this.lookup, latent, geometry, every),
			geometry && pathView(this.lookup, latent, geometry, every),
		]);
		const { evidence } = this.lookup;
		const effects = evidence && effectsView(evidence.record, latent, every, change);
		const capacity = capacityLines(evidence?.record, latent, geometry);
		const thoughts = latent.thoughts.length;
		return path || drawn.length > 0 || effects ? { thoughts, every, path, curves: drawn, effects, capacity } : null;
	}

	private async geometry(arm: ArmRecord): Promise<Geometry | undefined> {
		if (this.cached?.arm !== arm) {
			this.cached = { arm, geometry: geometryOf(this.lookup.source, arm) };
		}
		const { geometry } = this.cached;
		const found = await geometry.catch((error: unknown) => {
			this.forget(geometry);
			throw error;
		});
		if (!found) {
			this.forget(geometry);
		}
		return found;
	}

	private forget(geometry: Promise<unknown>): void {
		if (this.cached?.geometry === geometry) {
			this.cached = undefined;
		}
	}
}
