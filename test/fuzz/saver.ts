/**
 * Saves traces to one file until it is killed: `node out/fuzz/saver.cjs FILE [SERIAL]`. Every trace holds its serial number in each of its
 * values; the number of each that was saved is printed. Every other one is saved as a copy, as *Save Trace As…* does.
 */
import type { TraceDocument } from '../../src/trace/document';
import type { TensorInput } from '../../src/trace/planes';
import { copyTrace, writeTrace } from '../../src/trace/writer.node';
import { sampleDocument } from '../unit/trace/sample';

const TOP = 200;
/** Small pieces, so that a kill between two of them is likely. */
const PIECES = 25;

/** `serial` in the notes and in every value of every arm's plane. */
function serialTrace(serial: number): { document: TraceDocument; tensors: TensorInput[] } {
	const document = { ...sampleDocument(), notes: [String(serial)] };
	const sites = document.model.layers + 1;
	const tensors = document.arms.map(({ name, steps }): TensorInput => {
		const values = steps.length * sites * TOP;
		return {
			name: `${name}/lens.topk_id`,
			dtype: 'I32',
			shape: [steps.length, sites, TOP],
			chunks: Array.from({ length: PIECES }, (_, i) =>
				new Int32Array(Math.floor(((i + 1) * values) / PIECES) - Math.floor((i * values) / PIECES)).fill(serial),
			),
		};
	});
	return { document, tensors };
}

async function save(path: string, serial: number): Promise<void> {
	const { document, tensors } = serialTrace(serial);
	if (serial % 2 === 0) {
		return writeTrace(path, document, tensors);
	}
	const source = `${path}.source`;
	await writeTrace(source, document, tensors);
	await copyTrace(source, path);
}

async function main([path, from = '0']: readonly string[]): Promise<void> {
	for (let serial = Number(from) + 1; ; serial++) {
		await save(path!, serial);
		process.stdout.write(`${serial}\n`);
	}
}

void main(process.argv.slice(2));
