/** The models that are in memory. A folder is looked at again on every call: its manifest pins all its other files. */
import type { Disposable } from '../shared/rpc';
import { modelFolder } from './adding';
import { costOf } from './cost';
import { parseManifest } from './manifest';
import { Model } from './model';
import { randomised } from './evidence/weights';
import { readManifest, sha256 as hashOf } from './folder';
import { Runtime } from './runtime';

/** A model, its two controls (the twin and random weights) and its base: gathering evidence again must not load any of them again. */
const KEPT = 4;
/** Reading, hashing and opening the largest graphs that one file holds. */
export const ADDING_SECONDS = 60;

/** How a caller uses a model. */
export interface Use {
	signal: AbortSignal;
	progress(message: string, fraction?: number, seconds?: number): void;
	/** With every matrix's values in the order that this seed gives: a control. */
	randomised?: number;
}

export class Models implements Disposable {
	private loadedRuntime?: Runtime;
	/** Least recently used first. */
	private readonly loaded = new Map<string, Model>();
	private readonly users = new Map<Model, number>();

	get runtime(): Runtime {
		return (this.loadedRuntime ??= Runtime.load());
	}

	/** `work` with the model, which is not released before it has ended. */
	async use<T>(
		path: string,
		{ signal, progress, randomised: seed }: Use,
		work: (model: Model) => T | Promise<T>,
	): Promise<T> {
		const { runtime } = this;
		const adding = (what: string, fraction: number) =>
			progress(`Adding the model: ${what.toLowerCase()}`, fraction, ADDING_SECONDS);
		const folder = await modelFolder(runtime, path, { signal, progress: adding });
		const { text, sha256: hash } = await readManifest(folder);
		const sha256 = seed === undefined ? hash : hashOf(`${hash} random weights ${seed}`);
		const key = `${sha256} ${folder}`;
		const manifest = parseManifest(text);
		let model = this.loaded.get(key);
		if (!model) {
			const { loadSeconds } = costOf(manifest);
			const { name } = manifest;
			progress(`Loading ${name}`, 0, loadSeconds);
			const fresh = await Model.load(runtime, {
				folder,
				manifest,
				sha256,
				signal,
				progress: (what, fraction) => progress(`Loading ${name}: ${what.toLowerCase()}`, fraction, loadSeconds),
				change: seed === undefined ? undefined : (graph) => randomised(graph, seed),
			});
			model = this.loaded.get(key);
			if (model) {
				// Another call loaded it meanwhile.
				fresh.dispose();
			} else {
				model = fresh;
			}
		}
		this.loaded.delete(key);
		this.loaded.set(key, model);
		this.users.set(model, (this.users.get(model) ?? 0) + 1);
		try {
			return await work(model);
		} finally {
			this.users.set(model, this.users.get(model)! - 1);
			this.releaseUnused();
		}
	}

	private releaseUnused(): void {
		for (const [key, model] of this.loaded) {
			if (this.loaded.size > KEPT && this.users.get(model) === 0) {
				this.loaded.delete(key);
				this.users.delete(model);
				model.dispose();
			}
		}
	}

	dispose(): void {
		this.loaded.forEach((model) => model.dispose());
		this.loaded.clear();
	}
}
