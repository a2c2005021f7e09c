/** The one engine of this window: forked on the first call, one call at a time. */
import * as vscode from 'vscode';
import type { AnalyzeEvent, AnalyzeParams, AnalyzeResult, EngineApi, ProgressEvent } from '../engine/api';
import { Engine } from '../engine/caller/client';
import { CANCELLED, RpcError } from '../shared/rpc';
import { providerNote } from '../shared/execution';
import type { Log } from './log';
import { readExecution } from './settings';

export class EngineHost implements vscode.Disposable {
	private readonly engine: Engine;
	private queue: Promise<unknown> = Promise.resolve();
	/** Calls that have not ended. */
	private waiting = 0;
	private reason?: string;

	constructor(modulePath: string, log: Log) {
		this.engine = new Engine({
			modulePath,
			log: (line) => log.info(line),
			onStateChange: (state) => log.debug(`engine: ${state.kind}`),
			onReady: ({ engine, provider }) => log.info(providerNote(provider) ?? `models run on ${engine}`),
		});
	}

	/** Why nothing can run on this machine; known after the first attempt. */
	get unavailable(): string | undefined {
		return this.reason;
	}

	/** Of the child that runs now. */
	get pid(): number | undefined {
		return this.engine.pid;
	}

	analyze(params: AnalyzeParams, signal: AbortSignal, onEvent: (event: AnalyzeEvent) => void): Promise<AnalyzeResult> {
		return this.call('analyze', params, signal, onEvent);
	}

	/** Waits for the work before it: two at once would share the cores and both take longer. */
	call<M extends keyof EngineApi & string>(
		method: M,
		params: EngineApi[M]['params'],
		signal: AbortSignal,
		onEvent: (event: EngineApi[M]['event'] | ProgressEvent) => void = () => {},
	): Promise<EngineApi[M]['result']> {
		if (signal.aborted) {
			return Promise.reject(cancelled());
		}
		if (this.waiting++ > 0) {
			const waiting: ProgressEvent = { kind: 'progress', message: vscode.l10n.t('Waiting for another analysis') };
			onEvent(waiting as EngineApi[M]['event']);
		}
		const run = async () => {
			signal.removeEventListener('abort', giveUp);
			if (signal.aborted) {
				throw cancelled();
			}
			try {
				// Between calls, so that a changed setting ends no run.
				this.engine.configure(readExecution());
				return await this.engine.call(method, params, { signal, onEvent });
			} catch (error) {
				if ((error as { code?: unknown }).code === 'engine-unavailable') {
					this.reason = (error as Error).message;
				}
				throw error;
			}
		};
		let giveUp = () => {};
		const waiting = new Promise<never>((_, reject) => {
			giveUp = () => reject(cancelled());
			signal.addEventListener('abort', giveUp, { once: true });
		});
		const result = this.queue.then(run);
		this.queue = result.catch(() => undefined).finally(() => this.waiting--);
		return Promise.race([result, waiting]);
	}

	/** Resolves when what was cancelled no longer writes anything. */
	settled(): Promise<void> {
		return this.engine.settled();
	}

	/** Forgets crashes and starts afresh with the next analysis. */
	restart(): void {
		this.reason = undefined;
		this.engine.restart();
	}

	dispose(): void {
		this.engine.dispose();
	}
}

function cancelled(): RpcError {
	return new RpcError('Cancelled.', CANCELLED);
}
