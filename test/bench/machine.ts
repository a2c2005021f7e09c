/** What this machine can do, measured by the runtime that is used: the limits of the cost model (design §7). */
import { floats, type Runtime } from '../../src/engine/runtime';
import { oneNode } from '../unit/engine/onnx';
import { cpu, fastest } from './clock';

const REPEATS = 30;
/** Of a matrix of 256 MiB, which no cache holds. */
const ROWS = 4096;
const COLUMNS = 16384;

export interface Machine {
	/** Operations a second of one large product. */
	peak: number;
	/** Bytes a second of one vector's product with a large matrix. */
	bandwidth: number;
}

export async function measureMachine(runtime: Runtime): Promise<Machine> {
	const peak = await rate(runtime, 1024, 1024, 1024);
	const operations = await rate(runtime, 1, ROWS, COLUMNS);
	// Two operations a weight of four bytes.
	return { peak, bandwidth: (operations / 2) * Float32Array.BYTES_PER_ELEMENT };
}

/** Operations a second of C = A·B, both from outside the graph. */
export async function rate(runtime: Runtime, m: number, k: number, n: number): Promise<number> {
	const inputs = [
		{ name: 'A', dims: ['m', 'k'] },
		{ name: 'B', dims: ['k', 'n'] },
	];
	const graph = await runtime.open(oneNode('MatMul', inputs, { name: 'C', dims: ['m', 'n'] }), '.');
	const feeds = { A: floats(random(m * k), m, k), B: floats(random(k * n), k, n) };
	const seconds = await fastest(() => graph.run(feeds, ['C']), cpu, REPEATS);
	graph.dispose();
	return (2 * m * k * n) / seconds;
}

function random(length: number): Float32Array {
	return Float32Array.from({ length }, () => Math.random() - 0.5);
}
