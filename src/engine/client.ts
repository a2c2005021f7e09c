/** The engine as its callers see it: calls that work or fail with one sentence, whatever happens to the child behind them. */
import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CANCELLED, isCancelled, RpcError, type CallOptions, type Disposable } from '../shared/rpc';
import type { EngineApi } from './api';
import { Child } from './child';
import { READ } from './opening';
import { afterCrash, CANCEL_DEADLINE, deadline, Quarantine, START_DEADLINE, type Crashes } from './watchdog';

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
}

interface Running {
	child: Child;
	/** Resolves when the child has answered for the first time. */
	ready: Promise<unknown>;
	/** Manifest hashes of the models of its calls in flight. */
	models: Map<symbol, string | undefined>;
}

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

	constructor(private readonly options: EngineOptions) {}

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
			patience = setTimeout(
				() => this.end(running, `gave no sign of progress for ${deadline(seconds) / 1000} s`, 'timeout'),
				deadline(seconds),
			);
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

	/** Resolves when what was cancelled has ended, by itself or by force. */
	settled(): Promise<void> {
		return this.settling;
	}

	/** Forgets crashes and quarantined models, and ends the child; the next call starts another. */
	restart(): void {
		this.crashes = [];
		this.quarantine.clear();
		const { running } = this;
		this.running = undefined;
		running?.child.remote.dispose('The engine was restarted: run it again.', 'crashed');
		running?.child.dispose();
		this.become({ kind: 'stopped' });
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
		const running = (this.running ??= this.spawn());
		await orAborted(running.ready, signal);
		return running;
	}

	private spawn(): Running {
		this.become({ kind: 'starting' });
		const { modulePath, log = () => {} } = this.options;
		const child = new Child({
			modulePath,
			log,
			onExit: (how) => this.end(running, `ended unexpectedly (${how})`, 'crashed'),
		});
		const patience = setTimeout(
			() => this.end(running, `did not start within ${START_DEADLINE / 1000} s`, 'timeout'),
			START_DEADLINE,
		);
		const running: Running = { child, models: new Map(), ready: Promise.resolve() };
		running.ready = child.remote.call('describe', undefined).finally(() => {
			clearTimeout(patience);
			this.report();
		});
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
		for (const model of new Set(running.models.values())) {
			if (model !== undefined) {
				this.quarantine.crashed(model);
			}
		}
		const { crashes, verdict } = afterCrash(this.crashes, Date.now());
		this.crashes = crashes;
		this.become(verdict.kind === 'gave-up' ? verdict : { kind: 'backing-off', until: Date.now() + verdict.delay });
		running.child.remote.dispose(`The engine ${what}: run it again.`, code);
		running.child.dispose();
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
