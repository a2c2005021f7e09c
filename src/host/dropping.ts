/** Files that are dropped on a view: a trace opens in the trace editor, anything else is imported as a log. */
import * as vscode from 'vscode';
import { reviewName } from '../trace/review';
import { baseName } from './promptFile';
import { TRACE_VIEW_TYPE } from './traceEditor';

/** More were dropped by mistake. */
const MAX_FILES = 8;

/** Only of the disk and of the workspace's own file systems; the rest is no file that a user can have dragged from the explorer. */
export async function openDropped(texts: readonly string[]): Promise<void> {
	const uris = texts.slice(0, MAX_FILES).flatMap((text) => localOf(text) ?? []);
	if (uris.length === 0) {
		throw new Error(vscode.l10n.t('What was dropped is no file of this workspace or of this machine.'));
	}
	for (const uri of uris) {
		if (reviewName(baseName(uri)) === undefined) {
			await vscode.commands.executeCommand('neuralese.importLog', uri);
		} else {
			await vscode.commands.executeCommand('vscode.openWith', uri, TRACE_VIEW_TYPE);
		}
	}
}

function localOf(text: string): vscode.Uri | undefined {
	try {
		const uri = vscode.Uri.parse(text, true);
		// The window calls a remote machine's files so; here, on that machine, they are files.
		const here = uri.scheme === 'vscode-remote' && vscode.env.remoteName !== undefined ? vscode.Uri.file(uri.path) : uri;
		const known = new Set(['file', ...(vscode.workspace.workspaceFolders ?? []).map((folder) => folder.uri.scheme)]);
		// A file with an authority is on another machine, which would be asked with the user's name.
		return known.has(here.scheme) && (here.scheme !== 'file' || here.authority === '') ? here : undefined;
	} catch {
		return undefined;
	}
}
