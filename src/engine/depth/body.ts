/** The body of a model that loops over depth: prelude, loops and coda behind the face of one graph. */
import type { Blocks, Body, Cache, Fed, Forward, Forwards, Input, Patch, Row } from '../model/body';
import { noKeys } from '../model/body';
import type { ModelShape } from '../model/manifest';
import { floats, type Tensor } from '../runtime';
import type { CodaPatch } from './coda';
import type { Feed } from './feed';
import { joinedForwards, joinedBatches } from './joined';
import type { Layout } from './layout';
import type { LoopCall, LoopKeys, Loops } from './loops';

export class LoopedBody implements Body {
	constructor(
		private readonly prelude: Blocks,
		private readonly loops: Loops,
		private readonly layout: Layout,
		private readonly shape: ModelShape,
	) {}

	get padded(): boolean {
		return this.prelude.padded;
	}

	get empty(): Cache {
		return { length: 0, values: Array.from({ length: 2 * this.layout.caches }, () => noKeys(this.shape)) };
	}

	async forward(input: Input, past: Cache, options: { patch?: Patch; embeds?: boolean } = {}): Promise<Forward> {
		const { width } = this.shape;
		const count = 'ids' in input ? input.ids.length : input.embeddings.length / width;
		if (this.layout.alone && count > 1) {
			return this.oneByOne(input, past, options, count);
		}
		const { prelude: last } = this.layout;
		const { patch } = options;
		const early = patch && patch.site <= last ? patch : undefined;
		const { preludeKeys, keys } = this.apart(past);
		const first = await this.prelude.forward(input, preludeKeys, { embeds: options.embeds, patch: early });
		const feed: Feed = {
			rows: 1,
			count,
			past: past.length,
			positions: Array.from({ length: count }, (_, i) => past.length + i),
			sees: new Uint8Array(past.length).fill(1),
			real: new Uint8Array(count).fill(1),
		};
		const result = await this.loops.run({
			feed,
			injected: first.resid[last]!,
			past: keys,
			patch: (site, state) => {
				if (patch?.site === site) {
					state.forEach((value, i) => (state[i] = value * patch.keep[i]! + patch.add[i]!));
				}
			},
			codaPatches: patch && patch.site > last + this.layout.loops ? [this.codaPatch(patch.site, patch.keep, patch.add, 1, count)] : [],
		});
		return {
			count,
			resid: [...first.resid, ...result.resid],
			embeds: first.embeds,
			cache: together(first.cache, result.keys),
			looped: result.looped,
		};
	}

	async batch(rows: readonly Row[], past: Cache, want: { sites: readonly number[]; cache: boolean }): Promise<Forwards> {
		const count = Math.max(...rows.map(({ fed }) => fed.length));
		if (this.layout.alone && count > 1) {
			return this.columnByColumn(rows, past, want, count);
		}
		const { prelude: last } = this.layout;
		const { preludeKeys, keys } = this.apart(past);
		const early = rows.map(({ patch, ...row }) => (patch && patch.site <= last ? { ...row, patch } : row));
		const sites = [...new Set([...want.sites.filter((site) => site < last), last])];
		const first = await this.prelude.batch(early, preludeKeys, { sites, cache: true });
		const injected = first.resid.get(last)!;
		const feed = this.feedOf(rows, past.length, count);
		const result = await this.loops.run({ feed, injected, past: keys, ...this.patched(rows, count) });
		const resid = want.sites.map((site) => [site, site <= last ? first.resid.get(site)! : result.resid[site - last - 1]!] as const);
		return { count, resid: new Map(resid), cache: want.cache ? together(first.cache!, result.keys) : undefined };
	}

	private feedOf(rows: readonly Row[], past: number, count: number): Feed {
		const sees = new Uint8Array(rows.length * past);
		const real = new Uint8Array(rows.length * count);
		for (const [row, { sees: own, fed }] of rows.entries()) {
			own.forEach((value, i) => (sees[row * past + i] = Number(value)));
			real.fill(1, row * count, row * count + fed.length);
		}
		const most = this.shape.context - 1;
		const positions = rows.flatMap(({ past: start }) => Array.from({ length: count }, (_, i) => Math.min(start + i, most)));
		return { rows: rows.length, count, past, positions, sees, real };
	}

	/** The rows' patches behind the prelude. */
	private patched(rows: readonly Row[], count: number): Pick<LoopCall, 'patch' | 'codaPatches'> {
		const { width } = this.shape;
		const { prelude, loops } = this.layout;
		const late = new Set(rows.flatMap(({ patch }) => (patch && patch.site > prelude + loops ? [patch.site] : [])));
		const codaPatches = [...late].map((site) => {
			const keep = new Float32Array(rows.length * count * width).fill(1);
			const add = new Float32Array(rows.length * count * width);
			for (const [row, { patch }] of rows.entries()) {
				if (patch?.site === site) {
					const from = (row * count + patch.at) * width;
					keep.fill(0, from, from + width);
					add.set(patch.add, from);
				}
			}
			return this.codaPatch(site, keep, add, rows.length, count);
		});
		const patch = (site: number, state: Float32Array) =>
			rows.forEach(({ patch: own }, row) => own?.site === site && state.set(own.add, (row * count + own.at) * width));
		return { patch, codaPatches };
	}

	private codaPatch(site: number, keep: Float32Array, add: Float32Array, rows: number, count: number): CodaPatch {
		const { prelude, loops } = this.layout;
		const extents = [rows, count, this.shape.width];
		return { block: site - prelude - loops, keep: floats(keep, ...extents), add: floats(add, ...extents) };
	}

	/** The prelude's part of a cache, and the others'. */
	private apart({ length, values }: Cache): { preludeKeys: Cache; keys: LoopKeys } {
		const { prelude, core, slots } = this.layout;
		const start = 2 * prelude;
		const size = 2 * core;
		return {
			preludeKeys: { length, values: values.slice(0, start) },
			keys: {
				core: Array.from({ length: slots }, (_, slot) => values.slice(start + slot * size, start + (slot + 1) * size)),
				coda: values.slice(start + slots * size),
			},
		};
	}

	private async oneByOne(input: Input, past: Cache, { patch, embeds }: { patch?: Patch; embeds?: boolean }, count: number): Promise<Forward> {
		const { width } = this.shape;
		const parts: Forward[] = [];
		for (let i = 0; i < count; i++) {
			const part = (values: Float32Array) => values.subarray(i * width, (i + 1) * width);
			const one: Input = 'ids' in input ? { ids: [input.ids[i]!] } : { embeddings: part(input.embeddings) };
			const own = patch && { site: patch.site, keep: part(patch.keep), add: part(patch.add) };
			parts.push(await this.forward(one, parts.at(-1)?.cache ?? past, { patch: own, embeds }));
		}
		return joinedForwards(parts);
	}

	private async columnByColumn(rows: readonly Row[], past: Cache, { sites, cache }: { sites: readonly number[]; cache: boolean }, count: number): Promise<Forwards> {
		const parts: Forwards[] = [];
		for (let i = 0; i < count; i++) {
			const column = rows.map(({ sees, past: first, fed, patch }): Row => {
				const seen = new BigInt64Array(sees.length + i);
				seen.set(sees);
				seen.fill(1n, sees.length, sees.length + Math.min(i, fed.length));
				const one: readonly Fed[] = fed.slice(i, i + 1);
				return { sees: seen, past: first + i, fed: one, patch: patch?.at === i ? { ...patch, at: 0 } : undefined };
			});
			parts.push(await this.batch(column, parts.at(-1)?.cache ?? past, { sites, cache: cache || i < count - 1 }));
		}
		return joinedBatches(parts, rows.length, this.shape.width);
	}
}

function together({ length, values }: Cache, { core, coda }: LoopKeys): Cache {
	const all: readonly Tensor[] = [...values, ...core.flat(), ...coda];
	return { length, values: all };
}
