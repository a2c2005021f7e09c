/** Reports on view, kept in the extension's storage, so that their panels come back after the window was reloaded. */
import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as vscode from 'vscode';
import type { Report } from '../analysis/report/content';
import { replaceText } from '../trace/replace.node';
import type { ResultStore } from './resultStore';

/** With a result of ten thousand problems; what is larger is made again, not kept twice. */
const MAX_BYTES = 64 * 2 ** 20;

const NAME = /^[0-9a-f]{24}\.json$/;

/** What is shown, and what it was made of. */
export interface ShownReport {
	report: Report;
	/** The result as `eval --out` writes it. */
	json?: string;
	/** Of the file that a save dialog suggests. */
	folder?: vscode.Uri;
}

export class ReportStore {
	constructor(private readonly files: ResultStore) {}

	/** A name to find it by; undefined where it is too large to be kept. */
	async keep({ report, json, folder }: ShownReport): Promise<string | undefined> {
		const text = JSON.stringify({ report, json, folder: folder?.toString() });
		if (text.length > MAX_BYTES) {
			return undefined;
		}
		const path = await this.files.reserve(report);
		await replaceText(path, 'The report', text);
		await this.files.tidy();
		return basename(path);
	}

	/** Undefined where it is not kept any more. `name` comes from a panel's state. */
	async find(name: unknown): Promise<ShownReport | undefined> {
		if (typeof name !== 'string' || !NAME.test(name)) {
			return undefined;
		}
		const path = join(this.files.folder, name);
		const size = (await stat(path).catch(() => undefined))?.size;
		if (size === undefined || size > 4 * MAX_BYTES) {
			return undefined;
		}
		const { report, json, folder } = JSON.parse(await readFile(path, 'utf8')) as { report: Report; json?: string; folder?: string };
		return { report, json, folder: folder === undefined ? undefined : vscode.Uri.parse(folder) };
	}
}
