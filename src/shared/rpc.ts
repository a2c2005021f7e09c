/**
 * Typed calls over any duplex message port: a forked child, a webview, a pair in memory.
 *
 * A boundary is one interface whose members are `Call`s; both ends derive their types from it, so a method that one end lacks does
 * not compile, and one that arrives anyway (an older panel, a newer trace) is answered with an error instead of silence.
 */

export interface Disposable {
	dispose(): void;
}

/** One end of a duplex channel. Messages are structured-cloneable values. */
export interface Port {
	post(message: unknown): void;
	onMessage(listener: (message: unknown) => void): Disposable;
}

/** The type of one method: what it takes, what it resolves to, and what it emits meanwhile. */
export interface Call<Params = void, Result = void, Event = never> {
	params: Params;
	result: Result;
	event: Event;
}

type AnyCall = Call<any, any, any>;
type Calls<Api> = { [M in keyof Api]: AnyCall };

export interface CallContext<Event> {
	/** Aborts when the caller cancels or its port closes. */
	readonly signal: AbortSignal;
	emit(event: Event): void;
}

export type Handlers<Api extends Calls<Api>> = {
	[M in keyof Api]: (params: Api[M]['params'], context: CallContext<Api[M]['event']>) => Promise<Api[M]['result']> | Api[M]['result'];
};

export interface CallOptions<Event> {
	signal?: AbortSignal;
	onEvent?: (event: Event) => void;
}

/** An error that crossed the wire keeps its `code`, so that callers can react to a kind of failure and not to its wording. */
export class RpcError extends Error {
	constructor(
		message: string,
		readonly code?: string,
	) {
		super(message);
		this.name = 'RpcError';
	}
}

export const CANCELLED = 'cancelled';
export const PORT_CLOSED = 'port-closed';

export function isCancelled(error: unknown): boolean {
	return error instanceof Error && ((error as { code?: unknown }).code === CANCELLED || error.name === 'AbortError');
}

type Message =
	| { rpc: 'call'; id: number; method: string; params: unknown }
	| { rpc: 'cancel'; id: number }
	| { rpc: 'event'; id: number; event: unknown }
	| { rpc: 'result'; id: number; result: unknown }
	| { rpc: 'error'; id: number; message: string; code?: string };

function asMessage(value: unknown): Message | undefined {
	const message = value as Message | null;
	return typeof message === 'object' && message !== null && typeof message.rpc === 'string' && Number.isSafeInteger(message.id) ? message : undefined;
}

/** Answers the calls that arrive at `port`. Disposing aborts those still running. */
export function serve<Api extends Calls<Api>>(port: Port, handlers: Handlers<Api>): Disposable {
	const running = new Map<number, AbortController>();
	const answer = async (id: number, method: string, params: unknown) => {
		const controller = new AbortController();
		running.set(id, controller);
		try {
			if (!Object.hasOwn(handlers, method)) {
				throw new RpcError(`There is no method "${method}" on this side.`, 'unknown-method');
			}
			const handler = handlers[method as keyof Api];
			const emit = (event: unknown) => {
				if (!controller.signal.aborted) {
					port.post({ rpc: 'event', id, event } satisfies Message);
				}
			};
			const result = await handler(params as never, { signal: controller.signal, emit });
			port.post({ rpc: 'result', id, result } satisfies Message);
		} catch (error) {
			const code = controller.signal.aborted ? CANCELLED : (error as { code?: unknown }).code;
			const message = error instanceof Error ? error.message : String(error);
			port.post({ rpc: 'error', id, message, code: typeof code === 'string' ? code : undefined } satisfies Message);
		} finally {
			running.delete(id);
		}
	};
	const listening = port.onMessage((value) => {
		const message = asMessage(value);
		if (message?.rpc === 'call') {
			void answer(message.id, message.method, message.params);
		} else if (message?.rpc === 'cancel') {
			running.get(message.id)?.abort();
		}
	});
	return {
		dispose: () => {
			listening.dispose();
			for (const controller of running.values()) {
				controller.abort();
			}
		},
	};
}

/** The calling end. Disposing rejects what is pending with `reason`. */
export class Remote<Api extends Calls<Api>> implements Disposable {
	private readonly pending = new Map<number, { resolve(value: unknown): void; reject(error: Error): void; onEvent?: (event: any) => void }>();
	private readonly listening: Disposable;
	private nextId = 1;
	private closed?: RpcError;

	constructor(private readonly port: Port) {
		this.listening = port.onMessage((value) => this.receive(value));
	}

	/** Rejects with `code: 'cancelled'` when `signal` aborts; what the other side still sends for the call is dropped. */
	call<M extends keyof Api & string>(method: M, params: Api[M]['params'], options: CallOptions<Api[M]['event']> = {}): Promise<Api[M]['result']> {
		const { signal, onEvent } = options;
		return new Promise((resolve, reject) => {
			if (this.closed) {
				return reject(this.closed);
			}
			if (signal?.aborted) {
				return reject(new RpcError('Cancelled.', CANCELLED));
			}
			const id = this.nextId++;
			const abort = () => {
				this.port.post({ rpc: 'cancel', id } satisfies Message);
				this.pending.get(id)?.reject(new RpcError('Cancelled.', CANCELLED));
			};
			const settle = () => {
				this.pending.delete(id);
				signal?.removeEventListener('abort', abort);
			};
			signal?.addEventListener('abort', abort, { once: true });
			this.pending.set(id, {
				resolve: (value) => (settle(), resolve(value as Api[M]['result'])),
				reject: (error) => (settle(), reject(error)),
				onEvent,
			});
			this.port.post({ rpc: 'call', id, method, params } satisfies Message);
		});
	}

	dispose(reason = 'The other side is gone.', code = PORT_CLOSED): void {
		this.closed ??= new RpcError(reason, code);
		this.listening.dispose();
		for (const call of [...this.pending.values()]) {
			call.reject(this.closed);
		}
	}

	private receive(value: unknown): void {
		const message = asMessage(value);
		const call = message && this.pending.get(message.id);
		if (message?.rpc === 'event') {
			call?.onEvent?.(message.event);
		} else if (message?.rpc === 'result') {
			call?.resolve(message.result);
		} else if (message?.rpc === 'error') {
			call?.reject(new RpcError(message.message, message.code));
		}
	}
}
