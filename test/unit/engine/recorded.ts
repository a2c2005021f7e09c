/** Traces that the engine wrote, and copies of them that say something else. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after } from 'node:test';
import type { AnalyzeParams } from '../../../src/engine/api';
import type { Engine } from '../../../src/engine/caller/client';
import { openFile } from '../../../src/trace/bytes.node';
import { headerLength, LENGTH_BYTES, parseHeader, type TensorEntry } from '../../../src/trace/container';
import type { TraceDocument } from '../../../src/trace/document';
import type { DType, PlaneData } from '../../../src/trace/planes';
import { openTrace, type TraceFile } from '../../../src/trace/reader';
import { writeTrace } from '../../../src/trace/writer.node';
import { parseTensorName } from '../../../src/trace/check';
import { request, temporary } from './harness';

export async function recorded(engine: Engine, text: string, more: Partial<AnalyzeParams> = {}): Promise<string> {
	const out = join(await temporary(), 'a.trace.safetensors');
	await engine.call('analyze', { ...request(text, more), out });
	return out;
}

const files: TraceFile[] = [];
after(() => files.forEach((file) => file.dispose()));

/** Until the tests of the file have ended. */
export async function opened(path: string): Promise<TraceFile> {
	const file = await openTrace(await openFile(path));
	files.push(file);
	return file;
}

/** With another document. */
export async function rewritten(path: string, change: (document: TraceDocument) => TraceDocument): Promise<string> {
	const trace = await opened(path);
	const out = join(await temporary(), 'changed.trace.safetensors');
	const planes = trace.tensors.flatMap((tensor) => {
		const meaning = parseTensorName(tensor.name, trace.document);
		return meaning?.level === 0 ? [{ tensor, ...meaning }] : [];
	});
	const document = change(structuredClone(trace.document));
	const kept = planes.filter(({ arm }) => document.arms.some(({ name }) => name === arm.name));
	const tensors = await Promise.all(
		kept.map(async ({ tensor, arm, plane }) => ({
			...{ name: tensor.name, dtype: tensor.dtype as DType, shape: [...tensor.shape] },
			chunks: [(await trace.read(arm.name, plane, { start: 0, end: tensor.shape[0]! })) as PlaneData],
		})),
	);
	await writeTrace(out, document, tensors);
	return out;
}

/** With one value of a tensor of F32 changed. */
export async function altered(path: string, name: string, index: number, change: (value: number) => number): Promise<string> {
	const bytes = await readFile(path);
	const { start } = tensorOf(bytes, name);
	bytes.writeFloatLE(change(bytes.readFloatLE(start + 4 * index)), start + 4 * index);
	const out = join(await temporary(), 'altered.trace.safetensors');
	await writeFile(out, bytes);
	return out;
}

function tensorOf(bytes: Uint8Array, name: string): TensorEntry {
	return parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + headerLength(bytes, bytes.length)), bytes.length).tensors.get(name)!;
}
