/** Names by which samples are chosen: each belongs to one sample and can stand on a command line, whatever the file says. */
import type { ImportedFile, SampleRef } from './sample';

/** Characters: a system passes an argument of some 100 000 bytes on, and nobody reads as many. */
const MAX_ID = 1_000;

/** The second of a name becomes `name#2`. */
export function distinct(file: ImportedFile): ImportedFile {
	return { ...file, samples: () => named(file.samples()) };
}

async function* named(samples: AsyncIterable<SampleRef>): AsyncGenerator<SampleRef> {
	/** Of each name that was given, how many samples have asked for it. */
	const asked = new Map<string, number>();
	for await (const ref of samples) {
		const own = argument(ref.id);
		let id = own;
		let count = asked.get(own) ?? 0;
		while (asked.has(id)) {
			count += 1;
			id = `${own}#${count}`;
		}
		asked.set(own, Math.max(count, 1)).set(id, asked.get(id) ?? 1);
		yield { id, read: async () => ({ ...(await ref.read()), id }) };
	}
}

/** Arguments are UTF-8 without zeros. */
function argument(id: string): string {
	return id.slice(0, MAX_ID).replace(/\p{Surrogate}/gu, '\ufffd').replaceAll('\0', '\u2400');
}
