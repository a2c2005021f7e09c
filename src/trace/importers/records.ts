/** Files that hold records one after the other: which format they have is told by the first that any importer knows. */
import type { RecordImporter } from './importer';
import { isObject } from './values';
import { MAX_SAMPLES, refuse } from './limits';
import type { ImportedFile, SampleRef } from './sample';

export interface Located {
	/** From 1: `line 3`. */
	where: string;
	/** From 1; names samples that have none. */
	number: number;
	value: unknown;
}

/** Records without a known shape before the first with one; a file whose first ones are all strange is something else. */
const MAX_STRANGE = 20;

export async function openRecords(
	records: () => AsyncIterable<Located>,
	importers: readonly RecordImporter[],
	expected: string,
	/** Names of what the records hold, where that is known without reading them. */
	columns: readonly string[] = [],
): Promise<ImportedFile> {
	const importer = await recognise(records(), importers);
	if (!importer) {
		const shown = columns.length > 0 ? `; its columns are ${columns.slice(0, 20).join(', ')}` : '';
		return refuse(`none of its first records has a shape that is known${shown}`, `give ${expected}`);
	}
	const warnings: string[] = [];
	async function* samples(): AsyncGenerator<SampleRef> {
		let strange = 0;
		let count = 0;
		for await (const { value, number, where } of records()) {
			const found = isObject(value) && importer!.matches(value) ? importer!.read(value, String(number)) : undefined;
			if (!found) {
				strange += 1;
				const are = strange === 1 ? 'record is' : 'records are';
				warnings.splice(0, warnings.length, `${strange} ${are} not of format ${importer!.name} and left out, the last of them ${where}.`);
			}
			for (const sample of found ?? []) {
				if (++count > MAX_SAMPLES) {
					refuse(`it has more than ${MAX_SAMPLES} samples`, 'split it');
				}
				yield { id: sample.id, read: async () => sample };
			}
		}
	}
	return { format: importer.name, samples, warnings };
}

async function recognise(records: AsyncIterable<Located>, importers: readonly RecordImporter[]): Promise<RecordImporter | undefined> {
	let seen = 0;
	for await (const { value } of records) {
		const importer = isObject(value) ? importers.find((candidate) => candidate.matches(value)) : undefined;
		if (importer || ++seen >= MAX_STRANGE) {
			return importer;
		}
	}
	return undefined;
}
