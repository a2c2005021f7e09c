/** The table of formats. A new one is a file in this folder and a line here; the first that knows a file's content reads it. */
import type { ByteSource } from '../bytes';
import { npy, npz, safetensors } from './activations';
import { anthropic } from './anthropic';
import { codi } from './codi';
import { distinct } from './distinct';
import type { FileImporter, Found, Importer, ImportOptions, RecordImporter } from './importer';
import { inspectEval } from './inspectEval';
import { inspectJson } from './inspectJson';
import { parseJson } from './json';
import { readPart } from './jsonOutline';
import { refuse } from './limits';
import { lines } from './lines';
import { openaiChat } from './openaiChat';
import { openaiResponses } from './openaiResponses';
import { openR1 } from './openR1';
import { openThoughts } from './openThoughts';
import { otel } from './otel';
import { openParquet } from './parquet';
import { openRecords, type Located } from './records';
import { s1k } from './s1k';
import type { ImportedFile } from './sample';
import { sniff } from './sniff';
import { sweAgent } from './sweAgent';
import { thinkRows } from './thinkRows';
import { thinkText } from './thinkText';
import { stringAt } from './values';
import { vllm } from './vllm';

export const IMPORTERS: readonly Importer[] = [
	inspectEval,
	inspectJson,
	safetensors,
	npz,
	npy,
	codi,
	thinkText,
	// Of records the particular ones first: a data set may hold a conversation beside its own columns.
	otel,
	sweAgent,
	openR1,
	s1k,
	openThoughts,
	openaiResponses,
	anthropic,
	vllm,
	openaiChat,
	thinkRows,
];

const FILES = IMPORTERS.filter((one): one is FileImporter => one.kind === 'file');
const RECORDS = IMPORTERS.filter((one): one is RecordImporter => one.kind === 'record');

/** Reads what tells the format and where the samples are. `bytes` stays the caller's. */
export async function openImport(bytes: ByteSource, options: ImportOptions = {}): Promise<ImportedFile> {
	return distinct(await openFormat(bytes, options));
}

async function openFormat(bytes: ByteSource, options: ImportOptions): Promise<ImportedFile> {
	const found = await sniff(bytes, options);
	const importer = FILES.find((candidate) => candidate.matches(found));
	if (importer) {
		return importer.open(found);
	}
	switch (found.container) {
		case 'json':
		case 'jsonl':
			return openRecords(() => jsonRecords(found), RECORDS, KNOWN);
		case 'parquet': {
			const { columns, rows } = await openParquet(found.bytes);
			return openRecords(rows, RECORDS, KNOWN, columns);
		}
		default:
			return refuse('it has no content of a kind that is known', `give ${KNOWN}`);
	}
}

/** In a sentence: what can be imported. */
const KNOWN = `one of these: ${IMPORTERS.map(({ label }) => label).join(', ')}`;

/** A file's outermost value, the elements of an outermost list, or each line. A list of messages is one conversation. */
async function* jsonRecords(found: Found): AsyncGenerator<Located> {
	if (found.container !== 'json') {
		for await (const { number, bytes } of lines(found.bytes)) {
			yield { where: `line ${number}`, number, value: parseJson(bytes, `line ${number}`) };
		}
		return;
	}
	const { bytes, outline } = found;
	if (outline.kind === 'object') {
		yield { where: 'the whole', number: 1, value: parseJson(await readPart(bytes, { start: 0, end: outline.end }, 'it'), 'it') };
		return;
	}
	for (const [i, range] of outline.elements.entries()) {
		const value = parseJson(await readPart(bytes, range, `element ${i + 1}`), `element ${i + 1}`);
		if (i === 0 && stringAt(value, 'role') !== undefined) {
			const messages = parseJson(await readPart(bytes, { start: 0, end: outline.end }, 'it'), 'it');
			yield { where: 'the whole', number: 1, value: { messages } };
			return;
		}
		yield { where: `element ${i + 1}`, number: i + 1, value };
	}
}
