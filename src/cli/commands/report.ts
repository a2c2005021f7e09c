/** `report`: results of `eval` and traces as Markdown, CSV and a page. */
import { basename, resolve } from 'node:path';
import { parseEvaluation } from '../../analysis/evaluation/result';
import type { Part } from '../../analysis/report/content';
import { evaluationPart } from '../../analysis/report/evaluation';
import { tracePart } from '../../analysis/report/trace';
import { openFile } from '../../trace/bytes.node';
import { openTrace } from '../../trace/reader';
import { command } from '../command';
import { RunError, UsageError } from '../failure';
import { named } from '../flags/values';
import { writeReport } from '../reportFiles';
import { readText } from '../textfile';

/** A hundred tests of a hundred thousand problems. */
const MAX_RESULT_BYTES = 256 * 1024 * 1024;

interface Options {
	files: readonly string[];
	/** Folder. */
	out: string;
}

export const report = command<Options>({
	name: 'report',
	synopsis: ['X… --out DIR   (X: results of eval, and traces)'],
	flags: { out: { type: 'string' } },
	read: (files, values) => {
		const out = named(values, 'out');
		if (files.length === 0 || out === undefined) {
			throw new UsageError('report needs results or traces, and --out DIR: see --help.');
		}
		return { files, out };
	},
	run,
});

async function run({ files, out }: Options): Promise<string> {
	const parts: Part[] = [];
	for (const file of files) {
		parts.push(await readPart(resolve(file)));
	}
	const title = parts.length === 1 ? parts[0]!.title : `Report on ${parts.length} runs`;
	return `${(await writeReport(out, title, parts)).join('\n')}\n`;
}

async function readPart(path: string): Promise<Part> {
	const name = basename(path);
	if (name.endsWith('.safetensors')) {
		const trace = await openTrace(await openFile(path));
		try {
			return tracePart(trace.document, name);
		} finally {
			trace.dispose();
		}
	}
	const parsed = parseEvaluation(await readText(path, MAX_RESULT_BYTES, 'a result of eval --out, or a trace'));
	if (!parsed.ok) {
		throw new RunError(`${path} cannot be reported (${parsed.wrong}): give a result of eval --out, or a trace.`);
	}
	return evaluationPart(parsed.evaluation, name);
}
