/** The models that are in memory. A folder is looked at again on every call: its manifest pins all its other files. */
import { PROVIDERS, type Execution, type ProviderChoice, type ProviderInfo, type ProviderName } from '../../shared/execution';
import type { Disposable } from '../../shared/rpc';
import { modelFolder } from '../adding/adding';
import { costOf } from './cost';
import { parseManifest, type Manifest } from './manifest';
import { DEFAULT_SETUP, keepsOneCopy, Model, type Setup } from './model';
import { randomised } from '../evidence/weights';
import { readManifest, sha256 as hashOf } from './folder';
import { missing, tryProvider } from '../machine/provider';
import { fits } from './room';
import { Runtime } from '../runtime';

/** A model, its two controls (the twin and random weights) and its base: gathering evidence again must not load any of them again. */
const KEPT = 4;
/** Where memory is short: what is needed again is loaded again. */
const KEPT_LOW = 1;
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
	private setup: Setup = DEFAULT_SETUP;
	/** What is known of each provider. */
	private readonly known = new Map<ProviderName, ProviderInfo>();

	get runtime(): Runtime {
		return (this.loadedRuntime ??= Runtime.load());
	}

	/** What is asked for is tried, unless it is `barred`; the processor stands in where it cannot be had. */
	async configure({ provider, memory }: Execution, barred: readonly { name: ProviderName; why: string }[]): Promise<void> {
		barred.forEach(({ name, why }) => this.known.set(name, { name, available: false, why }));
		const found = this.known.get(provider) ?? (await tryProvider(this.runtime, provider));
		this.known.set(provider, found);
		const { available, why } = found;
		this.setup = { provider: available ? { asked: provider, used: provider } : { asked: provider, used: 'cpu', why }, memory };
	}

	get provider(): ProviderChoice {
		return this.setup.provider;
	}

	/** All providers, and what is known of them without trying. */
	get providers(): ProviderInfo[] {
		const { backends } = this.runtime;
		return PROVIDERS.map(
			(name) =>
				this.known.get(name) ??
				(backends.has(name)
					? { name, ...(name === 'cpu' ? { available: true } : {}) }
					: { name, available: false, why: missing(name) }),
		);
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
			this.makeRoom(manifest);
			const fresh = await Model.load(runtime, {
				folder,
				manifest,
				sha256,
				signal,
				setup: this.setup,
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

	/** Models that nobody uses make way for one that does not fit beside them as it would alone. */
	private makeRoom(manifest: Manifest): void {
		if (this.loaded.size > 0 && !fits(manifest, keepsOneCopy(manifest, this.setup.memory, Infinity))) {
			this.releaseUnused(0);
		}
	}

	private releaseUnused(kept = this.setup.memory === 'low' ? KEPT_LOW : KEPT): void {
		for (const [key, model] of this.loaded) {
			if (this.loaded.size > kept && this.users.get(model) === 0) {
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
