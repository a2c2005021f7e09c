/** The models that are in memory. A folder is looked at again on every call: its manifest pins all its other files. */
import type { Disposable } from '../shared/rpc';
import { modelFolder } from './adding';
import { costOf } from './cost';
import { parseManifest } from './manifest';
import { Model, type Loading } from './model';
import { readManifest } from './folder';
import { Runtime } from './runtime';

/** A model and its control: comparing two must not load either again. */
const KEPT = 2;
/** Reading, hashing and opening the largest graphs that one file holds. */
export const ADDING_SECONDS = 60;

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
		{ signal, progress }: Pick<Loading, 'signal'> & { progress(message: string, fraction?: number, seconds?: number): void },
		work: (model: Model) => T | Promise<T>,
	): Promise<T> {
		const { runtime } = this;
		const adding = (what: string, fraction: number) =>
			progress(`Adding the model: ${what.toLowerCase()}`, fraction, ADDING_SECONDS);
		const folder = await modelFolder(runtime, path, { signal, progress: adding });
		const { text, sha256 } = await readManifest(folder);
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
