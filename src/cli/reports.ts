/** `report`: results of `eval` and traces as Markdown, CSV and a page. */
import { mkdir, open, stat } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import { parseEvaluation } from '../analysis/evaluation/result';
import type { Part, Report } from '../analysis/report/content';
import { CSV_HEADER, renderCsv } from '../analysis/report/csv';
import { evaluationPart } from '../analysis/report/evaluation';
import { HTML_MARKER, renderHtml } from '../analysis/report/html';
import { MARKDOWN_MARKER, renderMarkdown } from '../analysis/report/markdown';
import { tracePart } from '../analysis/report/trace';
import { producer } from '../engine/product';
import { openFile } from '../trace/bytes.node';
import { openTrace } from '../trace/reader';
import { replaceText } from '../trace/replace.node';
import { RunError } from './failure';
import type { Command } from './options';
import { readText } from './textfile';

/** A hundred tests of a hundred thousand problems. */
const MAX_RESULT_BYTES = 256 * 1024 * 1024;
/** Where a marker stands in a file of ours. */
const MARKED_BYTES = 2_000;

/** `render`s a file of the report; `marker` is in the beginning of every file of that kind that we wrote. */
const FILES = [
	{ name: 'report.md', marker: MARKDOWN_MARKER, render: renderMarkdown },
	{ name: 'report.csv', marker: CSV_HEADER, render: renderCsv },
	{ name: 'report.html', marker: HTML_MARKER, render: (report: Report) => renderHtml(report) },
] as const;

export async function report({ files, out }: Extract<Command, { kind: 'report' }>): Promise<string> {
	const parts: Part[] = [];
	for (const file of files) {
		parts.push(await readPart(resolve(file)));
	}
	const written = await writeReport(out, parts);
	return `${written.join('\n')}\n`;
}

/** The files' paths. Only files that an earlier report wrote are replaced. */
export async function writeReport(out: string, parts: Part[], title = titleOf(parts)): Promise<string[]> {
	const folder = resolve(out);
	await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
		throw new RunError(`${out} cannot be made (${error.code ?? error.message}): choose another --out.`);
	});
	for (const { name, marker } of FILES) {
		await checkOurs(join(folder, name), marker);
	}
	const report: Report = { title, parts, created: new Date().toISOString(), producer: producer() };
	for (const { name, render } of FILES) {
		await replaceText(join(folder, name), 'The report', render(report));
	}
	return FILES.map(({ name }) => join(out, name));
}

function titleOf(parts: readonly Part[]): string {
	return parts.length === 1 ? parts[0]!.title : `Report on ${parts.length} runs`;
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

async function checkOurs(path: string, marker: string): Promise<void> {
	const found = await stat(path).catch(() => undefined);
	if (!found) {
		return;
	}
	const handle = found.isFile() ? await open(path, 'r').catch(() => undefined) : undefined;
	const { buffer, bytesRead } = (await handle?.read(Buffer.alloc(MARKED_BYTES), 0, MARKED_BYTES, 0)) ?? { buffer: Buffer.alloc(0), bytesRead: 0 };
	await handle?.close();
	if (!buffer.toString('utf8', 0, bytesRead).includes(marker)) {
		throw new RunError(`${path} was not written by a report and is left alone: move it away, or choose another --out.`);
	}
}
