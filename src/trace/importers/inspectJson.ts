/** Inspect's `.json` log: one object whose `samples` are read one at a time, whatever its size. */
import type { FileImporter, Found } from './importer';
import { inspectHeader, inspectId, inspectSample } from './inspectSample';
import { parseJson } from './json';
import { readPart } from './jsonOutline';
import { refuse } from './limits';
import type { SampleRef } from './sample';
import { isObject } from './values';

/** The member that holds the samples; `sniff.ts` outlines its elements. */
export const SAMPLES_MEMBER = 'samples';
const HEADER_MEMBERS = ['eval', 'plan', 'status', 'version'] as const;

export const inspectJson: FileImporter = {
	kind: 'file',
	name: 'inspect-json',
	label: 'Inspect .json log',
	matches: (found) => {
		const members = found.container === 'json' && found.outline.kind === 'object' ? found.outline.members : undefined;
		return members?.has('eval') === true && ['samples', 'plan', 'status'].some((name) => members.has(name));
	},
	open: async (found) => {
		const { bytes, outline } = found as Found & { container: 'json' };
		const parts = await Promise.all(
			HEADER_MEMBERS.map(async (name) => {
				const range = outline.members.get(name);
				return [name, range && parseJson(await readPart(bytes, range, `its ${name}`), `its ${name}`)] as const;
			}),
		);
		const header = inspectHeader(Object.fromEntries(parts));
		const warnings = [
			...(header.status === 'started' ? ['The run did not come to its end: these are the samples that it had finished.'] : []),
			...(header.status === 'error' ? ['The run failed: these are the samples that it had finished.'] : []),
			...(outline.elements.length === 0 ? ['The log has no samples: its run ended before the first one did, or it was written without them.'] : []),
		];
		async function* samples(): AsyncGenerator<SampleRef> {
			for (const [i, range] of outline.elements.entries()) {
				const raw = parseJson(await readPart(bytes, range, `sample ${i + 1}`), `sample ${i + 1}`);
				if (!isObject(raw)) {
					refuse(`sample ${i + 1} is no object`);
				}
				const id = inspectId(raw);
				yield { id, read: async () => inspectSample(raw, id, header) };
			}
		}
		return { format: 'inspect-json', samples, warnings };
	},
};
