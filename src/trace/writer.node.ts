import { createReadStream } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { checkDocument, checkTensor, DOCUMENT_TENSOR, mipRows, parseTensorName } from './check';
import { encodeHeader } from './container';
import type { TraceDocument } from './document';
import { TraceError } from './error';
import { tooLarge } from './extent';
import { Mip, mipLevels } from './mips';
import type { DType, PlaneData, TensorInput } from './planes';
import { FORMAT } from './reader';
import { replaceFile, writeAll } from './replace.node';
import { parseDocument } from './schema';

/** Wide types first, so that every tensor begins at a multiple of its value's size. */
const ALIGNMENT: Readonly<Record<DType, number>> = { F32: 4, I32: 4, F16: 2, U8: 1 };

/**
 * Writes a trace so that the target is at any moment either what it was or the whole new file: to a temporary file beside it,
 * synced, renamed. `tensors` are consumed one chunk at a time; planes that a heatmap draws get their mips on the way.
 * What the reader would refuse is not written.
 */
export async function writeTrace(path: string, document: TraceDocument, tensors: readonly TensorInput[]): Promise<void> {
	const json = new TextEncoder().encode(JSON.stringify(document));
	const wrong = tooLarge(json) ?? unreadable(document, tensors);
	if (wrong !== undefined) {
		throw new TraceError(`The trace was not written because nobody could read it (${wrong}): report this.`, 'cannot-write');
	}
	const aligned = [...tensors].sort((a, b) => ALIGNMENT[b.dtype] - ALIGNMENT[a.dtype]);
	const all = [documentTensor(json), ...withMips(aligned, document)];
	await replaceFile(path, (handle) => writeTensors(handle, encodeHeader(all, metadata(document)), all));
}

/** Copies a trace, with the promise of `writeTrace`. */
export async function copyTrace(source: string, target: string): Promise<void> {
	await replaceFile(target, async (handle) => {
		for await (const chunk of createReadStream(source)) {
			await writeAll(handle, chunk as Uint8Array);
		}
	});
}

/** What the reader would find wrong. */
function unreadable(document: TraceDocument, tensors: readonly TensorInput[]): string | undefined {
	const parsed = parseDocument(document);
	const wrong = parsed.ok ? checkDocument(document) : parsed.wrong;
	return tensors.reduce((found: string | undefined, tensor) => {
		const meaning = parseTensorName(tensor.name, document);
		return found ?? (meaning && checkTensor(tensor, meaning, document));
	}, wrong);
}

/** Padded with spaces to a multiple of 8, which JSON ignores and which keeps what follows aligned. */
function documentTensor(json: Uint8Array): TensorInput {
	const padded = new Uint8Array(Math.ceil(json.length / 8) * 8).fill(0x20);
	padded.set(json);
	return { name: DOCUMENT_TENSOR, dtype: 'U8', shape: [padded.length], chunks: [padded] };
}

/** Strings only, as safetensors asks: enough to tell what a file is without its document. */
function metadata({ producer, created, prompt, model, options, runtime, version }: TraceDocument): Record<string, string> {
	return {
		format: FORMAT,
		schema_version: String(version),
		producer,
		created,
		model_id: model.id,
		model_sha256: model.sha256,
		tokenizer_sha256: model.tokenizerSha256,
		prompt_sha256: prompt.sha256,
		recipe: JSON.stringify(model.recipe) ?? 'null',
		seed: String(options.seed),
		sampling: JSON.stringify(options),
		runtime: `${runtime.engine}, ${runtime.platform}`,
	};
}

/** Heatmaps draw planes of one number a site: those are followed by their mips, each computed from the level before it. */
function withMips(tensors: readonly TensorInput[], document: TraceDocument): TensorInput[] {
	return tensors.flatMap((tensor) => {
		const spec = parseTensorName(tensor.name, document)?.spec;
		const [rows = 0, sites = 0] = tensor.shape;
		const levels = tensor.dtype === 'F32' && spec?.axes.length === 1 && spec.axes[0] === 'site' ? mipLevels(rows) : 0;
		if (levels === 0) {
			return [tensor];
		}
		let mip = new Mip(rows, sites, spec?.diverging ?? false);
		const watched: TensorInput = { ...tensor, chunks: watch(tensor.chunks, mip) };
		const mips = Array.from({ length: levels }, (_, i): TensorInput => ({
			name: `${tensor.name}.mip${i + 1}`,
			dtype: 'F32',
			shape: [mipRows(rows, i + 1), sites],
			chunks: (function* () {
				mip = i === 0 ? mip : mip.next();
				yield mip.values;
			})(),
		}));
		return [watched, ...mips];
	});
}

/** Passes chunks on and shows them to `mip`. */
async function* watch(chunks: TensorInput['chunks'], mip: Mip): AsyncGenerator<PlaneData> {
	for await (const chunk of chunks) {
		mip.add(chunk as Float32Array);
		yield chunk;
	}
}

async function writeTensors(handle: FileHandle, header: Uint8Array, tensors: readonly TensorInput[]): Promise<void> {
	await writeAll(handle, header);
	for (const { name, shape, dtype, chunks } of tensors) {
		let left = shape.reduce((product, extent) => product * extent, ALIGNMENT[dtype]);
		for await (const chunk of chunks) {
			left -= chunk.byteLength;
			if (left < 0) {
				break;
			}
			await writeAll(handle, new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
		}
		if (left !== 0) {
			throw new RangeError(`tensor ${name} does not fill its shape [${shape.join(', ')}]`);
		}
	}
}
