/** What one file of this folder says about its format. */
import type { ByteSource } from '../bytes';
import type { JsonObject } from './json';
import type { JsonOutline } from './jsonOutline';
import type { ImportedFile, Sample } from './sample';
import type { ZipEntry } from './zip';

/** What a file was found to be, before it is known what it is about. */
export type Found = { bytes: ByteSource; options: ImportOptions } & (
	| { container: 'zip'; entries: ReadonlyMap<string, ZipEntry> }
	| { container: 'json'; outline: JsonOutline }
	| { container: 'jsonl' | 'parquet' | 'npy' | 'safetensors' }
	| { container: 'text'; text: string }
);

export interface ImportOptions {
	/** Of a file that holds tensors and nothing else: which one is what (see `mapping.ts`). */
	map?: string;
}

/** A format that is a file of its own kind. */
export interface FileImporter {
	kind: 'file';
	/** Kebab-case; `format` in listings and traces. */
	name: string;
	/** For people. */
	label: string;
	/** By content, never by name. */
	matches(found: Found): boolean;
	open(found: Found): Promise<ImportedFile>;
}

/** A format of records: a JSON file, the elements of a list, the lines of a JSONL file, or the rows of a table. */
export interface RecordImporter {
	kind: 'record';
	name: string;
	label: string;
	matches(record: JsonObject): boolean;
	/** `id` for samples that the record gives no name. Several where it holds several answers. */
	read(record: JsonObject, id: string): Sample[];
}

export type Importer = FileImporter | RecordImporter;
