/** The engine as its callers see it: calls that work or fail with one sentence, whatever happens to the child behind them. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_EXECUTION, type Execution, type ProviderName } from '../../shared/execution';
import { CANCELLED, isCancelled, RpcError, type CallOptions, type Disposable } from '../../shared/rpc';
import type { EngineApi, RuntimeInfo } from '../api';
import { Child } from './child';
import { READ } from '../opening';
import { afterCrash, CANCEL_DEADLINE, deadline, KERNEL_SECONDS, PROBE_DEADLINE, Quarantine, START_DEADLINE, type Crashes } from './watchdog';

export type EngineState =
	/** No child; the next call starts one. */
	| { kind: 'stopped' }
	| { kind: 'starting' }
	| { kind: 'ready' }
	| { kind: 'busy'; calls: number }
	/** After a crash; `until` is a time in milliseconds since 1970. */
	| { kind: 'backing-off'; until: number }
	/** Too many crashes; `restart` ends it. */
	| { kind: 'gave-up' };

export interface EngineOptions {
	/** The built `engine.js`. */
	modulePath: string;
	/** Receives what the child prints and what befalls it, line by line. */
	log?: (line: string) => void;
	onStateChange?: (state: EngineState) => void;
	/** What models are run on; the processor where absent. */
	execution?: Execution;
	/** Each time that a child is ready: what it runs models on. */
	onReady?: (info: RuntimeInfo) => void;
}

interface Running {
	child: Child;
	/** Resolves when the child has answered for the first time. */
	ready: Promise<unknown>;
	/** Manifest hashes of the models of its calls in flight. */
	models: Map<symbol, string | undefined>;
	/** The provider that is being tried or that it runs models on: the first to blame. */
	provider: ProviderName;
}

/** The provider that cannot be to blame, because nothing runs without it. */
const PROCESSOR: ProviderName = 'cpu';

/** A manifest that is larger is refused by the engine. */
const MAX_MANIFEST_BYTES = 1 << 20;

export class Engine implements Disposable {
	private current: EngineState = { kind: 'stopped' };
	private running?: Running;
	private crashes: Crashes = [];
	private readonly quarantine = new Quarantine();
	/** A cancelled call whose child has not answered yet. */
	private settling: Promise<void> = Promise.resolve();
	private disposed = false;
	private execution: Execution;
	/** Providers with which a child crashed, and how: the end of a sentence. */
	private readonly barred = new Map<ProviderName, string>();

	constructor(private readonly options: EngineOptions) {
		this.execution = options.execution ?? DEFAULT_EXECUTION;
	}

	get state(): EngineState {
		return this.current;
	}

	/** Of the child that runs now. */
	get pid(): number | undefined {
		return this.running?.child.pid;
	}

	/**
	 * Starts the child where there is none. Rejects with an error whose `code` is an `EngineErrorCode`, or `cancelled` as soon as
	 * `signal` aborts.
	 */
	async call<M extends keyof EngineApi & string>(
		method: M,
		params: EngineApi[M]['params'],
		{ signal, onEvent }: CallOptions<EngineApi[M]['event']> = {},
	): Promise<EngineApi[M]['result']> {
		const model = await identityOf(params);
		if (model !== undefined && this.quarantine.holds(model)) {
			throw new RpcError(
				'This model crashed the engine twice, so it is not run again: choose another, or restart the engine to try it.',
				'quarantined',
			);
		}
		const running = await this.start(signal);
		const call = Symbol(method);
		let patience = setTimeout(() => {}, 0);
		const progressed = (seconds?: number) => {
			clearTimeout(patience);
			const compiling = running.provider === PROCESSOR ? 0 : KERNEL_SECONDS;
			const limit = deadline((seconds ?? 0) + compiling);
			patience = setTimeout(() => this.end(running, `gave no sign of progress for ${limit / 1000} s`, 'timeout'), limit);
		};
		let seconds: number | undefined;
		const receive = (event: EngineApi[M]['event']) => {
			const progress = event as { kind?: unknown; seconds?: unknown };
			seconds = progress.kind === 'progress' && typeof progress.seconds === 'number' ? progress.seconds : seconds;
			progressed(seconds);
			onEvent?.(event);
		};
		running.models.set(call, model);
		this.report();
		progressed();
		try {
			const result = await running.child.remote.call(method, params, { signal, onEvent: receive });
			if (model !== undefined) {
				this.quarantine.succeeded(model);
			}
			return result;
		} catch (error) {
			if (isCancelled(error)) {
				this.settling = this.settle(running);
			}
			throw error;
		} finally {
			clearTimeout(patience);
			running.models.delete(call);
			this.report();
		}
	}

	/** What models are run on from the next call on. Ends the child where that is something else, and what it still runs. */
	configure(execution: Execution): void {
		const { provider, memory } = this.execution;
		if (execution.provider !== provider || execution.memory !== memory) {
			this.execution = execution;
			this.replace('The engine was restarted, because its settings have changed: run it again.');
		}
	}

	/** Resolves when what was cancelled has ended, by itself or by force. */
	settled(): Promise<void> {
		return this.settling;
	}

	/** Forgets crashes and quarantined models, and ends the child; the next call starts another. */
	restart(): void {
		this.crashes = [];
		this.quarantine.clear();
		this.barred.clear();
		this.replace('The engine was restarted: run it again.');
		this.become({ kind: 'stopped' });
	}

	private replace(message: string): void {
		const { running } = this;
		if (running) {
			this.running = undefined;
			running.child.remote.dispose(message, 'crashed');
			running.child.dispose();
			this.become({ kind: 'stopped' });
		}
	}

	dispose(): void {
		this.disposed = true;
		this.restart();
	}

	/** The child, ready to be called. */
	private async start(signal: AbortSignal | undefined): Promise<Running> {
		await this.settling;
		if (this.current.kind === 'backing-off') {
			await sleep(Math.max(0, this.current.until - Date.now()), undefined, { signal }).catch(() => {});
		}
		if (signal?.aborted) {
			throw new RpcError('Cancelled.', CANCELLED);
		}
		if (this.disposed) {
			throw new RpcError('The engine has been shut down.', 'gave-up');
		}
		if (this.current.kind === 'gave-up') {
			throw new RpcError(
				'The engine crashed five times in three minutes and was stopped: restart it, or choose another model.',
				'gave-up',
			);
		}
		for (;;) {
			const running = (this.running ??= this.spawn());
			try {
				await orAborted(running.ready, signal);
				return running;
			} catch (error) {
				// The next child leaves out the provider that ended this one.
				if (isCancelled(error) || !this.barred.has(running.provider) || this.disposed) {
					throw error;
				}
			}
		}
	}

	private spawn(): Running {
		this.become({ kind: 'starting' });
		const { modulePath, log = () => {} } = this.options;
		const child = new Child({
			modulePath,
			log,
			onExit: (how) => this.end(running, `ended unexpectedly (${how})`, 'crashed'),
		});
		const running: Running = { child, models: new Map(), ready: Promise.resolve(), provider: PROCESSOR };
		running.ready = this.prepare(running).finally(() => this.report());
		// Every caller waits on it; without one, its failure is nobody's.
		running.ready.catch(() => {});
		// A runtime that does not load will not load in this process; the next attempt takes a fresh one.
		running.ready.catch(() => {
			if (this.running === running) {
				this.running = undefined;
				child.dispose();
				this.become({ kind: 'stopped' });
			}
		});
		return running;
	}

	/** Waits for the first answer, and has the provider tried. */
	private async prepare(running: Running): Promise<void> {
		const { remote } = running.child;
		const within = async <T>(milliseconds: number, what: string, work: Promise<T>) => {
			const patience = setTimeout(() => this.end(running, `did not ${what} within ${milliseconds / 1000} s`, 'timeout'), milliseconds);
			return work.finally(() => clearTimeout(patience));
		};
		await within(START_DEADLINE, 'start', remote.call('describe', undefined));
		const { execution } = this;
		const barred = [...this.barred].map(([name, why]) => ({ name, why }));
		if (!this.barred.has(execution.provider)) {
			running.provider = execution.provider;
		}
		const info = await within(PROBE_DEADLINE, 'start its execution provider', remote.call('configure', { execution, barred }));
		running.provider = info.provider.used;
		this.options.onReady?.(info);
	}

	/** Kills the child where it does not answer soon after a cancel: only that stops a run that has begun. */
	private async settle(running: Running): Promise<void> {
		if (this.running !== running) {
			return;
		}
		const answered = await Promise.race([
			running.child.remote.call('describe', undefined).then(
				() => true,
				() => true,
			),
			sleep(CANCEL_DEADLINE, false),
		]);
		if (!answered && this.running === running) {
			this.options.log?.('The engine did not answer a cancel: ended.');
			this.running = undefined;
			running.child.remote.dispose('The engine was ended by a cancel: run it again.', 'crashed');
			running.child.dispose();
			this.become({ kind: 'stopped' });
		}
	}

	/** A child that ended by itself, or that has to be ended. Once for each child. */
	private end(running: Running, what: string, code: 'crashed' | 'timeout'): void {
		if (this.running !== running) {
			return;
		}
		this.running = undefined;
		this.options.log?.(`The engine ${what}.`);
		if (running.provider !== PROCESSOR) {
			// Before any model is blamed: drivers crash where the processor does not.
			this.barred.set(running.provider, `the engine ${what} with it`);
		} else {
			this.blame(running.models.values());
		}
		const { crashes, verdict } = afterCrash(this.crashes, Date.now());
		this.crashes = crashes;
		this.become(verdict.kind === 'gave-up' ? verdict : { kind: 'backing-off', until: Date.now() + verdict.delay });
		running.child.remote.dispose(`The engine ${what}: run it again.`, code);
		running.child.dispose();
	}

	private blame(models: Iterable<string | undefined>): void {
		for (const model of new Set(models)) {
			if (model !== undefined) {
				this.quarantine.crashed(model);
			}
		}
	}

	private report(): void {
		if (this.running) {
			const calls = this.running.models.size;
			this.become(calls > 0 ? { kind: 'busy', calls } : { kind: 'ready' });
		}
	}

	private become(state: EngineState): void {
		const changed = state.kind !== this.current.kind;
		this.current = state;
		if (changed) {
			this.options.onStateChange?.(state);
		}
	}
}

function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
	return new Promise((resolve, reject) => {
		const abort = () => reject(new RpcError('Cancelled.', CANCELLED));
		signal?.addEventListener('abort', abort, { once: true });
		work.then(resolve, reject).finally(() => signal?.removeEventListener('abort', abort));
	});
}

/**
 * What a model that crashes is known by: the SHA-256 of its manifest, which pins every other file, or the path of an export that has
 * none yet. Undefined where a call is about no model.
 */
async function identityOf(params: unknown): Promise<string | undefined> {
	const { model, source } = (params ?? {}) as { model?: unknown; source?: unknown };
	const folder = source ?? model;
	if (typeof folder !== 'string') {
		return undefined;
	}
	const handle = await open(join(folder, 'model.json'), READ).catch(() => undefined);
	try {
		const bytes = Buffer.alloc(MAX_MANIFEST_BYTES);
		const read = await handle?.read(bytes, 0, bytes.length, 0);
		return read ? createHash('sha256').update(bytes.subarray(0, read.bytesRead)).digest('hex') : resolve(folder);
	} catch {
		return resolve(folder);
	} finally {
		await handle?.close();
	}
}
