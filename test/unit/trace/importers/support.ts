import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryBytes } from '../../../../src/trace/bytes';
import { checkDocument, checkTensor, parseTensorName } from '../../../../src/trace/check';
import type { TraceDocument } from '../../../../src/trace/document';
import { TraceError } from '../../../../src/trace/error';
import { compose, type Composed, type ImportContext } from '../../../../src/trace/importers/compose';
import { openImport } from '../../../../src/trace/importers/importers';
import type { ImportedFile, Sample } from '../../../../src/trace/importers/sample';
import type { TensorInput } from '../../../../src/trace/planes';
import { parseDocument } from '../../../../src/trace/schema';

export const FILES = join(process.cwd(), 'test/fixtures/imports/files');

export const bytesOf = (name: string) => new Uint8Array(readFileSync(join(FILES, name)));
export const utf8 = (text: string) => new TextEncoder().encode(text);

export function open(bytes: Uint8Array, map?: string): Promise<ImportedFile> {
	return openImport(memoryBytes(bytes), { map });
}

export interface Imported {
	format: string;
	samples: Sample[];
	warnings: string[];
}

export async function importAll(bytes: Uint8Array, map?: string): Promise<Imported> {
	const file = await open(bytes, map);
	const samples: Sample[] = [];
	for await (const ref of file.samples()) {
		samples.push(await ref.read());
	}
	return { format: file.format, samples, warnings: file.warnings };
}

export const context = (format: string, file = 'file'): ImportContext => ({
	format,
	file,
	importer: 'test 1.0',
	now: '2026-01-01T00:00:00.000Z',
	sha256: (text) => createHash('sha256').update(text).digest('hex'),
});

export async function composeAll(bytes: Uint8Array, map?: string): Promise<Composed[]> {
	const { format, samples } = await importAll(bytes, map);
	return samples.map((sample) => compose(sample, context(format)));
}

/** `kind: text` of each part, turn by turn. */
export function outlineOf({ turns }: Sample): string[] {
	return turns.flatMap(({ parts }) => parts.map(({ kind, text }) => `${kind}: ${text}`));
}

/** What the reader would find wrong with what was composed. */
export function unreadable(document: TraceDocument, tensors: readonly TensorInput[]): string | undefined {
	const parsed = parseDocument(structuredClone(document));
	const wrong = parsed.ok ? checkDocument(document) : parsed.wrong;
	return tensors.reduce((found: string | undefined, tensor) => {
		const meaning = parseTensorName(tensor.name, document);
		return found ?? (meaning ? checkTensor(tensor, meaning, document) : `no plane is named ${tensor.name}`);
	}, wrong);
}

/** One sentence of ours that says it. */
export const says = (wording: RegExp) => (error: unknown) =>
	error instanceof TraceError && /^[A-Z][^\n]*\.$/.test(error.message) && (wording.test(error.message) || assert.fail(error.message));
