/** A trace file, opened for reading by range: from disk, or whole from a virtual file system. */
import * as vscode from 'vscode';
import { TraceView } from '../analysis/view';
import { memoryBytes, type ByteSource } from '../trace/bytes';
import { openFile } from '../trace/bytes.node';
import { TraceError } from '../trace/error';
import { openTrace, type TraceFile } from '../trace/reader';
import { watched } from '../trace/watch';

/** A virtual file system hands out whole files only, which are copied on their way here and then held: larger ones would crowd the extension host. */
const VIRTUAL_FILE_LIMIT = 64 * 2 ** 20;

export interface OpenTrace {
	/** To be disposed of by who opened it. */
	file: TraceFile;
	view: TraceView;
}

/** `onReplaced` is called when a read finds that the file is another by now: a watcher may be late, and of a network folder silent. */
export async function openTraceFile(uri: vscode.Uri, onReplaced = () => {}): Promise<OpenTrace> {
	const file = await openTrace(await bytesOf(uri));
	return { file, view: new TraceView(watched(file, onReplaced)) };
}

async function bytesOf(uri: vscode.Uri): Promise<ByteSource> {
	if (uri.scheme === 'file') {
		return openFile(uri.fsPath);
	}
	const { fs } = vscode.workspace;
	checkSize((await fs.stat(uri).then(undefined, cannotOpen)).size);
	const bytes = await fs.readFile(uri).then(undefined, cannotOpen);
	// What a file system says of a file need not be so.
	checkSize(bytes.byteLength);
	return memoryBytes(bytes);
}

function cannotOpen(error: unknown): never {
	const why = error instanceof vscode.FileSystemError ? error.code : String(error);
	throw new TraceError(`The file cannot be opened (${why}): check that it exists and may be read.`, 'cannot-read');
}

function checkSize(size: number): void {
	if (size > VIRTUAL_FILE_LIMIT) {
		const [have, limit] = [size, VIRTUAL_FILE_LIMIT].map((bytes) => Math.ceil(bytes / 2 ** 20));
		throw new Error(
			vscode.l10n.t('This trace has {0} MiB; from a virtual workspace at most {1} can be read: save it to disk.', have!, limit!),
		);
	}
}
