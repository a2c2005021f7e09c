/** The files of a report: Markdown, CSV and a page. */
import { mkdir, open, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Part, Report } from '../analysis/report/content';
import { CSV_HEADER, renderCsv } from '../analysis/report/csv';
import { HTML_MARKER, renderHtml } from '../analysis/report/html';
import { MARKDOWN_MARKER, renderMarkdown } from '../analysis/report/markdown';
import { producer } from '../engine/product';
import { replaceText } from '../trace/replace.node';
import { RunError } from './failure';

/** Where a marker stands in a file of ours. */
const MARKED_BYTES = 2_000;

/** `render`s a file of the report; `marker` is in the beginning of every file of that kind that we wrote. */
const FILES = [
	{ name: 'report.md', marker: MARKDOWN_MARKER, render: renderMarkdown },
	{ name: 'report.csv', marker: CSV_HEADER, render: renderCsv },
	{ name: 'report.html', marker: HTML_MARKER, render: (report: Report) => renderHtml(report) },
] as const;

/** Before anything is run for it: the folder is there or is made, and what lies in it is an earlier report's or has other names. */
export async function checkReportFolder(out: string): Promise<void> {
	const folder = resolve(out);
	await mkdir(folder, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
		throw new RunError(`${out} cannot be made (${error.code ?? error.message}): choose another --out.`);
	});
	for (const { name, marker } of FILES) {
		await checkOurs(join(folder, name), marker);
	}
}

/** The files' paths. Only files that an earlier report wrote are replaced. */
export async function writeReport(out: string, title: string, parts: Part[]): Promise<string[]> {
	await checkReportFolder(out);
	const report: Report = { title, parts, created: new Date().toISOString(), producer: producer() };
	for (const { name, render } of FILES) {
		await replaceText(join(resolve(out), name), 'The report', render(report));
	}
	return FILES.map(({ name }) => join(out, name));
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
