/** A trace file, opened for reading by range: from disk, or whole from a virtual file system. */
import * as vscode from 'vscode';
import { TraceView } from '../analysis/view';
import { memoryBytes, type ByteSource } from '../trace/bytes';
import { openFile } from '../trace/bytes.node';
import { openTrace, type TraceFile } from '../trace/reader';

/** A virtual file system hands out whole files only: larger ones would have to be held in the extension host's memory. */
const VIRTUAL_FILE_LIMIT = 256 * 2 ** 20;

export interface OpenTrace {
	/** To be disposed of by who opened it. */
	file: TraceFile;
	view: TraceView;
}

export async function openTraceFile(uri: vscode.Uri): Promise<OpenTrace> {
	const bytes = await bytesOf(uri);
	try {
		const file = await openTrace(bytes);
		return { file, view: new TraceView(file) };
	} catch (error) {
		bytes.dispose();
		throw error;
	}
}

async function bytesOf(uri: vscode.Uri): Promise<ByteSource> {
	if (uri.scheme === 'file') {
		return openFile(uri.fsPath);
	}
	const { size } = await vscode.workspace.fs.stat(uri);
	if (size > VIRTUAL_FILE_LIMIT) {
		const [have, limit] = [size, VIRTUAL_FILE_LIMIT].map((bytes) => Math.ceil(bytes / 2 ** 20));
		throw new Error(
			vscode.l10n.t('This trace has {0} MiB; from a virtual workspace at most {1} can be read: save it to disk.', have!, limit!),
		);
	}
	return memoryBytes(await vscode.workspace.fs.readFile(uri));
}
