/** Tries an execution provider: a small graph is computed on it alone, and its result compared with the right one. */
import type { ProviderInfo, ProviderName } from '../../shared/execution';
import { productGraph } from '../instrument/product';
import { floats, PLATFORM, type Runtime } from '../runtime';
import { maxDifference } from '../model/selftest';

/** Spelled as their makers do. */
const NAMES: Record<ProviderName, string> = { cpu: 'CPU', cuda: 'CUDA', dml: 'DirectML', coreml: 'Core ML', webgpu: 'WebGPU' };
/** Rows and columns of the matrices: one tile of a graphics card's kernels. */
const EXTENT = 16;
/** float16 has eleven bits: a provider that computes with them is not wrong yet. */
const TOLERANCE = 1e-2;
/** Characters of a provider's own message. */
const MAX_MESSAGE = 200;

/** Sessions are created, and drivers loaded: it may end this process, or take seconds. */
export async function tryProvider(runtime: Runtime, name: ProviderName): Promise<ProviderInfo> {
	const unavailable = (why: string): ProviderInfo => ({ name, available: false, why });
	const backend = runtime.backends.get(name);
	if (!backend) {
		return unavailable(missing(name));
	}
	const [left, right] = [sequence(1), sequence(7)];
	let found: Float32Array;
	try {
		const graph = await runtime.open(productGraph(EXTENT), '.', { provider: name, alone: name !== 'cpu' });
		try {
			const feeds = { left: floats(left, EXTENT, EXTENT), right: floats(right, EXTENT, EXTENT) };
			found = (await graph.run(feeds, ['product'])).product.data as Float32Array;
		} finally {
			graph.dispose();
		}
	} catch (error) {
		const files = backend.bundled ? '' : ', whose files do not come with this extension,';
		return unavailable(`${NAMES[name]}${files} cannot be started here (${lastWords(error as Error)})`);
	}
	const difference = maxDifference(found, multiplied(left, right));
	return difference <= TOLERANCE
		? { name, available: true }
		: unavailable(`${NAMES[name]} multiplies two matrices wrongly here (difference ${difference.toPrecision(2)})`);
}

/** Why a provider that this platform's build does not know is not available. */
export function missing(name: ProviderName): string {
	return `ONNX Runtime for ${PLATFORM} comes without ${NAMES[name]}`;
}

/** A message of a provider begins with the place in its source and goes on for lines. */
function lastWords({ message }: Error): string {
	const line = message.split('\n').filter((one) => one.trim() !== '')[0] ?? message;
	const at = line.indexOf(' was false. ');
	return (at < 0 ? line : line.slice(at + ' was false. '.length)).trim().slice(0, MAX_MESSAGE);
}

/** Values between -0.5 and 0.5, none like its neighbours. */
function sequence(from: number): Float32Array {
	return Float32Array.from({ length: EXTENT * EXTENT }, (_, i) => (((i + from) * 37) % 101) / 101 - 0.5);
}

function multiplied(left: Float32Array, right: Float32Array): Float32Array {
	return Float32Array.from({ length: EXTENT * EXTENT }, (_, at) => {
		const [row, column] = [Math.floor(at / EXTENT), at % EXTENT];
		let sum = 0;
		for (let i = 0; i < EXTENT; i++) {
			sum += left[row * EXTENT + i]! * right[i * EXTENT + column]!;
		}
		return sum;
	});
}
