/** Inspect's `.eval`: a zip of a header, a journal, and one JSON file a sample. A run that crashed may have the journal only. */
import type { ByteSource } from '../bytes';
import type { FileImporter, Found } from './importer';
import { chunkedSample, chunksOf, isShell, type Chunks } from './inspectChunks';
import { inspectHeader, inspectSample, type InspectHeader } from './inspectSample';
import { parseJson } from './json';
import { MAX_SAMPLES, quote, refuse } from './limits';
import type { SampleRef } from './sample';
import { field, isObject, numberAt, stringAt } from './values';
import { readEntry, type ZipEntry } from './zip';

const HEADER = 'header.json';
const START = '_journal/start.json';
const SAMPLE = /^samples\/(.+_epoch_\d+)(?:\.json|\/sample\.json)$/s;

type Entries = ReadonlyMap<string, ZipEntry>;

export const inspectEval: FileImporter = {
	kind: 'file',
	name: 'inspect-eval',
	label: 'Inspect .eval log',
	matches: (found) =>
		found.container === 'zip' &&
		(found.entries.has(HEADER) || found.entries.has(START) || [...found.entries.keys()].some((name) => SAMPLE.test(name))),
	open: async (found) => {
		const { bytes, entries } = found as Found & { container: 'zip' };
		const { header, warnings } = await readHeader(bytes, entries);
		const names = [...entries.keys()].filter((name) => SAMPLE.test(name));
		if (names.length > MAX_SAMPLES) {
			refuse(`it has more than ${MAX_SAMPLES} samples`, 'split it');
		}
		if (names.length === 0) {
			warnings.push('The log has no samples: its run ended before the first one did, or it was written without them.');
		}
		const chunks = chunksOf(entries.values());
		async function* samples(): AsyncGenerator<SampleRef> {
			for (const name of names.sort(byNumber)) {
				const id = SAMPLE.exec(name)![1]!;
				yield { id, read: async () => readSample(bytes, { entries, chunks }, name, id, header) };
			}
		}
		return { format: 'inspect-eval', samples, warnings };
	},
};

async function readHeader(bytes: ByteSource, entries: Entries): Promise<{ header: InspectHeader; warnings: string[] }> {
	const [name] = [HEADER, START].filter((candidate) => entries.has(candidate));
	if (name === undefined) {
		return { header: inspectHeader({}), warnings: ['The log has neither header nor journal: model and settings are not known.'] };
	}
	const log = await readJson(bytes, entries.get(name)!);
	const version = numberAt(log, 'version') ?? 0;
	if (!isObject(log) || !isObject(field(log, 'eval'))) {
		refuse(`${name} of the log does not say what was run`);
	}
	const header = inspectHeader(log);
	const unfinished = name === START ? 'The run did not come to its end: this is what its journal and the finished samples say.' : undefined;
	const failed = header.status === 'error' ? `The run failed: ${(stringAt(log, 'error', 'message') ?? 'no reason given').split('\n')[0]}` : undefined;
	const newer = version > 2 ? `The log has version ${version}, and this version of the importer knows 2: some of it may be missing.` : undefined;
	return { header, warnings: [unfinished, failed, newer].filter((one) => one !== undefined) };
}

async function readSample(bytes: ByteSource, { entries, chunks }: { entries: Entries; chunks: Chunks }, name: string, id: string, header: InspectHeader) {
	const raw = await readJson(bytes, entries.get(name)!);
	if (!isObject(raw)) {
		return refuse(`sample ${quote(id)} of the log is no object`);
	}
	const whole = isShell(name) ? await chunkedSample(raw, name, chunks, (entry) => readJson(bytes, entry)) : raw;
	return inspectSample(whole, id, header);
}

async function readJson(bytes: ByteSource, entry: ZipEntry): Promise<unknown> {
	return parseJson(await readEntry(bytes, entry), `entry ${quote(entry.name)} of the zip`);
}

const collator = new Intl.Collator('en', { numeric: true });

/** Sample 2 before sample 10. */
function byNumber(a: string, b: string): number {
	return collator.compare(a, b);
}
