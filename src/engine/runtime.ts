/** The only file that knows onnxruntime. It is loaded on first use, because its binary is missing on some platforms. */
import { availableParallelism } from 'node:os';
import type * as Onnx from 'onnxruntime-node';
import type { ProviderName } from '../shared/execution';
import type { Disposable } from '../shared/rpc';
import { EngineError } from './error';

/** A tensor in ordinary memory, row-major. `bool` is one byte a value, `float16` its bits. */
export interface Tensor {
	type: 'float32' | 'float16' | 'int64' | 'bool';
	dims: readonly number[];
	data: Float32Array | Uint16Array | BigInt64Array | Uint8Array;
}

/** What a graph says about an input or output: extents are numbers, or names where they vary. */
export interface Slot {
	type: string;
	dims: readonly (number | string)[];
}

/** What a graph is computed on, and how. */
export interface Opening {
	provider?: ProviderName;
	lowMemory?: boolean;
	alone?: boolean;
}

/** A tensor as the runtime has it. */
type Held = Tensor & Onnx.Tensor;
export type Feeds = Readonly<Record<string, Tensor>>;
export type Fetched<Name extends string> = { [N in Name]: Tensor };

/** Two hardware threads a core on x86; ORT's kernels gain nothing from the second one. */
const THREADS_PER_CORE = process.arch === 'x64' ? 2 : 1;
/** Of a graph's run. One core stays free for the editor. */
export const THREADS = Math.max(1, Math.ceil(availableParallelism() / THREADS_PER_CORE) - 1);

/** As onnxruntime-node names its binaries' folders. */
export const PLATFORM = `${process.platform}-${process.arch}`;

export function floats(data: Float32Array, ...dims: number[]): Tensor {
	return { type: 'float32', data, dims };
}

export function integers(values: ArrayLike<number>, ...dims: number[]): Tensor {
	return { type: 'int64', data: BigInt64Array.from({ length: values.length }, (_, i) => BigInt(values[i]!)), dims };
}

export class Runtime {
	private constructor(private readonly onnx: typeof Onnx) {}

	/** Fails with `engine-unavailable` where there is no binary for this platform. */
	static load(): Runtime {
		try {
			return new Runtime(require('onnxruntime-node') as typeof Onnx);
		} catch (error) {
			throw new EngineError(
				`Models cannot run here, only traces be viewed: onnxruntime-node does not load on ${PLATFORM} (${firstLine(error as Error)}).`,
				'engine-unavailable',
			);
		}
	}

	/** For example `onnxruntime-node 1.30.0`. */
	get name(): string {
		return `onnxruntime-node ${this.onnx.env.versions.node ?? this.onnx.env.versions.common}`;
	}

	/** Providers that this platform's build knows, and whether their files come with it. */
	get backends(): ReadonlyMap<string, { bundled: boolean }> {
		return new Map(this.onnx.listSupportedBackends().map(({ name, bundled }) => [name, { bundled }]));
	}

	/**
	 * A graph from the bytes that were checked, so that no file can change in between. External data is looked for in `folder`
	 * only. `lowMemory` keeps one copy of the weights and runs slower. `alone`: fails where the provider does not compute every node;
	 * otherwise the processor computes those.
	 */
	async open(bytes: Uint8Array, folder: string, { provider = 'cpu', lowMemory = false, alone = false }: Opening = {}): Promise<Graph> {
		const options: Onnx.InferenceSession.SessionOptions = {
			// Alone in the list: of several, those that the build does not know are left out without a word.
			executionProviders: [provider],
			logSeverityLevel: 3,
			intraOpNumThreads: THREADS,
			...(ONLY.get(provider) ?? {}),
			extra: {
				session: {
					// Spinning threads halve the speed on a machine that does anything else.
					intra_op: { allow_spinning: '0' },
					model_external_initializers_file_folder_path: folder,
					...(alone ? { disable_cpu_ep_fallback: '1' } : {}),
					// Packing is the processor's.
					...(provider === 'cpu' ? { disable_prepacking: lowMemory ? '1' : '0' } : {}),
				},
			},
		};
		return new Graph(this.onnx, await this.onnx.InferenceSession.create(bytes, options));
	}
}

/** Session options that a provider asks for. DirectML computes neither in parallel nor with memory patterns. */
const ONLY: ReadonlyMap<ProviderName, Onnx.InferenceSession.SessionOptions> = new Map([
	['dml', { executionMode: 'sequential', enableMemPattern: false }],
]);

export class Graph implements Disposable {
	readonly inputs: ReadonlyMap<string, Slot>;
	readonly outputs: ReadonlyMap<string, Slot>;

	constructor(
		private readonly onnx: typeof Onnx,
		private readonly session: Onnx.InferenceSession,
	) {
		this.inputs = slots(session.inputMetadata);
		this.outputs = slots(session.outputMetadata);
	}

	/**
	 * Blocks this process for the length of the run; before it, waiting messages are received. Unknown names would be ignored
	 * silently by the binding, so they are errors here, as missing ones are.
	 */
	async run<Name extends string>(feeds: Feeds, fetches: readonly Name[]): Promise<Fetched<Name>> {
		const names = Object.keys(feeds);
		if (names.length !== this.inputs.size || !names.every((name) => this.inputs.has(name)) || !fetches.every((name) => this.outputs.has(name))) {
			throw this.misfed(names, fetches);
		}
		const results = await this.session.run(this.held(feeds), fetches).catch((error: Error) => {
			throw new EngineError(`The model's graph cannot be run (${firstLine(error)}): export the model again.`, 'bad-model');
		});
		return results as Readonly<Record<string, Tensor>> as Fetched<Name>;
	}

	/** The same as the runtime wants them. What is fed again and again, or came out of a graph, need not be made again. */
	held(feeds: Feeds): Record<string, Held> {
		const held: Record<string, Held> = {};
		for (const name of Object.keys(feeds)) {
			const tensor = feeds[name]!;
			const { type, data, dims } = tensor;
			held[name] = (tensor instanceof this.onnx.Tensor ? tensor : new this.onnx.Tensor(type, data as Float32Array, dims)) as Held;
		}
		return held;
	}

	private misfed(fed: readonly string[], fetches: readonly string[]): EngineError {
		const wrong = [...fed.filter((name) => !this.inputs.has(name)), ...fetches.filter((name) => !this.outputs.has(name))];
		const missing = [...this.inputs.keys()].filter((name) => !fed.includes(name));
		return new EngineError(
			`The model's graph has no ${wrong.join(', ') || `value for ${missing.join(', ')}`}: export the model again.`,
			'bad-model',
		);
	}

	dispose(): void {
		void this.session.release();
	}
}

/** The runtime's messages go on for pages. */
function firstLine(error: Error): string {
	return String(error.message).split('\n')[0]!;
}

function slots(metadata: readonly Onnx.InferenceSession.ValueMetadata[]): ReadonlyMap<string, Slot> {
	return new Map(
		metadata.map((value) => [
			value.name,
			value.isTensor ? { type: value.type, dims: value.shape } : { type: 'no tensor', dims: [] },
		]),
	);
}
