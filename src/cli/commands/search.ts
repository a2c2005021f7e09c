/** `search`: the steps of a trace whose text, decoded latents or probe scores match. */
import { hitInWords, MAX_HITS, parseQuery, search, type Hit } from '../../analysis/search';
import { printable } from '../../analysis/text';
import { openFile } from '../../trace/bytes.node';
import { openTrace } from '../../trace/reader';
import { command } from '../command';
import { UsageError } from '../failure';
import { given, JSON_FLAG } from '../flags/values';

interface Options {
	file: string;
	asked: string;
	json: boolean;
}

export const searchTrace = command<Options>({
	name: 'search',
	synopsis: ['X.trace.safetensors QUERY [--json]'],
	notes: ["search finds a text in written sentences and in the five likeliest tokens of each thought at any layer, or, as 'PROBE > 0.9', where a probe is above."],
	flags: JSON_FLAG,
	read: ([file, asked, ...more], values) => {
		if (file === undefined || asked === undefined || more.length > 0) {
			throw new UsageError('search takes a trace and one query: put a query of several words in quotes.');
		}
		return { file, asked, json: given(values, 'json') };
	},
	run,
});

async function run({ file, asked, json }: Options): Promise<string> {
	const trace = await openTrace(await openFile(file));
	try {
		const query = parseQuery(asked, trace.document.probes.map(({ name }) => name));
		if (typeof query === 'string') {
			throw new UsageError(query);
		}
		const hits: Hit[] = [];
		for await (const hit of search(trace, query)) {
			hits.push(hit);
		}
		if (json) {
			return `${JSON.stringify({ query, hits })}\n`;
		}
		const more = hits.length === MAX_HITS ? [`Only the first ${MAX_HITS} are listed.`] : [];
		const lines = hits.length === 0 ? ['Nothing was found.'] : hits.map((hit) => `step ${hit.row + 1}  ${hitInWords(hit)}`);
		return `${[...lines, ...more].map(printable).join('\n')}\n`;
	} finally {
		trace.dispose();
	}
}
