/** `import`: what samples a log, a data set or a file of activations holds, and one or all of them as traces. */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { listedSample, sampleInWords, type ListedSample } from '../../analysis/samples';
import { printable } from '../../analysis/text';
import { producer } from '../../engine/product';
import { openFile } from '../../trace/bytes.node';
import { TraceError } from '../../trace/error';
import { compose, type ImportContext } from '../../trace/importers/compose';
import { openImport } from '../../trace/importers/importers';
import { writeTrace } from '../../trace/writer.node';
import { command } from '../command';
import { RunError, UsageError } from '../failure';
import { given, JSON_FLAG, named, oneFile, type Values } from '../flags/values';
import { checkOutFile, checkOutFolder } from '../target';

interface Options {
	file: string;
	json: boolean;
	/** With `json`: what each sample asks, its scores, and what has to be said before a trace can be written. */
	details: boolean;
	/** Absent: nothing is written. */
	write?: { kind: 'one'; out: string; sample?: string } | { kind: 'all'; folder: string };
	map?: string;
}

/** Samples that are told to people; `--json` tells all. */
const MAX_SHOWN = 50;
/** Distinct notes about samples that are told; of hostile files each sample may have one of its own. */
const MAX_NOTES = 50;
/** Names of files are made of what every file system takes. */
const UNSAFE = /[^A-Za-z0-9._-]+/g;
const MAX_NAME = 80;

export const importFile = command<Options>({
	name: 'import',
	synopsis: ['FILE [--out X.trace.safetensors [--sample ID] | --all DIR] [--map NAME:AXES] [--json [--details]]'],
	notes: ['import lists what a file holds, and with --out writes its first sample, or the one of --sample, as a trace.'],
	flags: { ...JSON_FLAG, details: { type: 'boolean' }, out: { type: 'string' }, sample: { type: 'string' }, all: { type: 'string' }, map: { type: 'string' } },
	read: (files, values) => ({
		file: oneFile('import', files),
		json: given(values, 'json'),
		details: given(values, 'details'),
		write: target(values),
		map: named(values, 'map'),
	}),
	run,
});

function target(values: Values): Options['write'] {
	const [out, folder, sample] = ['out', 'all', 'sample'].map((flag) => named(values, flag));
	if (out !== undefined && folder !== undefined) {
		throw new UsageError('--out writes one sample and --all all of them: give one of the two.');
	}
	if (sample !== undefined && out === undefined) {
		throw new UsageError('--sample needs --out X.trace.safetensors: see --help.');
	}
	return out !== undefined ? { kind: 'one', out, sample } : folder !== undefined ? { kind: 'all', folder } : undefined;
}

async function run({ file, json, details, write, map }: Options): Promise<string> {
	const path = resolve(file);
	if (write?.kind === 'one') {
		await checkOutFile(write.out, [file]);
	} else if (write) {
		await checkOutFolder(write.folder);
	}
	if ((await stat(path).catch(() => undefined))?.isFile() === false) {
		throw new RunError(`${file} is not a file: name a log, a data set or activations.`);
	}
	const bytes = await openFile(path);
	try {
		const imported = await openImport(bytes, { map });
		if (write && imported.ask) {
			throw new RunError(imported.ask.question);
		}
		const context: ImportContext = {
			format: imported.format,
			file: basename(path),
			importer: producer(),
			now: new Date().toISOString(),
			sha256: (text) => createHash('sha256').update(text).digest('hex'),
		};
		const samples: ListedSample[] = [];
		const notes = new Map<string, number>();
		const written: string[] = [];
		const failures: string[] = [];
		for await (const ref of imported.samples()) {
			if (write?.kind === 'one' && write.sample !== undefined && ref.id !== write.sample) {
				continue;
			}
			const composed = await ref.read().then((sample) => compose(sample, context)).catch((error: unknown) => {
				// One sample that cannot be read does not cost the others.
				if (write?.kind === 'one' || !(error instanceof TraceError)) {
					throw error;
				}
				failures.push(`Sample ${ref.id} was left out. ${error.message}`);
				return undefined;
			});
			if (!composed) {
				continue;
			}
			samples.push(listedSample(ref.id, composed.document, composed.tensors.map(({ name }) => name)));
			composed.document.notes.forEach((note) => notes.set(note, (notes.get(note) ?? 0) + 1));
			if (write) {
				const out = write.kind === 'one' ? resolve(write.out) : join(resolve(write.folder), fileName(ref.id, written.length));
				await writeTrace(out, composed.document, composed.tensors);
				written.push(out);
			}
			if (write?.kind === 'one') {
				break;
			}
		}
		if (samples.length === 0 && failures.length > 0) {
			throw new RunError(failures[0]!);
		}
		if (write?.kind === 'one' && written.length === 0) {
			const missing = write.sample === undefined ? 'samples: there is nothing to write' : `sample ${JSON.stringify(write.sample)}: see import ${file}`;
			throw new RunError(`${file} has no ${missing}.`);
		}
		const warnings = [...imported.warnings, ...failures.slice(0, MAX_NOTES), ...noted(notes, samples.length)];
		const result = { format: imported.format, samples, warnings, ...(write ? { written: written.map((out) => basename(out)) } : {}) };
		if (!json) {
			return text(result, write);
		}
		const told = details ? { ...result, ask: imported.ask } : { ...result, samples: samples.map(briefly) };
		return `${JSON.stringify(told)}\n`;
	} finally {
		bytes.dispose();
	}
}

function briefly({ id, steps, reasoning, hasLogprobs, hasActivations }: ListedSample) {
	return { id, steps, reasoning, hasLogprobs, hasActivations };
}

/** Each note with how many samples it is about. */
function noted(notes: ReadonlyMap<string, number>, samples: number): string[] {
	const lines = [...notes].slice(0, MAX_NOTES).map(([note, count]) => (samples > 1 ? `${note} (${count} of ${samples} samples)` : note));
	return notes.size > MAX_NOTES ? [...lines, `There are ${notes.size - MAX_NOTES} more notes, which the traces hold.`] : lines;
}

/** Two samples never get one name: their place in the file is part of it. */
function fileName(id: string, place: number): string {
	return `${String(place + 1).padStart(5, '0')}-${id.replace(UNSAFE, '_').slice(0, MAX_NAME)}.trace.safetensors`;
}

function text(result: { format: string; samples: readonly ListedSample[]; warnings: readonly string[] }, write: Options['write']): string {
	const { format, samples, warnings } = result;
	const lines = [
		`${format}, ${samples.length} sample${samples.length === 1 ? '' : 's'}`,
		...samples.slice(0, MAX_SHOWN).map((sample) => `  ${sample.id}  ${sampleInWords(sample)}`),
		...(samples.length > MAX_SHOWN ? [`  and ${samples.length - MAX_SHOWN} more: add --json to see all`] : []),
		...warnings.map((warning) => `Note: ${warning}`),
		...(write?.kind === 'one' ? [`Trace: ${write.out}`] : write ? [`Traces: ${samples.length} in ${write.folder}`] : []),
	];
	return `${lines.map(printable).join('\n')}\n`;
}
